// The styles one can choose: those that come with the page, and the visitor's own pictures.

import { onChoose } from './pictures.js';

/**
 * @typedef {object} StyleItem
 * @property {string} title
 * @property {() => Promise<Blob>} picture fetched once, when first wanted
 */

const listUrl = new URL('./styles/styles.json', import.meta.url);

/** A group of radio buttons made of pictures. */
export class Gallery {
  #root;
  #language;
  #onSelect;
  #add;
  #items = new Map(); // radio button → StyleItem

  /**
   * @param {HTMLElement} root
   * @param {{ language: 'en' | 'zh', addLabel: string, onSelect: () => void, onFile: (file: File) => void }} options
   */
  constructor(root, { language, addLabel, onSelect, onFile }) {
    this.#root = root;
    this.#language = language;
    this.#onSelect = onSelect;
    this.#add = document.createElement('label');
    this.#add.className = 'tile add';
    this.#add.title = addLabel;
    const input = Object.assign(document.createElement('input'), {
      type: 'file', id: 'style-file', accept: 'image/*', ariaLabel: addLabel,
    });
    this.#add.append(input, '+');
    onChoose(input, onFile);
    root.replaceChildren(this.#add);
  }

  /** Adds the bundled styles and selects the first. Rejects where their list cannot be loaded. */
  async loadBundled() {
    const response = await fetch(listUrl);
    if (!response.ok) throw new Error(`${listUrl.pathname}: ${response.status}`);
    for (const { file, thumb, title, provenance } of await response.json()) {
      const url = new URL(file, listUrl);
      let picture;
      const src = new URL(thumb, listUrl).href;
      this.#tile({ src, title: title[this.#language] ?? title.en, note: provenance }, () => {
        picture ??= fetchBlob(url).catch((error) => {
          picture = undefined; // the next attempt asks again
          throw error;
        });
        return picture;
      });
    }
    if (!this.selected) this.#root.querySelector('input[type=radio]')?.click();
  }

  /** Adds a picture of the visitor's own and selects it. */
  addOwn(file, title) {
    const radio = this.#tile({ src: URL.createObjectURL(file), title }, async () => file);
    radio.click();
  }

  /** @returns {StyleItem | undefined} */
  get selected() {
    return this.#items.get(this.#root.querySelector('input[type=radio]:checked'));
  }

  #tile({ src, title, note }, picture) {
    const label = document.createElement('label');
    label.className = 'tile';
    label.title = note ? `${title}\n${note}` : title;
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'style' });
    const image = Object.assign(document.createElement('img'), { src, alt: title, decoding: 'async', loading: 'lazy' });
    label.append(radio, image);
    this.#items.set(radio, { title, picture });
    radio.addEventListener('change', this.#onSelect);
    this.#add.before(label);
    return radio;
  }
}

async function fetchBlob(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
  return response.blob();
}
