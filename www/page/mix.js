// The styles of a mixture, with a slider each.

import { $, follow, icon, label, make } from './dom.js';
import { number, words } from './words.js';

export class Mix {
  #on;

  /**
   * @param {{ weight: (id: string, weight: number, moving: boolean) => void, remove: (id: string) => void, style: (id: string) => import('./gallery.js').Style | undefined }} on
   */
  constructor(on) {
    this.#on = on;
  }

  /** @param {import('./look.js').Look['styles']} styles @param {boolean} mixing */
  render(styles, mixing) {
    const box = $('mix');
    box.hidden = !mixing;
    const names = styles.map(({ id }) => id).join();
    if (box.dataset.styles !== names) {
      box.dataset.styles = names;
      box.replaceChildren(...styles.map(({ id }) => {
        const slider = make('input', { type: 'range', min: '0', max: '100', id: `weight-${id}` });
        slider.dataset.style = id;
        follow(slider, (weight, moving) => {
          this.#on.weight(id, weight, moving);
        });
        const remove = make('button', { type: 'button', className: 'icon' }, icon('close'));
        remove.addEventListener('click', () => {
          this.#on.remove(id);
          /** @type {HTMLElement | null} */ (box.querySelector('button'))?.focus();
        });
        return make('div', { className: 'part' },
          make('img', { src: this.#on.style(id)?.thumb, alt: '', width: 40, height: 40 }),
          make('div', { className: 'field' },
            make('div', { className: 'head' }, make('label', { htmlFor: slider.id }), make('output', { htmlFor: slider.id })), slider),
          remove);
      }));
    }
    const sum = styles.reduce((all, { weight }) => all + weight, 0);
    for (const [i, { id, weight }] of styles.entries()) {
      const row = box.children[i];
      const name = this.#on.style(id)?.title() ?? '';
      /** @type {HTMLLabelElement} */ (row.querySelector('label')).textContent = name;
      /** @type {HTMLOutputElement} */ (row.querySelector('output')).textContent = `${number((100 * weight) / sum)} %`;
      const slider = /** @type {HTMLInputElement} */ (row.querySelector('input'));
      slider.value = String(weight);
      slider.ariaValueText = `${number((100 * weight) / sum)} %`;
      const remove = /** @type {HTMLButtonElement} */ (row.querySelector('button'));
      label(remove, words('removeFromMix', { name }));
      remove.disabled = styles.length < 2;
    }
  }
}
