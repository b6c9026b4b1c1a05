// <photo-stylizer src="photo.jpg" style-src="painting.jpg"></photo-stylizer>: the stylizer as an
// element. Shows the photo at once, and the painting in its place when it is there.

import { Stylizer } from './stylizer.js';

/**
 * @typedef {import('./stylizer.js').Picture} Picture
 * @typedef {{ picture: Picture | string | null, weight?: number, mask?: Picture }} ElementLayer a string
 *   is an address
 * @typedef {'empty' | 'loading' | 'painting' | 'refining' | 'painted' | 'live' | 'failed'} ElementState
 */

/**
 * One engine for all elements that want the same.
 * @typedef {{ stylizer: Promise<Stylizer>, end: AbortController, users: number, timer?: ReturnType<typeof setTimeout> }} Shared
 * @type {Map<string, Shared>}
 */
const engines = new Map();

/** @param {string} key @param {Shared} engine */
function release(key, engine) {
  clearTimeout(engine.timer);
  if (engines.get(key) === engine) engines.delete(key);
  engine.end.abort(new DOMException('the engine was disposed of', 'AbortError'));
  engine.stylizer.then((stylizer) => stylizer.dispose(), () => {});
}

/**
 * Runs `use` with an engine, which is ended when nobody has used it for a while.
 * @param {{ engine: 'auto' | 'webgpu' | 'cpu', weights?: string, baseUrl?: string }} how
 * @param {(stylizer: Stylizer) => Promise<void>} use
 */
async function withEngine(how, use) {
  const key = JSON.stringify(how);
  let engine = engines.get(key);
  if (!engine) {
    const end = new AbortController();
    const fresh = engine = { stylizer: Stylizer.load({ ...how, signal: end.signal }), end, users: 0 };
    engines.set(key, fresh);
    // The next element tries again.
    fresh.stylizer.catch(() => { if (engines.get(key) === fresh) engines.delete(key); });
  }
  const one = engine;
  clearTimeout(one.timer);
  one.users++;
  try {
    await use(await one.stylizer);
  } catch (error) {
    throw one.end.signal.aborted ? one.end.signal.reason : error; // whatever an engine says that is no more
  } finally {
    one.users--;
    const { idle } = PhotoStylizer;
    if (!one.users && idle < Infinity) one.timer = setTimeout(() => release(key, one), idle);
  }
}

const STYLES = `
  :host { display: inline-block; position: relative; max-width: 100% }
  :host([hidden]), [hidden] { display: none !important }
  [part=photo] { display: block; width: 100%; max-width: 100%; height: auto }
  [part=photo].covered { visibility: hidden }
  [part=picture] { position: absolute; inset: 0; width: 100%; height: 100% }
  [part=words] { margin: 0; padding: .4em .7em; font: 14px/1.4 system-ui, sans-serif; color: #fff; background: rgb(0 0 0 / 65%) }
  .placed ~ [part=words] { position: absolute; inset: auto 0 0 }
`;
/** @type {CSSStyleSheet | undefined} */
let sheet;
/** A sheet made by script is no inline style, which a Content-Security-Policy may forbid. */
function styles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
  }
  return sheet;
}

/** @type {Record<ElementState, string>} */
const WORDS = { loading: 'Loading…', painting: 'Painting…', painted: '', refining: '', live: '', failed: 'This picture could not be painted.', empty: '' };

// Servers import what their pages use, and have no elements.
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * As large as its photo, like an `img`; with `width` and `height` it keeps its place before the photo is there.
 *
 * Attributes: `src` (address of the photo), `style-src` (of the style picture; several separated by
 * spaces are mixed), `alt`, `width`, `height`, `strength`, `colours`, `size`, `style-size`, `engine`, `weights`, `base-url`:
 * as the options of the same names in {@link Stylizer}; `refine`: when it is painted, the picture gets better in so many
 * steps (60 without a number). Properties `photo` and `layers` take pictures instead of addresses. The attribute
 * `state` tells what it does: `empty`, `loading`, `painting`, `refining`, `painted` or `failed`. What it says then
 * is replaced by a child whose slot is named like the state. A painting that could not be refined stays. A `photo` that
 * is a MediaStream is painted as it comes, in the state `live`; the property `stream` then has the paintings.
 *
 * @fires painted a CustomEvent whose `detail` is the ImageData: the painting is shown
 * @fires refined the same, after refining
 * @fires failed a CustomEvent whose `detail` is the error
 */
export class PhotoStylizer extends Base {
  static observedAttributes = ['src', 'style-src', 'alt', 'width', 'height', 'strength', 'colours', 'size', 'style-size', 'engine', 'weights', 'base-url', 'refine'];

  /** Milliseconds after which an engine that paints nothing is ended, and its memory freed; Infinity keeps it. */
  static idle = 60_000;

