// <photo-stylizer src="photo.jpg" style-src="painting.jpg"></photo-stylizer>: the stylizer as an
// element. Shows the photo at once and the painting when it is there.

import { Stylizer } from './stylizer.js';

/**
 * @typedef {import('./stylizer.js').Picture} Picture
 * @typedef {{ picture: Picture | string | null, weight?: number, mask?: Picture }} ElementLayer a string
 *   is an address
 */

/** One engine for all elements that want the same. @type {Map<string, Promise<Stylizer>>} */
const stylizers = new Map();

/** @param {'auto' | 'webgpu' | 'cpu'} engine @param {string | undefined} weights @param {string | undefined} baseUrl */
function stylizerFor(engine, weights, baseUrl) {
  const key = JSON.stringify([engine, weights, baseUrl]);
  let stylizer = stylizers.get(key);
  if (!stylizer) {
    stylizer = Stylizer.load({ engine, weights, baseUrl });
    stylizers.set(key, stylizer);
    stylizer.catch(() => stylizers.delete(key)); // the next element tries again
  }
  return stylizer;
}

// A sheet made by script is no inline style, which a Content-Security-Policy may forbid.
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: inline-block; position: relative; max-width: 100% }
  :host([hidden]) { display: none }
  canvas { display: block; max-width: 100%; height: auto }
  p { position: absolute; inset: auto 0 0; margin: 0; padding: .4em .7em; font: 14px/1.4 system-ui, sans-serif;
      color: #fff; background: rgb(0 0 0 / 65%) }
  p:empty { display: none }
`);

const WORDS = { loading: 'Loading…', painting: 'Painting…', painted: '', refining: '', live: '', failed: 'This picture could not be painted.', empty: '' };

/**
 * Attributes: `src` (address of the photo), `style-src` (of the style picture; several separated by
 * spaces are mixed), `alt`, `strength`, `colours`, `size`, `style-size`, `engine`, `weights`, `base-url`: as the
 * options of the same names in {@link Stylizer}; `refine`: when it is painted, the picture gets better in so many steps
 * (60 without a number). Properties `photo` and `layers` take pictures instead of addresses. The attribute
 * `state` tells what it does: `empty`, `loading`, `painting`, `refining`, `painted` or `failed`. Events: `painted`
 * and `refined`, whose `detail` is the ImageData, and `failed`, whose `detail` is the error; a painting that
 * could not be refined stays. A `photo` that is a MediaStream is painted as it comes, in the state `live`; the property
 * `stream` then has the paintings.
 */
export class PhotoStylizer extends HTMLElement {
  static observedAttributes = ['src', 'style-src', 'alt', 'strength', 'colours', 'size', 'style-size', 'engine', 'weights', 'base-url', 'refine'];

  #canvas = document.createElement('canvas');
  #words = document.createElement('p');
  /** @type {Picture | MediaStream | undefined} */ #photo;
  /** @type {ElementLayer[] | undefined} */ #layers;
  /** @type {AbortController | undefined} */ #abort;
  #asked = false;
  /** What is painted live, and what comes of it. @type {MediaStream | undefined} */ #source;
  /** @type {MediaStream | undefined} */ #stream;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheet];
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('part', 'picture');
    this.#canvas.width = this.#canvas.height = 0;
    this.#words.setAttribute('role', 'status');
    this.#words.setAttribute('part', 'words');
    root.append(this.#canvas, this.#words);
  }

  /** The photo, in place of the one at `src`, or a stream. @returns {Picture | MediaStream | undefined} */
  get photo() { return this.#photo; }
  set photo(picture) { this.#photo = picture; this.#ask(); }

  /** The styles, in place of those at `style-src`. @returns {ElementLayer[] | undefined} */
  get layers() { return this.#layers; }
  set layers(layers) { this.#layers = layers; this.#ask(); }

  /** The paintings, and the sound, of the stream that is painted; the same as long as that is. @returns {MediaStream | undefined} */
  get stream() { return this.#stream; }

  /** @returns {'empty' | 'loading' | 'painting' | 'refining' | 'painted' | 'live' | 'failed'} */
  get state() { return /** @type {any} */ (this.getAttribute('state') ?? 'empty'); }

  connectedCallback() { this.#ask(); }

  disconnectedCallback() {
    this.#abort?.abort();
    this.#end();
    this.#source = undefined;
  }

  attributeChangedCallback() { this.#ask(); }

  /** Paints once all that changes now has changed. */
  #ask() {
    this.#abort?.abort();
    this.#canvas.setAttribute('aria-label', this.getAttribute('alt') ?? '');
    if (this.#asked || !this.isConnected) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      if (this.isConnected) this.#paint();
    });
  }

  async #paint() {
    const abort = new AbortController();
    const { signal } = abort;
    this.#abort = abort;
    const photo = this.#photo ?? this.getAttribute('src');
    const source = photo instanceof MediaStream ? photo : undefined;
    if (this.#source !== source) this.#end();
    this.#source = source;
    const layers = this.#layers ?? (this.getAttribute('style-src') ?? '').split(/\s+/).filter(Boolean).map((picture) => ({ picture }));
    if (!photo || !layers.length) return this.#show('empty');
    this.#show('loading');
    /** @param {string} name */
    const amount = (name) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined);
    /** @type {import('./stylizer.js').StyleHandle[]} */
    const handles = [];
    try {
      const [stylizer, picture] = await Promise.all([
        stylizerFor(/** @type {any} */ (this.getAttribute('engine') ?? 'auto'), this.getAttribute('weights') ?? undefined,
          this.getAttribute('base-url') ?? undefined),
        photo instanceof MediaStream ? undefined : loaded(photo, signal),
      ]);
      signal.throwIfAborted();
      if (picture) this.#show('painting');
      const styles = [];
      for (const { picture: style, weight = 1, mask } of /** @type {ElementLayer[]} */ (layers)) {
        const handle = style === null ? null : await stylizer.encodeStyle(await loaded(style, signal), { size: amount('style-size'), signal });
        if (handle) handles.push(handle);
        styles.push({ style: handle, weight, mask });
      }
      const colours = /** @type {any} */ (this.getAttribute('colours') ?? undefined);
      const options = { strength: amount('strength'), colours, size: amount('size'), canvas: this.#canvas, signal };
      if (!picture) return await this.#live(stylizer, /** @type {MediaStream} */ (photo), styles, options);
      const pixels = await stylizer.stylize(picture, styles, options);
      this.#show('painted');
      this.dispatchEvent(new CustomEvent('painted', { detail: pixels }));
      if (!this.hasAttribute('refine')) return;
      this.#show('refining');
      const onProgress = (/** @type {import('./stylizer.js').RefineProgress} */ { picture: now }) => {
        if (now && !signal.aborted) this.#canvas.getContext('2d')?.drawImage(now, 0, 0);
        now?.close();
      };
      const refined = await stylizer.refine(picture, styles, { ...options, steps: amount('refine') || undefined, onProgress });
      this.#show('painted');
      this.dispatchEvent(new CustomEvent('refined', { detail: refined }));
    } catch (error) {
      if (signal.aborted) return; // whatever ended it goes on
      this.#show(this.state === 'refining' ? 'painted' : 'failed');
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
    } finally {
      for (const handle of handles) handle.dispose();
    }
  }

  /**
   * Paints a stream until it ends, or anything changes.
   * @param {Stylizer} stylizer
   * @param {MediaStream} source
   * @param {import('./stylizer.js').Layer[]} layers
   * @param {import('./live.js').LiveOptions & { canvas: HTMLCanvasElement, signal: AbortSignal }} options
   */
  async #live(stylizer, source, layers, { signal, ...options }) {
    this.#stream ??= new MediaStream([...options.canvas.captureStream().getVideoTracks(), ...source.getAudioTracks()]);
    await new Promise((done, failed) => {
      const live = stylizer.live(source, layers, {
        ...options,
        onFrame: () => { if (this.state !== 'live' && !signal.aborted) this.#show('live'); },
        onFailed: failed,
      });
      signal.addEventListener('abort', () => {
        live.close();
        done(undefined);
      });
    });
  }

  /** Ends the stream that is painted. */
  #end() {
    for (const track of this.#stream?.getVideoTracks() ?? []) track.stop();
    this.#stream = undefined;
  }

  /** @param {keyof typeof WORDS} state */
  #show(state) {
    this.setAttribute('state', state);
    this.#words.textContent = WORDS[state];
  }
}

/** @param {Picture | string} picture @param {AbortSignal} signal @returns {Promise<Picture>} */
async function loaded(picture, signal) {
  if (typeof picture !== 'string') return picture;
  const response = await fetch(picture, { signal });
  if (!response.ok) throw new Error(`could not download ${picture}: the server answered ${response.status}`);
  return response.blob();
}

if (!customElements.get('photo-stylizer')) customElements.define('photo-stylizer', PhotoStylizer);
