// The two strips below the stage: the photos, and what was painted in this visit.

import { $, button, icon, input, label, make, roving } from './dom.js';
import { language, words } from './words.js';

/**
 * @typedef {import('./painter.js').Photo & { url: string, thumb: string, film?: File }} Photo film: whose first frame it is
 *
 * An earlier painting of this visit.
 * @typedef {object} Result
 * @property {string} key
 * @property {Photo} photo
 * @property {import('./look.js').Look} look
 * @property {Blob} picture PNG
 * @property {Blob} small its thumbnail
 * @property {string} thumb its address
 *
 * @typedef {{ photos: Photo[], photo?: Photo, results: Result[], shown?: string, canPaint: boolean }} State
 *   shown: the key of the result on the stage
 */

export class Strips {
  #on;
  /** @type {State} */ #now = { photos: [], results: [], canPaint: false };
  #another = make('label', { className: 'tile add' }, icon('plus'),
    make('input', { type: 'file', id: 'another-file', accept: 'image/*,video/*,.mkv', multiple: true }));
  #camera = make('button', { type: 'button', className: 'tile add' }, icon('camera'));

  /**
   * @param {{ photo: (photo: Photo) => void, removePhoto: (photo: Photo) => void, camera: () => void, result: (result: Result) => void, styleNames: (look: import('./look.js').Look) => string }} on
   */
  constructor(on) {
    this.#on = on;
    this.#camera.addEventListener('click', on.camera);
    $('photos').append(this.#another, this.#camera);
    roving($('photos'), 'button.pick');
    roving($('results'), 'button.pick');
  }

  /** @param {State} state */
  render(state) {
    this.#now = state;
    const { photos, photo, results, shown, canPaint } = state;
    const still = photos.filter(({ film }) => !film);
    button('batch').hidden = still.length < 2;
    button('batch').disabled = !canPaint;
    button('batch').textContent = words('batch', { n: still.length });
    $('results-strip').hidden = !results.length;
    if (stale($('photos'), photos.map(({ id }) => id), photo?.id)) this.#photos();
    if (stale($('results'), results.map(({ key }) => key), shown)) this.#results();
  }

  #photos() {
    const tiles = this.#now.photos.map((one) => {
      const pick = make('button', { type: 'button', className: 'pick' }, make('img', { src: one.thumb, alt: '', width: 64, height: 64 }));
      pick.ariaCurrent = String(one === this.#now.photo);
      pick.dataset.focus = `photo-${one.id}`;
      label(pick, one.name);
      pick.addEventListener('click', () => this.#on.photo(one));
      const remove = make('button', { type: 'button', className: 'remove' }, icon('close'));
      label(remove, words('removePhoto', { name: one.name }));
      remove.addEventListener('click', () => {
        this.#on.removePhoto(one);
        /** @type {HTMLElement} */ (document.querySelector('#photos .pick, #photo-file')).focus();
      });
      const badge = one.film ? [make('span', { className: 'badge' }, icon('film'))] : [];
      return make('div', { className: 'tile' }, pick, ...badge, remove);
    });
    this.#another.title = words('choosePhotos');
    input('another-file').ariaLabel = words('choosePhotos');
    label(this.#camera, words('takePhoto'));
    keepingFocus(() => $('photos').replaceChildren(...tiles, this.#another, this.#camera));
  }

  #results() {
    const { results, shown } = this.#now;
    const tiles = results.map((result, i) => {
      const pick = make('button', { type: 'button', className: 'pick' }, make('img', { src: result.thumb, alt: '', width: 64, height: 64 }));
      pick.ariaCurrent = String(result.key === shown);
      pick.dataset.focus = result.thumb;
      label(pick, words('resultName', { n: results.length - i, photo: result.photo.name, styles: this.#on.styleNames(result.look) }));
      pick.addEventListener('click', () => this.#on.result(result));
      return make('div', { className: 'tile' }, pick);
    });
    keepingFocus(() => $('results').replaceChildren(...tiles));
  }
}

/** Whether an element has to be made anew: what it was made from is not what it was. @param {HTMLElement} element @param {unknown[]} from */
function stale(element, ...from) {
  const sign = JSON.stringify([language, ...from]);
  if (element.dataset.from === sign) return false;
  element.dataset.from = sign;
  return true;
}

/** Runs `use`, after which the focus is on what replaced the focused element. @param {() => void} use */
function keepingFocus(use) {
  const focus = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.focus;
  use();
  if (focus) /** @type {HTMLElement | null} */ (document.querySelector(`[data-focus="${CSS.escape(focus)}"]`))?.focus();
}