  /** Ends all engines of elements now. What is being painted fails; the next change starts another engine. */
  static dispose() {
    for (const [key, engine] of [...engines]) release(key, engine);
  }

  #canvas = document.createElement('canvas');
  #words = document.createElement('p');
  #slot = document.createElement('slot');
  /** What keeps the place. @type {HTMLImageElement | HTMLCanvasElement} */ #below = document.createElement('canvas');
  /** What it shows. @type {Picture | string | undefined} */ #placed;
  /** @type {Picture | MediaStream | undefined} */ #photo;
  /** What is painted live. @type {MediaStream | undefined} */ #source;
  /** @type {MediaStream | undefined} */ #stream;
  /** @type {ElementLayer[] | undefined} */ #layers;
  /** @type {AbortController | undefined} */ #abort;
  #asked = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    this.#canvas.setAttribute('part', 'picture');
    this.#canvas.width = this.#canvas.height = 0;
    this.#canvas.hidden = true;
    this.#below.hidden = true;
    this.#below.setAttribute('part', 'photo');
    this.#words.setAttribute('role', 'status');
    this.#words.setAttribute('part', 'words');
    this.#words.append(this.#slot);
    this.#slot.addEventListener('slotchange', () => this.#say());
    root.append(this.#canvas, this.#below, this.#words);
    this.#show('empty', { silent: true });
  }

