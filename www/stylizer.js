// Style transfer for any page: starts an engine in a worker, survives its crashes, runs one request
// at a time and lets go of what nobody waits for any more. Knows nothing of the page it is on.

import { NoGpu, adapterName } from './adapter.js';
import { refinerHash, version, weightsHash } from './build.js';
import { codeOf, EngineFailed } from './failure.js';
import { Film } from './film.js';
import { Live } from './live.js';
import { ownBase, startWorker } from './start.js';
import { tunedStyle } from './tuned.js';

export { EngineFailed } from './failure.js';

/** Long side of a photo, where none is asked for. */
const PHOTO_SIZE = 512;
/** Long side of the paintings that larger ones look like, in pixels. */
const STROKES = 768;
/** Long side that style pictures are brought to, where none is asked for: as in training. */
const STYLE_SIZE = 384;
/** Longest side of a painting: a photo of 24 megapixels as a whole. Browsers without such a canvas paint it smaller. */
export const LARGEST = 6144;
/** Steps of refining, where no number is asked for. */
const STEPS = 60;
/** Steps of learning, where no number is asked for, and the most. */
const LESSON = { steps: 200, most: 2000 };
/** The most photos that a style is learned on, and the long side that they are brought to. */
const PRACTICE = { most: 200, side: 640 };
/**
 * Pixels of the largest size that is refined: a step keeps about a kilobyte for each, and on a GPU no more than
 * 256 bytes may be in one buffer where it guarantees only what WebGPU promises (128 MB).
 */
const REFINED = { webgpu: 700 * 700, cpu: 512 * 384, learn: 0 };
/**
 * A failure at a longer side than this is taken for want of memory, not for a GPU that does not work. (One that went
 * away is given up where that happens at the size of {@link PHOTO_SIZE}.)
 */
const LARGE = 1024;

/** Silence longer than this means that the engine hangs (a lost GPU, a panic that nothing caught). */
const PATIENCE = {
  // All shaders are compiled by then, for which an emulated GPU takes most of a minute.
  start: 180_000,
  // A GPU answers within seconds; an emulated one needs a minute for 512 × 512.
  run: (/** @type {number} */ size) => 120_000 + 120_000 * (size / 512) ** 2,
  // A step, at the first of which the shaders of learning are compiled.
  lesson: 300_000,
  // What it should take is known: pictures that must be encoded, and whatever else runs, do not make it so much slower.
  known: (/** @type {number} */ milliseconds) => 60_000 + 10 * milliseconds,
};
/** How long a cancelled run may go on before its worker is ended; a new GPU engine costs more. One
 * that is known to take longer is ended at once. */
const GRACE = { webgpu: 3000, cpu: 1000, learn: 0 };

/** The engines to try, in order. @type {Record<string, Kind[]>} */
const PLANS = { auto: ['webgpu', 'cpu'], webgpu: ['webgpu'], cpu: ['cpu'] };
const COLOURS = ['style', 'photo', 'luminance'];

/**
 * @typedef {import('./start.js').Kind} Kind
 *
 * Anything with a picture in it. A file is turned upright as its EXIF data says; of the others, what
 * they show at the time of the call is used.
 * @typedef {Blob | ImageBitmap | ImageData | HTMLCanvasElement | OffscreenCanvas | HTMLImageElement | HTMLVideoElement} Picture
 *
 * @typedef {object} EngineInfo
 * @property {'webgpu' | 'cpu'} kind
 * @property {string} name of the graphics adapter, or 'CPU'
 * @property {string} [why] why WebGPU is not used although it was wanted: 'no-webgpu' (the browser has
 *   none), 'insecure' (it gives it only to pages opened with https), 'no-adapter' (it found no graphics processor), 'software-adapter' (it only emulates one),
 *   'wrong-answer' (it computes something else than it should), 'time-out', 'lost' (again and again), 'crashed', or
 *   the message of an error
 *
 * @typedef {object} LoadProgress
 * @property {'downloading' | 'starting'} step
 * @property {'webgpu' | 'cpu'} kind the engine that is loaded
 * @property {number} [loaded] bytes, while downloading
 * @property {number} [total] bytes, where the server tells
 * @property {number} [part] 0..1 of what is downloaded, where that is known
 *
 * @typedef {object} LoadOptions
 * @property {string | URL | Blob | ArrayBuffer | Uint8Array} [weights] instead of those that come with the
 *   module; where they are or what they are
 * @property {string | URL} [baseUrl] where the folders `www`, `engine` and `models` of the package are, if not beside
 *   this module: for bundlers that do not know `new URL('…', import.meta.url)`. It may be another site that allows it (CORS)
 * @property {'auto' | 'webgpu' | 'cpu'} [engine] 'auto' takes WebGPU where it works, helps, and paints
 *   a tiny known picture as it should, and the CPU elsewhere
 * @property {(progress: LoadProgress) => void} [onProgress] also called when an engine has to be
 *   started anew later
 * @property {(engine: EngineInfo) => void} [onEngine] called whenever an engine is ready: the first, a
 *   new copy after a crash, the CPU engine in place of a GPU that failed
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} Layer
 * @property {StyleHandle | null} style null where the photo is to show; that needs a mask
 * @property {number} [weight] (1) relative to the others: layers without a mask are mixed by weight
 * @property {Picture} [mask] the part of the photo that is painted in this style and no other: the
 *   opacity of a picture that is transparent somewhere, the red of any other. Its size does not
 *   matter, soft edges stay soft. Layers without a mask share what the masks leave
 *
 * @typedef {object} StylizeOptions
 * @property {number} [strength] (1) from 0, the photo, to 1, the full style
 * @property {'style' | 'photo' | 'luminance'} [colours] ('style') the styles' colours; the photo's, as a
 *   whole; or the photo's at every point, the painting giving the brightness
 * @property {number} [size] long side of the painting; photos are never enlarged. For a photo handle:
 *   its own size
 * @property {number} [strokes] (768) long side of the painting that a larger one looks like when it is seen whole: its
 *   strokes are as large. 0: as fine as they come, whatever the size
 * @property {HTMLCanvasElement | OffscreenCanvas} [canvas] brought to the painting's size and painted on
 * @property {AbortSignal} [signal] ends the request at once
 * @property {unknown} [replace] a request with the same key that is still waiting or running is
 *   ended at once, rejected with {@link Replaced}
 * @property {(progress: { done: number, total: number }) => void} [onProgress] how many parts of the
 *   painting are done: the mixture is one, every masked style another
 *
 * @typedef {object} RefineProgress
 * @property {number} done steps
 * @property {number} total steps
 * @property {number} [loaded] bytes of what refining needs, while these are downloaded
 * @property {number} [bytes] how many that are, where the server tells
 * @property {{ content: number, statistics: number, gram: number }} [losses] how far the painting was from its
 *   goal before this step
 * @property {ImageBitmap} [picture] about once a second: the painting as it is now. Close it when it has been
 *   shown
 *
 * @typedef {Omit<StylizeOptions, 'onProgress' | 'strokes'> & { steps?: number, content?: number, onProgress?: (progress: RefineProgress) => void }} RefineOptions
 *   steps: (60) from 1 to 1000; content: (1) how much the photo's content counts, above 0: 0.3 is free, 3 close to
 *   the photo
 *
 * @typedef {object} LearnProgress
 * @property {number} done steps
 * @property {number} total steps
 * @property {number} [loaded] bytes of what learning needs, while these are downloaded
 * @property {number} [bytes] how many that are, where the server tells
 * @property {{ content: number, statistics: number, gram: number }} [losses] how far paintings were from their goal before
 *   this step
 * @property {Blob} [file] every 25 steps, but at most every 5 seconds: the file of what has been learned so far
 *
 * @typedef {object} LearnOptions
 * @property {Picture[]} photos to practise on, from 1 to 200: the more they differ, the better for photos that are not among
 *   them
 * @property {number} [steps] (200) from 1 to 2000
 * @property {string} [name] of the style: without one, that of the file
 * @property {number} [size] (384) long side that the style picture is brought to, as in {@link Stylizer.encodeStyle}
 * @property {AbortSignal} [signal] ends it at once
 * @property {(progress: LearnProgress) => void} [onProgress]
 *
 * @typedef {object} FilmOptions
 * @property {number} [size] (512) long side of the paintings; frames are never enlarged
 * @property {number} [strength] as in {@link StylizeOptions}
 * @property {'style' | 'photo' | 'luminance'} [colours] as in {@link StylizeOptions}
 * @property {number} [steadiness] (0.5) from 0, where every frame is painted by itself, to 1, where it flickers least and
 *   what moves may leave traces
 */

