// The styles one can choose: those that come with the page, and the visitor's own pictures.

import { icon, label, make, roving } from './dom.js';
import { forget, forgetAll, keep, keptStyles } from './keep.js';
import { recall, remember } from './remember.js';
import { tunedStyle } from '../tuned.js';
import { check } from './pictures.js';
import { stem } from './save.js';
import { inLanguage, words } from './words.js';

/**
 * @typedef {object} Style
 * @property {string} id
 * @property {() => string} title in the visitor's language
 * @property {string} note where it comes from
 * @property {string} keywords what it is found by: its names in every language, and what it is
 * @property {string} thumb address of a small picture
 * @property {string} file its name for the command line
 * @property {string} name for the files of its paintings
 * @property {boolean} own
 * @property {() => Promise<Blob>} picture fetched when first wanted; it may be a tuned style
 */

const listUrl = new URL('../styles/styles.json', import.meta.url);

/** Where the favourites are kept: their ids, with spaces between. */
const FAVOURITES = 'impasto-favourites';

/** The styles and their tiles. */
export class Gallery {
  #root;
  #onPress;
  #onRemoved;
  #add;
  #input;
  #camera = make('button', { type: 'button', className: 'tile add' }, icon('camera'));
  /** @type {Map<string, Style>} */
  #styles = new Map();
  /** @type {Map<string, HTMLElement>} */
  #tiles = new Map();
  /** Ids, also of styles that are not there yet. */
  #favourites = new Set((recall(FAVOURITES) ?? '').split(' ').filter(Boolean));
  /** What a style must have in its keywords to be shown. @type {string[]} */
  #wanted = [];