  /** The photo, in place of the one at `src`, or a stream. @returns {Picture | MediaStream | undefined} */
  get photo() { return this.#photo; }
  set photo(picture) { this.#photo = picture; this.#ask(); }

  /** The styles, in place of those at `style-src`. @returns {ElementLayer[] | undefined} */
  get layers() { return this.#layers; }
  set layers(layers) { this.#layers = layers; this.#ask(); }

  /** The paintings, and the sound, of the stream that is painted; the same as long as that is. @returns {MediaStream | undefined} */
  get stream() { return this.#stream; }

  /** @returns {ElementState} */
  get state() { return /** @type {any} */ (this.getAttribute('state') ?? 'empty'); }

  connectedCallback() {
    // What was set before the element was defined hides the setters.
    for (const name of /** @type {const} */ (['photo', 'layers'])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = /** @type {any} */ (this[name]);
      delete this[name];
      this[name] = value;
    }
    this.#ask();
  }

  disconnectedCallback() {
    this.#abort?.abort();
    this.#end();
    this.#source = undefined;
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'alt') this.#name();
    else if (name === 'width' || name === 'height') this.#measure();
    else this.#ask();
  }

  /** Paints once all that changes now has changed. */
  #ask() {
    this.#abort?.abort();
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
    const asked = this.#photo ?? (this.getAttribute('src') || undefined);
    const source = asked instanceof MediaStream ? asked : undefined;
    const photo = asked instanceof MediaStream ? undefined : asked;
    if (this.#source !== source) this.#end();
    this.#source = source;
    const layers = this.#layers ?? (this.getAttribute('style-src') ?? '').split(/\s+/).filter(Boolean).map((picture) => ({ picture }));
    this.#place(photo);
    if (!asked || !layers.length) {
      this.#cover(false);
      return this.#show('empty');
    }
    this.#show('loading');
    /** @param {string} name */
    const amount = (name) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined);
    const text = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
    /** @type {import('./stylizer.js').StyleHandle[]} */
    const handles = [];
    try {
      const coming = photo === undefined ? Promise.resolve(undefined) : loaded(photo, signal);
      coming.catch(() => {}); // it is waited for below
      await withEngine({ engine: /** @type {any} */ (text('engine') ?? 'auto'), weights: text('weights'), baseUrl: text('base-url') }, async (stylizer) => {
        const picture = await coming;
        signal.throwIfAborted();
        if (picture) this.#show('painting');
        const styles = [];
        for (const { picture: style, weight = 1, mask } of /** @type {ElementLayer[]} */ (layers)) {
          const handle = style === null ? null : await stylizer.encodeStyle(await loaded(style, signal), { size: amount('style-size'), signal });
          if (handle) handles.push(handle);
          styles.push({ style: handle, weight, mask });
        }
        const colours = /** @type {any} */ (text('colours'));
        const options = { strength: amount('strength'), colours, size: amount('size'), canvas: this.#canvas, signal };
        if (!picture) return await this.#live(stylizer, /** @type {MediaStream} */ (source), styles, options);
        const pixels = await stylizer.stylize(picture, styles, options);
        this.#cover(true);
        this.#show('painted');
        this.dispatchEvent(new CustomEvent('painted', { detail: pixels }));
        if (!this.hasAttribute('refine') || signal.aborted) return;
        this.#show('refining');
        const onProgress = (/** @type {import('./stylizer.js').RefineProgress} */ { picture: now }) => {
          if (now && !signal.aborted) this.#canvas.getContext('2d')?.drawImage(now, 0, 0);
          now?.close();
        };
        const refined = await stylizer.refine(picture, styles, { ...options, steps: amount('refine') || undefined, onProgress });
        this.#show('painted');
        this.dispatchEvent(new CustomEvent('refined', { detail: refined }));
      });
    } catch (error) {
      if (signal.aborted) return; // whatever ended it goes on
      this.#show(this.state === 'refining' ? 'painted' : 'failed');
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
    } finally {
      for (const handle of handles) handle.dispose();
    }
  }

  /** Shows a photo where its painting will be. @param {Picture | string | undefined} photo */
  #place(photo) {
    if (photo === this.#placed) return;
    this.#placed = photo;
    const below = typeof photo === 'string' ? image(photo) : document.createElement('canvas');
    below.setAttribute('part', 'photo');
    below.hidden = !photo;
    this.#below.replaceWith(below);
    this.#below = below;
    this.#cover(false);
    this.#measure();
    const there = () => below.classList.add('placed');
    if (below instanceof HTMLImageElement) below.addEventListener('load', there);
    else if (photo && typeof photo !== 'string') draw(photo, below).then(there, () => {}); // painting it fails too, and tells
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
    const onFrame = () => {
      if (signal.aborted) return;
      // Nothing but the painting knows how large it is.
      const { width, height } = options.canvas;
      const below = /** @type {HTMLCanvasElement} */ (this.#below);
      if (below.width !== width || below.height !== height) Object.assign(below, { width, height });
      below.hidden = false;
      below.classList.add('placed');
      if (this.state === 'live') return;
      this.#cover(true);
      this.#show('live');
    };
    await new Promise((done, failed) => {
      const live = stylizer.live(source, layers, { ...options, onFrame, onFailed: failed });
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

  /** Shows the painting in place of the photo, or not. @param {boolean} covered */
  #cover(covered) {
    this.#canvas.hidden = !covered;
    // Not just below it: a painting may be transparent.
    this.#below.classList.toggle('covered', covered);
    this.#name();
  }

  /** Says what is seen, as `alt` has it. */
  #name() {
    const alt = this.getAttribute('alt') ?? '';
    for (const one of [this.#canvas, this.#below]) {
      if (one instanceof HTMLImageElement) {
        one.alt = alt;
        continue;
      }
      // An empty alt says that there is nothing to be told.
      one.setAttribute('role', alt || !this.hasAttribute('alt') ? 'img' : 'presentation');
      one.setAttribute('aria-label', alt);
    }
  }

  /** Brings the place to `width` and `height`, of which the first counts and both give the shape. */
  #measure() {
    const [width, height] = ['width', 'height'].map((name) => Number.parseFloat(this.getAttribute(name) ?? '') || 0);
    const { style } = this.#below;
    style.width = width ? `${width}px` : '';
    style.aspectRatio = width && height ? `auto ${width} / ${height}` : '';
    this.#below.classList.toggle('placed', Boolean(width && height) || this.#below.classList.contains('placed'));
  }

  /** @param {ElementState} state @param {{ silent?: boolean }} [options] silent: an element that is being made may have no attributes */
  #show(state, { silent = false } = {}) {
    if (!silent) this.setAttribute('state', state);
    this.#slot.name = state;
    this.#slot.textContent = WORDS[state];
    this.#say();
  }

  /** Nothing to say takes no room. */
  #say() {
    this.#words.hidden = !this.#slot.textContent && !this.#slot.assignedNodes().length;
  }
}

/** The picture at an address, as it comes. @param {string} address */
function image(address) {
  const img = document.createElement('img');
  // As fetch() asks for it to paint it, so that it is downloaded once. Without the other site's leave it is only shown.
  img.crossOrigin = 'anonymous';
  img.addEventListener('error', () => {
    if (img.crossOrigin === null) return;
    img.crossOrigin = null;
    img.src = address;
  });
  img.src = address;
  return img;
}

/** @param {Picture} picture @param {HTMLCanvasElement} canvas */
async function draw(picture, canvas) {
  if (picture instanceof HTMLImageElement) await picture.decode();
  const bitmap = await createImageBitmap(picture);
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
  bitmap.close();
}

/** @param {Picture | string} picture @param {AbortSignal} signal @returns {Promise<Picture>} */
async function loaded(picture, signal) {
  if (typeof picture !== 'string') return picture;
  const response = await fetch(picture, { signal });
  if (!response.ok) throw new Error(`could not download ${picture}: the server answered ${response.status}`);
  return response.blob();
}

if (globalThis.customElements && !customElements.get('photo-stylizer')) customElements.define('photo-stylizer', PhotoStylizer);
