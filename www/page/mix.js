// The styles of a mixture, with a slider each.

import { $, bring, follow, icon, label, make, showList } from './dom.js';
import { pressStyle, set } from './looks.js';
import { store } from './store.js';
import { styleOf, titleOf } from './styles.js';
import { number, words } from './words.js';

/** @param {string} id @param {number} weight @param {boolean} moving */
function weigh(id, weight, moving) {
  const styles = store.now.history.now.styles.map((style) => (style.id === id ? { id, weight } : style));
  // Weights of nothing but 0 say nothing.
  if (styles.some((style) => style.weight > 0)) set({ styles }, { moving });
  else store.touch();
}

/** @param {string} id */
function row(id) {
  const slider = make('input', { type: 'range', min: '0', max: '100', id: `weight-${id}` });
  slider.dataset.style = id;
  follow(slider, (weight, moving) => weigh(id, weight, moving));
  const remove = make('button', { type: 'button', className: 'icon' }, icon('close'));
  remove.addEventListener('click', () => {
    pressStyle(id);
    store.settle();
    /** @type {HTMLElement | null} */ ($('mix').querySelector('button'))?.focus();
  });
  return make('div', { className: 'part' },
    make('img', { alt: '', width: 40, height: 40 }),
    make('div', { className: 'field' },
      make('div', { className: 'head' }, make('label', { htmlFor: slider.id }), make('output', { htmlFor: slider.id })), slider),
    remove);
}

/** @param {Readonly<import('./store.js').State>} state */
export function showMix({ history: { now: { styles } }, mixing }) {
  bring($('mix'), { hidden: !mixing });
  const sum = styles.reduce((all, { weight }) => all + weight, 0);
  showList($('mix'), styles, {
    key: ({ id }) => id,
    make: ({ id }) => row(id),
    update(part, { id, weight }) {
      const find = (/** @type {string} */ selector) => /** @type {any} */ (part.querySelector(selector));
      const name = titleOf(id);
      const share = `${number((100 * weight) / sum)} %`;
      bring(/** @type {HTMLImageElement} */ (find('img')), { src: styleOf(id)?.thumb ?? '' });
      bring(/** @type {HTMLElement} */ (find('label')), { textContent: name });
      bring(/** @type {HTMLElement} */ (find('output')), { textContent: share });
      bring(/** @type {HTMLInputElement} */ (find('input')), { value: String(weight), ariaValueText: share });
      const remove = /** @type {HTMLButtonElement} */ (find('button'));
      label(remove, words('removeFromMix', { name }));
      bring(remove, { disabled: styles.length < 2 });
    },
  });
}