/** The reason of a promise that a newer request made pointless. Its `name` is 'AbortError'. */
export class Replaced extends DOMException {
  constructor() {
    super('replaced by a newer request', 'AbortError');
  }
}

/** A picture that cannot be used. */
export class BadPicture extends Error {
  name = 'BadPicture';
  /**
   * @param {'photo' | 'style' | 'mask' | 'frame'} part
   * @param {'unreadable' | 'foreign' | 'untuned'} problem foreign: from another site that does not allow it; untuned: a
   *   tuned style that is damaged, or was tuned for other weights
   */
  constructor(part, problem) {
    super({
      unreadable: `the ${part} is not a picture that this browser can read`,
      foreign: `the ${part} comes from another site, which does not allow its pixels to be read`,
      untuned: `the ${part} is damaged, or was tuned for other weights than these`,
    }[problem]);
    this.part = part;
    this.problem = problem;
  }
}

/**
 * @typedef {object} Job
 * @property {number} id
 * @property {Handle[]} handles
 * @property {() => object} message what the worker is to do with them
 * @property {number} patience milliseconds of silence, as long as nothing is known about the engine's pace
 * @property {number} [area] pixels that are painted at most, all parts together
 * @property {boolean} [lost] it was running when the GPU was lost
 * @property {unknown} [replace]
 * @property {(progress: any) => void} [onProgress]
 * @property {boolean} [once] it is not begun again on another engine
 * @property {readonly { part: 'photo' | 'style' | 'mask', picture: Blob | ImageBitmap }[]} [pictures] in its message
 * @property {number} [began] when its painting began, in milliseconds
 * @property {number} [pixels] of its painting
 * @property {(result: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 */

/** What the handle's owner may not touch. @type {WeakMap<Handle, { key: number, part: 'photo' | 'style', size: number, picture: Blob | ImageBitmap | undefined, home: Worker | undefined }>} */
const secrets = new WeakMap();
/** @param {Handle} handle */
const secret = (handle) => /** @type {NonNullable<ReturnType<typeof secrets.get>>} */ (secrets.get(handle));

let lastKey = 0;

class Handle {
  #forget;
  /** @param {'photo' | 'style'} part @param {Blob | ImageBitmap} picture @param {number} size @param {(handle: Handle) => void} forget */
  constructor(part, picture, size, forget) {
    secrets.set(this, { key: ++lastKey, part, size, picture, home: undefined });
    this.#forget = forget;
  }

  /** Frees its memory; it cannot be used any more. */
  dispose() {
    const own = secret(this);
    if (!own.picture) return;
    this.#forget(this);
    if (own.picture instanceof ImageBitmap) own.picture.close();
    own.picture = undefined;
  }
}

/** An encoded photo. */
export class PhotoHandle extends Handle {
  /** Of the paintings made from it, in pixels. */
  width = 0;
  height = 0;
}

/** An encoded style picture. */
export class StyleHandle extends Handle {}