  /**
   * @param {HTMLElement} root
   * @param {{ onPress: (id: string) => void, onFiles: (files: File[]) => void, onCamera: () => void, onRemoved: (id: string) => void, onChoose: typeof import('./pictures.js').onChoose }} options
   */
  constructor(root, { onPress, onFiles, onCamera, onRemoved, onChoose }) {
    this.#root = root;
    this.#onPress = onPress;
    this.#onRemoved = onRemoved;
    this.#input = make('input', { type: 'file', id: 'style-file', accept: 'image/*,.style', multiple: true });
    this.#add = make('label', { className: 'tile add' }, icon('plus'), this.#input);
    onChoose(this.#input, onFiles);
    this.#camera.addEventListener('click', onCamera);
    root.replaceChildren(this.#add, this.#camera);
    roving(root, '.tile:not([hidden]) > .pick');
    root.addEventListener('keydown', (event) => {
      const { style } = /** @type {HTMLElement} */ (event.target).dataset;
      if (event.key.toLowerCase() === 'f' && !event.ctrlKey && !event.metaKey && !event.altKey && style) this.#favour(style);
    });
  }

  /** @param {string | null} id */
  get(id) {
    return id === null ? undefined : this.#styles.get(id);
  }

  get all() { return [...this.#styles.values()]; }

  /** Shows only the styles that have all words of a text. @param {string} text @returns {number} how many these are */
  filter(text) {
    this.#wanted = plain(text).split(/\s+/);
    let found = 0;
    for (const [id, tile] of this.#tiles) {
      tile.hidden = !this.#isWanted(/** @type {Style} */ (this.#styles.get(id)));
      if (!tile.hidden) found++;
    }
    return found;
  }

  /** @param {Style} style */
  #isWanted({ keywords }) {
    const has = plain(keywords);
    return this.#wanted.every((word) => has.includes(word));
  }

  /** Adds the bundled styles. Rejects where their list cannot be loaded. */
  async loadBundled() {
    const response = await fetch(listUrl);
    if (!response.ok) throw new Error(`${listUrl.pathname}: ${response.status}`);
    for (const { id, file, thumb, title, provenance, tuned } of await response.json()) {
      /** @type {Promise<Blob> | undefined} */
      let picture;
      this.#put({
        id,
        title: () => inLanguage(title),
        note: provenance,
        // What all of them are comes before the colon.
        keywords: [...Object.values(title), provenance.split(': ').at(-1)].join(' '),
        thumb: new URL(thumb, listUrl).href,
        file: id,
        name: id,
        own: false,
        // What was tuned to it has the picture in it.
        picture: () => (picture ??= fetchBlob(new URL(tuned ?? file, listUrl))
          .catch(() => fetchBlob(new URL(file, listUrl)))
          .catch((error) => {
            picture = undefined; // the next attempt asks again
            throw error;
          })),
      });
    }
  }

  /** Adds what the visitor kept on this device. */
  async loadKept() {
    for (const { id, name, picture } of await keptStyles()) {
      if (this.#styles.has(id)) continue;
      await this.#putOwn(id, new File([picture], name, { type: picture.type })).catch(() => {});
    }
  }

  /**
   * Adds a picture of the visitor's own, and keeps it on this device.
   * @param {File} file
   * @returns {Promise<{ id: string, kept: Promise<boolean> }>} kept: false where the browser keeps nothing
   */
  async addOwn(file) {
    const id = `own-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`;
    const picture = await this.#putOwn(id, file);
    const kept = keep({ id, name: picture.name, picture }).then(() => true, () => false);
    return { id, kept };
  }

  /** @param {string} id @param {File} given */
  async #putOwn(id, given) {
    const tuned = await tunedStyle(given);
    const { file, thumb } = await check(tuned ? new File([tuned.picture], given.name) : given);
    const kept = tuned ? given : file;
    const title = tuned?.about.name ?? (stem(kept.name) || kept.name);
    const note = [tuned?.about.author, tuned?.about.licence].filter(Boolean).join(', ');
    this.#put({ id, title: () => title, note, keywords: `${title} ${note}`, thumb, file: kept.name, name: title, own: true, picture: async () => kept });
    return kept;
  }

  /** @param {string} id */
  async remove(id) {
    this.#drop(id);
    await forget(id).catch(() => {}); // what could not be kept need not be forgotten
  }

  async removeAll() {
    for (const { id, own } of this.all) if (own) this.#drop(id);
    await forgetAll().catch(() => {});
  }

  /** Puts a style among the first, or back. @param {string} id */
  #favour(id) {
    if (!this.#favourites.delete(id)) this.#favourites.add(id);
    remember(FAVOURITES, [...this.#favourites].join(' ') || null);
    const focus = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#arrange();
    if (focus && this.#root.contains(focus)) focus.focus(); // moving what has it takes it away
  }

  /** Favourites come first, then pictures of the visitor's own, the newest first. */
  #arrange() {
    const rank = (/** @type {Style} */ { id, own }) => (this.#favourites.has(id) ? 0 : own ? 1 : 2);
    const own = this.all.filter((style) => style.own).reverse();
    const order = [...own, ...this.all.filter((style) => !style.own)].sort((a, b) => rank(a) - rank(b));
    for (const { id } of order) {
      const tile = /** @type {HTMLElement} */ (this.#tiles.get(id));
      /** @type {HTMLElement} */ (tile.querySelector('.star')).ariaPressed = String(this.#favourites.has(id));
      this.#root.append(tile);
    }
  }

  /** @param {string} id */
  #drop(id) {
    const style = this.#styles.get(id);
    if (!style) return;
    URL.revokeObjectURL(style.thumb);
    this.#styles.delete(id);
    this.#tiles.get(id)?.remove();
    if (this.#favourites.has(id)) this.#favour(id);
    this.#tiles.delete(id);
    this.#onRemoved(id);
  }

  /** Shows which are chosen, in which order. @param {string[]} chosen */
  render(chosen) {
    const addLabel = words('addStyle');
    this.#input.ariaLabel = addLabel;
    this.#add.title = addLabel;
    label(this.#camera, words('photographStyle'));
    for (const [id, tile] of this.#tiles) {
      this.#name(/** @type {Style} */ (this.#styles.get(id)), tile);
      const at = chosen.indexOf(id);
      /** @type {HTMLElement} */ (tile.firstElementChild).ariaPressed = String(at >= 0);
      tile.dataset.order = chosen.length > 1 && at >= 0 ? String(at + 1) : '';
    }
  }

  /** Says what a tile is, in the language of the page. @param {Style} style @param {HTMLElement} tile */
  #name(style, tile) {
    const [pick, star, remove] = /** @type {HTMLButtonElement[]} */ ([...tile.children]);
    const title = style.title();
    pick.ariaLabel = title;
    pick.title = `${title}\n${style.note || words('ownNote')}`;
    /** @type {HTMLElement} */ (pick.lastElementChild).textContent = title;
    label(star, words('favourite', { name: title }));
    if (remove) label(remove, words('removeStyle', { name: title }));
  }

  /** @param {Style} style */
  #put(style) {
    const image = make('img', { src: style.thumb, alt: '', decoding: 'async', loading: 'lazy', width: 80, height: 80, draggable: false });
    const pick = make('button', { type: 'button', className: 'pick', draggable: true }, image, make('span', { className: 'name' }));
    pick.dataset.style = style.id;
    pick.addEventListener('click', () => this.#onPress(style.id));
    // By keyboard it is F on the style: no tile has two stops of the Tab key.
    const star = make('button', { type: 'button', className: 'star', tabIndex: -1 }, icon('star'));
    star.addEventListener('click', () => this.#favour(style.id));
    const tile = make('div', { className: 'tile', hidden: !this.#isWanted(style) }, pick, star);
    if (style.own) {
      const remove = make('button', { type: 'button', className: 'remove' }, icon('close'));
      remove.addEventListener('click', () => {
        this.remove(style.id);
        this.#input.focus();
      });
      tile.append(remove);
    }
    this.#styles.set(style.id, style);
    this.#tiles.set(style.id, tile);
    this.#name(style, tile);
    this.#arrange();
  }
}

/** A text without what one leaves out in a hurry: capitals and accents. @param {string} text */
const plain = (text) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').trim();

/** @param {URL} url */
async function fetchBlob(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
  return response.blob();
}
