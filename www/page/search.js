// The field above the styles that finds some of them.

import { $, input } from './dom.js';
import { words } from './words.js';

export class Search {
  #field = input('style-search');
  #gallery;

  /** @param {import('./gallery.js').Gallery} gallery */
  constructor(gallery) {
    this.#gallery = gallery;
    this.#field.addEventListener('input', () => this.render());
    this.#field.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#field.value) return;
      event.preventDefault();
      this.clear();
    });
  }

  /** Shows all styles again. */
  clear() {
    this.#field.value = '';
    this.render();
  }

  render() {
    const text = this.#field.value.trim();
    const n = this.#gallery.filter(text);
    const says = text ? words(n ? 'stylesFound' : 'noStyleFound', { n, text }) : '';
    this.#field.placeholder = words('findStyle');
    // What is there already is not said again.
    if ($('styles-found').textContent !== says) $('styles-found').textContent = says;
  }
}