/** @param {Picture} picture @param {'photo' | 'style' | 'mask'} part @returns {Promise<Blob | ImageBitmap>} what stays as it is */
async function kept(picture, part) {
  if (picture instanceof Blob) return picture;
  try {
    if (typeof HTMLImageElement !== 'undefined' && picture instanceof HTMLImageElement) await picture.decode();
    return await createImageBitmap(picture);
  } catch (error) {
    if (error instanceof TypeError) throw error; // a mistake of the caller
    throw new BadPicture(part, 'unreadable');
  }
}

/**
 * @param {HTMLCanvasElement | OffscreenCanvas | undefined} canvas
 * @param {{ width: number, height: number, rgba: Uint8ClampedArray<ArrayBuffer> }} painting
 */
function putOn(canvas, { width, height, rgba }) {
  const pixels = new ImageData(rgba, width, height);
  if (canvas) {
    Object.assign(canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
    if (!context) throw new TypeError('the canvas has another context than 2d');
    context.putImageData(pixels, 0, 0);
  }
  return pixels;
}

/** A photo to practise on, no larger than it need be. @param {Picture} picture */
async function practised(picture) {
  const whole = await kept(picture, 'photo');
  if (whole instanceof Blob) return whole;
  const scale = PRACTICE.side / Math.max(whole.width, whole.height);
  if (scale >= 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: 'high' });
  whole.close();
  return small;
}

/** Whether a worker may get the picture: not one of another site that does not allow it. @param {unknown} picture */
function mayGo(picture) {
  if (!(picture instanceof ImageBitmap)) return true;
  try {
    structuredClone(picture).close();
    return true;
  } catch {
    return false;
  }
}

/** @param {number} size @param {string} what */
function checkSize(size, what = 'size') {
  if (Number.isFinite(size) && size >= 16 && size <= LARGEST) return Math.round(size);
  throw new RangeError(`${what} must be from 16 to ${LARGEST} pixels, but is ${size}`);
}

/** @param {string} engine */
function checkEngine(engine) {
  if (!PLANS[engine]) throw new RangeError(`engine must be 'auto', 'webgpu' or 'cpu', but is '${engine}'`);
}

/** @param {string} engine */
const planOf = (engine) => ({ plan: PLANS[engine], forced: engine !== 'auto' });

/** @param {{ code: import('./failure.js').FailureCode, reason: string, cause?: unknown }} told by a worker */
const failureOf = ({ code, reason, cause }) => new EngineFailed(code, reason, cause);

/** Long side of the photo of a request; 0 where it has none. @param {Pick<Job, 'handles'>} [job] */
function sizeOf(job) {
  const photo = job?.handles.find((handle) => handle instanceof PhotoHandle);
  return photo ? secret(photo).size : 0;
}

/** What a listener throws is the page's, and ends nothing here. @template A @param {(about: A) => void} listener @returns {(about: A) => void} */
const harmless = (listener) => (about) => {
  try {
    listener(about);
  } catch (error) {
    reportError(error);
  }
};

/** @param {string | URL} address @returns {string} the same, with a slash at its end */
function folderAt(address) {
  const { href } = new URL(address, location.href);
  return href.endsWith('/') ? href : `${href}/`;
}

/** @param {Layer[]} layers @param {Pick<StylizeOptions, 'strength' | 'colours'>} options */
function checkRequest(layers, { strength = 1, colours = 'style' }) {
  if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength must be from 0 to 1, but is ${strength}`);
  if (!COLOURS.includes(colours)) throw new RangeError(`colours must be one of ${COLOURS.join(', ')}, but are ${colours}`);
  for (const { style, weight = 1, mask } of layers) {
    if (!(weight >= 0 && weight < Infinity)) throw new RangeError(`weights must be finite and not below 0, but one is ${weight}`);
    if (style === null && !mask) throw new TypeError('a layer without a style needs a mask');
    if (style !== null && !(style instanceof StyleHandle)) throw new TypeError('a style must come from encodeStyle()');
    if (style && !secret(style).picture) throw new TypeError('a style was disposed of');
  }
  if (!layers.some(({ style, weight = 1 }) => style && weight > 0)) {
    throw new RangeError('at least one style with a weight above 0 is needed');
  }
}

/** @param {Pick<StylizeOptions, 'strokes'>} options @returns {number | undefined} nothing where strokes are to be as fine as they come */
function checkStrokes({ strokes = STROKES }) {
  if (!(Number.isInteger(strokes) && strokes >= 0 && strokes <= LARGEST)) throw new RangeError(`strokes must be a whole number from 0 to ${LARGEST}, but is ${strokes}`);
  return strokes || undefined;
}

/** Style transfer on this device. Make one with {@link Stylizer.load}. */
export class Stylizer {
  #plan;
  #forced;
  /** @type {string | ArrayBuffer} */ #weights;
  #hash;
  /** Where the files of the package are, if known. @type {string | undefined} */ #base;
  #onProgress;
  #onEngine;
  /** @type {Worker | undefined} */ #worker;
  /** Ends the start of a worker; there is one as long as there is a worker, or one is on its way. @type {AbortController | undefined} */
  #starting;
  #ready = false;
  #adapter = 'CPU';
  /** @type {string | undefined} */ #why;
  /** @type {EngineInfo | undefined} */ #engine;
  /** Compiled engines, by kind: a new worker needs no download. @type {Partial<Record<Kind, WebAssembly.Module>>} */
  #modules = {};
  /** Whether the GPU can draw to a canvas, once known. @type {boolean | undefined} */ #draws;
  /** @type {Record<string, { loaded: number, total?: number }>} */ #downloads = {};
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #grace;
  /** @type {Job | undefined} */ #current;
  /** The engine still works on something that nobody waits for. */
  #dropped = false;
  /** Milliseconds for a pixel of a painting, once known. @type {number | undefined} */ #pace;
  /** Long side of the smallest photo that cost us the GPU, twice. */
  #lostAt = Infinity;
  /** The GPU was lost while nothing was asked of it, and nothing has been painted since. */
  #lostIdle = false;
  /** @type {Job[]} */ #waiting = [];
  /** @type {Map<number, Handle>} */ #handles = new Map();
  /** Engines that learn styles, beside this one. @type {Set<Stylizer>} */ #teachers = new Set();
  /** Of the requests that replace each other, by key, the newest. @type {Map<unknown, object>} */ #newest = new Map();
  #id = 0;
  #disposed = false;
  /** @type {((error?: Error) => void)[]} */ #loading = [];

  /**
   * @param {{ plan: Kind[], forced: boolean, weights: string | ArrayBuffer, hash?: string, base?: string }} how forced: an
   *   engine that was asked for by its name
   * @param {{ onProgress?: (progress: any) => void, onEngine?: LoadOptions['onEngine'] }} listeners
   */
  constructor({ plan, forced, weights, hash, base }, { onProgress = () => {}, onEngine = () => {} }) {
    this.#plan = [...plan];
    this.#forced = forced;
    this.#weights = weights;
    this.#hash = hash;
    this.#base = base;
    this.#onProgress = harmless(onProgress);
    this.#onEngine = harmless(onEngine);
  }

  /**
   * Loads an engine and the weights.
   * @param {LoadOptions} [options]
   * @returns {Promise<Stylizer>} rejected with {@link EngineFailed} where no engine starts
   */
  static async load({ weights, baseUrl, engine = 'auto', onProgress, onEngine, signal } = {}) {
    checkEngine(engine);
    signal?.throwIfAborted();
    const own = weights === undefined;
    const base = baseUrl === undefined ? undefined : folderAt(baseUrl);
    /** @type {string | ArrayBuffer} */
    let from;
    if (weights === undefined) from = base ? `${base}models/impasto.safetensors` : new URL('../models/impasto.safetensors', import.meta.url).href;
    else if (weights instanceof Blob) from = await weights.arrayBuffer();
    else if (weights instanceof Uint8Array) from = /** @type {ArrayBuffer} */ (weights.slice().buffer);
    else from = weights instanceof ArrayBuffer ? weights : new URL(weights, location.href).href;
    const hash = own ? weightsHash : undefined;
    return new Stylizer({ ...planOf(engine), weights: from, hash, base }, { onProgress, onEngine }).#loadedUnless(signal);
  }

  /**
   * A second engine with the same weights, which are not downloaded again: WebGPU that is made ready
   * while the CPU paints already, or one that is never kept waiting by large pictures. Handles of one
   * are of no use to the other.
   * @param {Omit<LoadOptions, 'weights' | 'baseUrl'>} [options] as for {@link Stylizer.load}
   * @returns {Promise<Stylizer>}
   */
  async another({ engine = 'auto', onProgress, onEngine, signal } = {}) {
    checkEngine(engine);
    signal?.throwIfAborted();
    if (this.#disposed) throw new TypeError('the stylizer was disposed of');
    return this.#beside(planOf(engine), { onProgress, onEngine }).#loadedUnless(signal);
  }

  /** One with the same files. @param {{ plan: Kind[], forced: boolean }} how @param {ConstructorParameters<typeof Stylizer>[1]} listeners */
  #beside(how, listeners) {
    const other = new Stylizer({ ...how, weights: this.#weights, hash: this.#hash, base: this.#base }, listeners);
    other.#modules = this.#modules;
    other.#draws = this.#draws;
    return other;
  }

  /** @param {AbortSignal} [signal] */
  async #loadedUnless(signal) {
    const abort = () => this.dispose();
    signal?.addEventListener('abort', abort);
    try {
      await this.#start();
    } catch (error) {
      this.dispose();
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return this;
  }

  /** The engine that runs, or ran last. @returns {EngineInfo} */
  get engine() {
    return /** @type {EngineInfo} */ (this.#engine);
  }

  /**
   * Encodes a style picture, once for all photos.
   * @param {Picture} picture or a file of `impasto tune`, a style that the networks were tuned to: it is painted better
   * @param {{ size?: number, signal?: AbortSignal }} [options] size: long side that the picture is
   *   brought to, in pixels (384); the larger, the larger the strokes
   * @returns {Promise<StyleHandle>} rejected with {@link BadPicture} or {@link EngineFailed}
   */
  async encodeStyle(picture, { size = STYLE_SIZE, signal } = {}) {
    return this.#encode(StyleHandle, picture, 'style', checkSize(size), signal);
  }

  /**
   * Encodes a photo, once for all styles and strengths.
   * @param {Picture} picture
   * @param {{ size?: number, signal?: AbortSignal }} [options] size: long side of the paintings, in
   *   pixels (512); photos are never enlarged
   * @returns {Promise<PhotoHandle>} rejected with {@link BadPicture} or {@link EngineFailed}
   */
  async encodePhoto(picture, { size = PHOTO_SIZE, signal } = {}) {
    return this.#encode(PhotoHandle, picture, 'photo', checkSize(size), signal);
  }

  /**
   * Paints a photo.
   * @param {PhotoHandle | Picture} photo
   * @param {Layer[]} layers
   * @param {StylizeOptions} [options]
   * @returns {Promise<ImageData>} rejected with {@link BadPicture}, {@link EngineFailed}, {@link Replaced}
   *   or the signal's reason
   */
  async stylize(photo, layers, options = {}) {
    const strokes = checkStrokes(options);
    return putOn(options.canvas, await this.#paint(photo, layers, options, (painting) => ({ painting: { ...painting, strokes, bitmap: false } })));
  }

  /**
   * The same to be looked at: the fastest way from a GPU to the screen, as the painting need not leave
   * the GPU. For `drawImage()` or a 'bitmaprenderer'; close it when it has been shown.
   * @param {PhotoHandle | Picture} photo
   * @param {Layer[]} layers
   * @param {Omit<StylizeOptions, 'canvas'>} [options]
   * @returns {Promise<ImageBitmap>} rejected as that of {@link Stylizer.stylize}
   */
  async stylizeToBitmap(photo, layers, options = {}) {
    const strokes = checkStrokes(options);
    return this.#paint(photo, layers, options, (painting) => ({ painting: { ...painting, strokes, bitmap: true } }));
  }

  /**
   * Paints a photo better than {@link Stylizer.stylize}, in many steps: towards what VGG-19 sees in the photo and in
   * the styles (Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", 2016). The first
   * call downloads 1.4 MB. Where layers have masks, each part comes nearer to its own styles.
   * @param {PhotoHandle | Picture} photo
   * @param {Layer[]} layers
   * @param {RefineOptions} [options]
   * @returns {Promise<ImageData>} rejected as that of {@link Stylizer.stylize}; another engine does not begin
   *   it again
   */
  async refine(photo, layers, options = {}) {
    const { steps = STEPS, content = 1, canvas } = options;
    if (!(Number.isInteger(steps) && steps >= 1 && steps <= 1000)) throw new RangeError(`steps must be a whole number from 1 to 1000, but is ${steps}`);
    if (!(content > 0 && content < Infinity)) throw new RangeError(`content must be above 0, but is ${content}`);
    const refining = (/** @type {object} */ painting) =>
      ({ refining: { ...painting, steps, content, pixels: REFINED[this.#kind], ...this.#lossNetwork } });
    return putOn(canvas, await this.#paint(photo, layers, options, refining, true));
  }

  /** What refining and learning are measured by. */
  get #lossNetwork() {
    const network = this.#base ? `${this.#base}models/vgg19-relu4_1.safetensors` : new URL('../models/vgg19-relu4_1.safetensors', import.meta.url).href;
    return { network, hash: refinerHash };
  }

  /**
   * Learns a style on a few photos, as `impasto tune` does: paintings in it become better than those by the picture
   * alone. Takes WebGPU. An engine of its own does it, in a worker of its own, which is downloaded for it
   * (1.6 MB and, where nothing was refined yet, 1.4 MB), and ends with it: this one goes on painting.
   * @param {Picture} picture of the style; of a tuned style, the picture in it
   * @param {LearnOptions} options
   * @returns {Promise<Blob>} the file of the style, for {@link Stylizer.encodeStyle}, and for everything else that takes those
   *   of `impasto tune`. Rejected with {@link BadPicture}, {@link EngineFailed} or the signal's reason
   */
  async learnStyle(picture, { photos, steps = LESSON.steps, name, size = STYLE_SIZE, signal, onProgress }) {
    if (!(Number.isInteger(steps) && steps >= 1 && steps <= LESSON.most)) throw new RangeError(`steps must be a whole number from 1 to ${LESSON.most}, but is ${steps}`);
    if (!(Array.isArray(photos) && photos.length >= 1 && photos.length <= PRACTICE.most)) throw new RangeError(`photos must be a list of 1 to ${PRACTICE.most} pictures`);
    const side = checkSize(size);
    signal?.throwIfAborted();
    if (this.#disposed) throw new TypeError('the stylizer was disposed of');
    const teacher = this.#beside({ plan: ['learn'], forced: this.#forced && this.#kind === 'webgpu' }, {
      onProgress: ({ loaded, total: bytes }) => { if (loaded !== undefined) onProgress?.({ done: 0, total: steps, loaded, bytes }); },
    });
    this.#teachers.add(teacher);
    /** @type {{ part: 'style' | 'photo', picture: Blob | ImageBitmap }[]} */
    const pictures = [];
    try {
      const taken = await Promise.allSettled([kept(picture, 'style'), ...photos.map(practised)]);
      for (const [i, one] of taken.entries()) {
        if (one.status === 'fulfilled') pictures.push({ part: i ? 'photo' : 'style', picture: one.value });
      }
      for (const one of taken) if (one.status === 'rejected') throw one.reason;
      const [style] = pictures;
      const tuned = style.picture instanceof Blob ? await tunedStyle(style.picture) : undefined;
      if (tuned) style.picture = tuned.picture;
      const own = picture instanceof File ? picture.name.replace(/\.[^.]*$/, '') : '';
      const called = name || tuned?.about.name || own || 'style';
      const file = await teacher.#run({
        handles: [],
        pictures,
        message: () => ({ learning: { name: called, size: side, steps, pictures: pictures.map((one) => one.picture), ...this.#lossNetwork } }),
        once: true,
        patience: PATIENCE.lesson,
        onProgress,
      }, signal);
      return new Blob([file]);
    } finally {
      for (const { picture: one } of pictures) if (one instanceof ImageBitmap) one.close();
      this.#teachers.delete(teacher);
      teacher.dispose();
    }
  }

  /**
   * @param {PhotoHandle | Picture} photo
   * @param {Layer[]} layers
   * @param {StylizeOptions | RefineOptions} options
   * @param {(painting: object) => object} asked what is asked of the worker
   * @param {boolean} [once] not again on another engine
   */
  async #paint(photo, layers, options, asked, once = false) {
    checkRequest(layers, options);
    const { strength = 1, colours = 'style', signal, replace, onProgress } = options;
    signal?.throwIfAborted();
    // Before anything is awaited, so that the older request of two is the one that goes.
    const turn = {};
    if (replace !== undefined) {
      this.#replace(replace);
      this.#newest.set(replace, turn);
    }
    const ours = photo instanceof PhotoHandle;
    if (ours && !secret(photo).picture) throw new TypeError('the photo was disposed of');
    const own = ours ? secret(photo).size : PHOTO_SIZE;
    const size = checkSize(options.size ?? own);
    /** @type {Promise<[PhotoHandle, (Blob | ImageBitmap | undefined)[]]>} */
    const snapshots = Promise.all([
      ours && size === own
        ? photo
        : this.#handle(PhotoHandle, ours ? /** @type {Blob | ImageBitmap} */ (secret(photo).picture) : photo, 'photo', size),
      Promise.all(layers.map(({ mask }) => mask && kept(mask, 'mask'))),
    ]);
    const [handle, masks] = await snapshots;
    const styles = layers.flatMap(({ style }) => style ?? []);
    try {
      // Its pictures may have taken longer than those of a newer one.
      if (replace !== undefined && this.#newest.get(replace) !== turn) throw new Replaced();
      return await this.#run({
        handles: [handle, ...styles],
        message: () => asked({
          photo: secret(handle).key,
          layers: layers.map(({ style, weight = 1 }, i) => ({ style: style && secret(style).key, weight, mask: masks[i] })),
          strength,
          colours,
        }),
        once,
        patience: PATIENCE.run(size),
        // Refining has another pace. Layers without a mask are one part.
        area: once ? undefined : size ** 2 * (1 + layers.filter(({ mask }) => mask).length),
        replace,
        onProgress,
      }, signal);
    } finally {
      if (this.#newest.get(replace) === turn) this.#newest.delete(replace);
      if (handle !== photo) handle.dispose();
      for (const mask of masks) if (mask instanceof ImageBitmap) mask.close();
    }
  }

  /**
   * Paints the frames of a film in their order, steady from each to the next. Another look is another film.
   * @param {Layer[]} layers whose masks stay where they are
   * @param {FilmOptions} [options]
   */
  film(layers, options = {}) {
    checkRequest(layers, options);
    const { size: asked = PHOTO_SIZE, strength = 1, colours = 'style', steadiness = 0.5 } = options;
    const size = checkSize(asked);
    if (!(steadiness >= 0 && steadiness <= 1)) throw new RangeError(`steadiness must be from 0 to 1, but is ${steadiness}`);
    const key = ++lastKey;
    const styles = [...new Set(layers.flatMap(({ style }) => style ?? []))];
    const snapshots = Promise.all(layers.map(({ mask }) => mask && kept(mask, 'mask')));
    snapshots.catch(() => {}); // each frame tells
    /** The worker that knows the film. @type {Worker | undefined} */
    let home;
    return new Film({
      size,
      paint: async (picture, seconds, signal) => {
        const masks = await snapshots;
        if (styles.some((style) => !secret(style).picture)) throw new TypeError('a style was disposed of');
        const look = {
          layers: layers.map(({ style, weight = 1 }, i) => ({ style: style && secret(style).key, weight, mask: masks[i] })),
          strength, colours, steadiness,
        };
        return this.#run({
          handles: styles,
          message: () => {
            const known = home !== undefined && home === this.#worker;
            home = this.#worker;
            return { frame: { film: key, picture, seconds, look: known ? undefined : look } };
          },
          patience: PATIENCE.run(size),
        }, signal);
      },
      end: () => {
        if (home && home === this.#worker) home.postMessage({ type: 'free', key });
        snapshots.then((masks) => { for (const mask of masks) if (mask instanceof ImageBitmap) mask.close(); }, () => {});
      },
    });
  }

  /**
   * Paints what a camera sees, or any other stream: always its newest frame, in a size that adapts to the device.
   * @param {MediaStream} stream which stays its owner's, who stops it
   * @param {Layer[]} layers
   * @param {import('./live.js').LiveOptions} [options]
   * @returns {Live} its `stream` has the paintings, and the sound of the other
   */
  live(stream, layers, options = {}) {
    checkRequest(layers, options);
    return new Live(stream, (how) => this.film(how.layers, how), { ...options, layers });
  }

  /**
   * Paints a tiny known picture and compares it with what the CPU engine painted when this version
   * was built. Means nothing with weights of your own.
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<import('./known.js').Difference & { rgba: Uint8ClampedArray }>}
   */
  async selfTest({ signal } = {}) {
    return this.#run({ handles: [], message: () => ({ selfTest: true }), patience: PATIENCE.run(512) }, signal);
  }

  /** Ends the engine and frees its memory. What still waits is rejected with an 'AbortError'. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#end();
    const gone = new DOMException('the stylizer was disposed of', 'AbortError');
    const jobs = [...(this.#current ? [this.#current] : []), ...this.#waiting];
    this.#current = undefined;
    this.#waiting = [];
    for (const { reject } of jobs) reject(gone);
    this.#loaded(gone);
    for (const teacher of this.#teachers) teacher.dispose();
    for (const handle of [...this.#handles.values()]) handle.dispose();
  }

  // ---- pictures -----------------------------------------------------------------------------

  /**
   * @template {PhotoHandle | StyleHandle} H
   * @param {{ new (...of: ConstructorParameters<typeof Handle>): H }} Kind
   * @param {Picture} picture
   * @param {'photo' | 'style'} part
   * @param {number} size
   */
  async #handle(Kind, picture, part, size) {
    // A bitmap of a handle may be closed at any time: each handle has its own.
    const handle = new Kind(part, await kept(picture, part), size, (gone) => this.#forget(gone));
    this.#handles.set(secret(handle).key, handle);
    return handle;
  }

  /**
   * @template {PhotoHandle | StyleHandle} H
   * @param {{ new (...of: ConstructorParameters<typeof Handle>): H }} Kind
   * @param {Picture} picture
   * @param {'photo' | 'style'} part
   * @param {number} size
   * @param {AbortSignal} [signal]
   */
  async #encode(Kind, picture, part, size, signal) {
    signal?.throwIfAborted();
    const handle = await this.#handle(Kind, picture, part, size);
    try {
      await this.#run({ handles: [handle], message: () => ({}), patience: PATIENCE.run(size) }, signal);
      return handle;
    } catch (error) {
      handle.dispose();
      throw error;
    }
  }

  /** @param {Handle} handle */
  #forget(handle) {
    const { key, home } = secret(handle);
    this.#handles.delete(key);
    // Also where the engine is only about to encode it: it takes messages in order.
    if (home === this.#worker || this.#current?.handles.includes(handle) || this.#dropped) {
      this.#worker?.postMessage({ type: 'free', key });
    }
  }

  // ---- requests -----------------------------------------------------------------------------

  /**
   * @param {Pick<Job, 'handles' | 'message' | 'patience' | 'area' | 'replace' | 'onProgress' | 'once' | 'pictures'>} what
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async #run(what, signal) {
    signal?.throwIfAborted();
    if (this.#disposed) throw new TypeError('the stylizer was disposed of');
    if (sizeOf(what) >= this.#lostAt) throw new EngineFailed('lost', 'lost');
    if (what.replace !== undefined) this.#replace(what.replace);
    /** @type {() => void} */
    let abort = () => {};
    try {
      return await new Promise((resolve, reject) => {
        const job = { ...what, onProgress: what.onProgress && harmless(what.onProgress), id: ++this.#id, resolve, reject };
        abort = () => this.#cancel(job, signal?.reason);
        signal?.addEventListener('abort', abort);
        this.#waiting.push(job);
        if (this.#starting) this.#advance();
        else this.#start().catch(() => {}); // which rejects the job
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** @param {unknown} key */
  #replace(key) {
    for (const job of [...this.#waiting, ...(this.#current ? [this.#current] : [])]) {
      if (job.replace === key) this.#cancel(job, new Replaced());
    }
  }

  /** @param {Job} job @param {unknown} reason */
  #cancel(job, reason) {
    job.reject(reason);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    if (this.#current !== job) return;
    // The worker looks for this between the pictures it encodes. What computes cannot be interrupted: it
    // may finish, unseen, if it does so soon, as a new worker would have to encode its pictures anew.
    this.#current = undefined;
    this.#dropped = true;
    this.#patience();
    this.#worker?.postMessage({ type: 'cancel', id: job.id });
    const grace = GRACE[this.#kind];
    const left = job.began !== undefined && job.pixels && this.#pace
      ? this.#pace * job.pixels - (performance.now() - job.began)
      : 0;
    this.#grace = setTimeout(() => {
      this.#end();
      this.#start().catch(() => {});
    }, left > grace ? 0 : grace);
  }

  /** Sends the next request, if the engine is free. */
  #advance() {
    if (!this.#ready || this.#current || this.#dropped) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#current = job;
    const needed = [...new Set(job.handles)].map((handle) => {
      const { key, part, size, picture, home } = secret(handle);
      return { key, part, size, picture: home === this.#worker ? undefined : picture };
    });
    try {
      this.#worker?.postMessage({ type: 'run', id: job.id, needed, ...job.message() });
      this.#patience(this.#limit(job));
    } catch {
      // The only thing in it that may refuse to be copied is a picture.
      const foreign = [...needed, ...job.pictures ?? []].find(({ picture }) => !mayGo(picture))?.part ?? 'mask';
      this.#settle(job.id, () => job.reject(new BadPicture(foreign, 'foreign')));
    }
  }

  /** @param {number | undefined} id @param {(job: Job) => void} how */
  #settle(id, how) {
    clearTimeout(this.#grace);
    this.#dropped = false;
    this.#patience();
    const job = this.#current;
    if (job?.id === id && job) {
      this.#current = undefined;
      how(job);
    }
    this.#advance();
  }

  // ---- the engine ---------------------------------------------------------------------------

  get #kind() {
    return this.#plan[0];
  }

  /** Starts the first engine of the plan that works. Rejected with {@link EngineFailed}. */
  #start() {
    /** @type {Promise<void>} */
    const loaded = new Promise((resolve, reject) => {
      this.#loading.push((error) => (error ? reject(error) : resolve()));
    });
    this.#spawn();
    return loaded;
  }

  /** @param {Error} [error] */
  #loaded(error) {
    for (const settle of this.#loading.splice(0)) settle(error);
  }

  #end() {
    clearInterval(this.#timer);
    clearTimeout(this.#grace);
    this.#starting?.abort();
    this.#starting = undefined;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = false;
    this.#dropped = false;
    this.#downloads = {};
  }

  async #spawn() {
    this.#end();
    this.#starting = new AbortController();
    const { signal } = this.#starting;
    const kind = this.#kind;
    let worker;
    try {
      if (kind !== 'cpu') this.#adapter = await adapterName(this.#forced);
      if (!signal.aborted) this.#onProgress({ step: 'starting', kind });
      worker = await startWorker(kind, this.#base ?? ownBase, signal);
    } catch (error) {
      if (signal.aborted) return; // another one has taken over
      return this.#failed(error instanceof EngineFailed ? error : new EngineFailed(codeOf(error), String(error), error));
    }
    if (signal.aborted) return worker.terminate();
    this.#worker = worker;
    // What a worker said before it was terminated may still arrive.
    worker.addEventListener('message', ({ data }) => {
      if (worker === this.#worker) this.#receive(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (worker === this.#worker) this.#failed(new EngineFailed('crashed', 'crashed', event.error ?? event.message));
    });
    worker.postMessage({
      type: 'start',
      version,
      weights: this.#weights,
      hash: this.#hash,
      module: this.#modules[kind],
      check: kind === 'webgpu' && !this.#forced && this.#hash !== undefined,
      draws: kind === 'webgpu' ? this.#draws : false,
    });
    this.#patience(PATIENCE.start);
  }

  /** @param {any} message */
  #receive(message) {
    switch (message.type) {
      case 'download': {
        this.#downloads[message.what] = message;
        const parts = Object.values(this.#downloads);
        const loaded = parts.reduce((sum, part) => sum + part.loaded, 0);
        // Weights and engine, where they are not there already.
        const asked = Number(typeof this.#weights === 'string') + Number(!this.#modules[this.#kind]);
        const known = parts.length === asked && parts.every((part) => part.total);
        const total = known ? parts.reduce((sum, part) => sum + (part.total ?? 0), 0) : undefined;
        this.#onProgress({ step: 'downloading', kind: this.#kind, loaded, total, part: total && loaded / total });
        this.#patience(PATIENCE.start);
        break;
      }
      case 'starting':
        this.#weights = message.weights;
        this.#modules[this.#kind] = message.module;
        if (this.#kind === 'webgpu') this.#draws = message.draws;
        this.#onProgress({ step: 'starting', kind: this.#kind });
        this.#patience(PATIENCE.start);
        break;
      case 'ready':
        this.#ready = true;
        this.#patience();
        this.#engine = this.#kind === 'cpu' ? { kind: 'cpu', name: 'CPU' } : { kind: 'webgpu', name: this.#adapter };
        if (this.#why) this.#engine.why = this.#why;
        this.#loaded();
        this.#onEngine(this.#engine);
        this.#advance();
        break;
      case 'encoded': {
        const handle = this.#handles.get(message.key);
        if (!handle) break;
        secret(handle).home = this.#worker;
        if (handle instanceof PhotoHandle) Object.assign(handle, { width: message.width, height: message.height });
        break;
      }
      case 'progress': {
        const job = this.#current;
        if (job?.id !== message.id || !job) break;
        job.began ??= performance.now();
        // What the worker paints in one go, each of the parts being as large as the whole.
        job.pixels ??= message.pixels * message.total;
        job.onProgress?.({ done: message.done, total: message.total });
        this.#patience(this.#limit(job));
        break;
      }
      case 'refined': {
        const job = this.#current;
        const { done, total, loaded, bytes, losses, picture } = message;
        if (job?.id !== message.id || !job) {
          picture?.close();
          break;
        }
        if (job.onProgress) job.onProgress({ done, total, loaded, bytes, losses, picture });
        else picture?.close();
        this.#patience(job.patience);
        break;
      }
      case 'learned': {
        const job = this.#current;
        const { done, total, loaded, bytes, losses, file } = message;
        if (job?.id !== message.id || !job) break;
        job.onProgress?.({ done, total, loaded, bytes, losses, file: file && new Blob([file]) });
        this.#patience(job.patience);
        break;
      }
      case 'done':
        if (this.#current?.id !== message.id && message.result instanceof ImageBitmap) message.result.close();
        this.#settle(message.id, (job) => {
          this.#lostIdle = false;
          if (job.began !== undefined && job.pixels) this.#pace = (performance.now() - job.began) / job.pixels;
          job.resolve(message.result);
        });
        break;
      case 'bad-picture':
        this.#settle(message.id, (job) => job.reject(new BadPicture(message.part, message.problem)));
        break;
      case 'refused':
        this.#settle(message.id, (job) => job.reject(failureOf(message)));
        break;
      case 'failed':
        this.#failed(failureOf(message));
        break;
    }
  }

  /** Gives the engine so long to say something; nothing: for ever. @param {number} [milliseconds] */
  #patience(milliseconds) {
    clearInterval(this.#timer);
    if (!milliseconds) return;
    // Counted while the page is awake: a device that slept did not hang.
    let left = Math.ceil(milliseconds / 1000);
    this.#timer = setInterval(() => {
      if (--left <= 0) this.#failed(new EngineFailed('timeout', 'time-out'));
    }, 1000);
  }

  /** How long a request may be silent. @param {Job} job */
  #limit({ patience, area }) {
    return Math.min(patience, this.#pace && area ? PATIENCE.known(this.#pace * area) : Infinity);
  }

  /**
   * The engine died or would not start: the next one of the plan takes over, or a fresh copy of the
   * same where it may only have lacked memory.
   * @param {EngineFailed} failure
   */
  #failed(failure) {
    const ran = this.#ready;
    this.#end();
    const job = this.#current;
    this.#current = undefined;
    const lost = failure.code === 'lost';
    const large = ran && (lost ? sizeOf(job) > PHOTO_SIZE : job?.handles.some((handle) => secret(handle).size > LARGE));
    if (ran && lost && this.#openedAgain(job)) return;
    if (this.#plan.length > 1 && !large) {
      this.#why = failure.message;
      this.#plan.shift();
      this.#pace = undefined;
      this.#lostAt = Infinity;
      if (job?.once) job.reject(failure);
      else if (job) this.#waiting.unshift(job);
      this.#spawn();
      return;
    }
    // A large picture that stops an engine does so for want of memory, whatever the engine says.
    const error = large && failure.code === 'crashed' ? new EngineFailed('memory', failure.message, failure.cause) : failure;
    if (lost && sizeOf(job)) this.#lostAt = Math.min(this.#lostAt, sizeOf(job));
    job?.reject(error);
    if (ran) {
      // At once, so that it is ready when it is wanted.
      this.#start().catch(() => {});
      return;
    }
    // It does not even start. The next request tries again.
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#loaded(error);
  }

  /**
   * A GPU goes away when the device sleeps, when its driver starts anew, or when a picture is too much for it.
   * It is opened once more for every request, and once more while there is none.
   * @param {Job | undefined} job that was running
   * @returns {boolean} whether that was all; otherwise it failed as any engine fails
   */
  #openedAgain(job) {
    if (job?.lost) return false;
    if (job?.once) {
      job.reject(new EngineFailed('lost', 'lost'));
    } else if (job) {
      job.lost = true;
      this.#waiting.unshift(job);
    } else if (this.#lostIdle) {
      return true; // the next request opens it
    } else {
      this.#lostIdle = true;
    }
    this.#start().catch(() => {});
    return true;
  }
}
