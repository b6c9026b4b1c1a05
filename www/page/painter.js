// When to paint what, and on which engine: a small preview while something moves, the full size when
// it rests, nothing twice, and a smaller size where the device has not enough memory.
//
// The CPU engine is there within a second, so it paints until the GPU engine is ready, which takes over.
// Where there is no GPU a second CPU engine paints the previews: they never wait for a large picture.

import { regionsOn } from './look.js';
import { maskPicture, shares } from './regions.js';
import { BadPicture, EngineFailed, LARGEST, Stylizer } from '../stylizer.js';
import { tunedStyle } from '../tuned.js';

/**
 * @typedef {import('./look.js').Look} Look
 *
 * @typedef {object} Photo
 * @property {number} id
 * @property {File} file
 * @property {string} name
 * @property {string} path its name for the command line
 * @property {boolean} common the command line reads it as it is
 * @property {boolean} loose the command line finds it nowhere, or cannot read it
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Task
 * @property {Photo} photo
 * @property {Look} look
 *
 * @typedef {object} Events
 * @property {(progress: import('../stylizer.js').LoadProgress) => void} onLoading of the engine that is waited for
 * @property {(progress: import('../stylizer.js').LoadProgress) => void} onPreparing of the GPU engine, while the CPU paints
 * @property {() => void} onEngine the engine is ready, or another one is, or more is known about it
 * @property {(error: Error) => void} onNoEngine
 * @property {(work: { full: boolean, seconds?: number }) => void} onBegin seconds: how long it will take, where that is known
 * @property {(part: number) => void} onPart how much of a picture in full size is done, from 0 to 1
 * @property {(picture: ImageBitmap, task: Task, done: { full: boolean, seconds: number }) => void} onPicture who
 *   hears it closes it
 * @property {(progress: import('../stylizer.js').RefineProgress, task: Task, seconds?: number) => void} onRefined
 *   a step was done; who hears it closes the picture. seconds: about how long it will still take
 * @property {(from: number, to: number, code: import('../stylizer.js').EngineFailed['code']) => void} onSmaller the size was too much, in this way
 * @property {(id: string) => void} onUntuned a tuned style is not for these weights, and is painted from its picture
 * @property {(error: Error, task: Task) => void} onFailed
 * @property {() => void} onIdle
 */

/** @typedef {Pick<Events, 'onPart' | 'onSmaller'>} Listeners to one picture */
/** @typedef {import('../stylizer.js').RefineProgress} Progress */

/** Long side of what follows a slider. */
const PREVIEW = { webgpu: 384, cpu: 256 };
/** The smallest size one can ask for; photos are never enlarged, so a smaller one keeps its own. */
export const SMALLEST = 16;
/** No fallback goes below this. */
const LEAST = 512;
const PHOTOS_KEPT = 3;
const STYLES_KEPT = 12;

/** Long side of the painting that a look asks for; photos are never enlarged. @param {Task} task */
export function fullSize({ photo, look }) {
  const own = Math.min(LARGEST, Math.max(photo.width, photo.height));
  return look.size === 'own' ? own : Math.min(own, look.size);
}

/** How a look is painted. @param {Look} look */
const optionsOf = ({ strength, colours }) => ({ strength: strength / 100, colours });

/** What has no regions. @type {Photo} */
const NO_PHOTO = { id: -1, file: new File([], ''), name: '', path: '', common: false, loose: true, width: 1, height: 1 };

/** Numbers for the pictures of styles: a style may get a better one. @type {WeakMap<() => Promise<Blob>, number>} */
const pictureNumbers = new WeakMap();
let pictures = 0;

/** A style that cannot be fetched or read. */
export class StyleGone extends Error {}

/** An engine and the pictures that are encoded on it. */
class Easel {
  /** By name, the oldest use first. @type {Map<string, import('../stylizer.js').PhotoHandle>} */
  #photos = new Map();
  /** @type {Map<string, import('../stylizer.js').StyleHandle>} */
  #styles = new Map();
  #styleOf;
  #onUntuned;
  #users = 0;
  #retired = false;

  /** @param {Stylizer} stylizer @param {(id: string) => (() => Promise<Blob>) | undefined} styleOf @param {(id: string) => void} onUntuned */
  constructor(stylizer, styleOf, onUntuned) {
    this.stylizer = stylizer;
    this.#styleOf = styleOf;
    this.#onUntuned = onUntuned;
  }

  /** @template T @param {() => Promise<T>} work */
  async use(work) {
    this.#users++;
    try {
      return await work();
    } finally {
      this.#users--;
      if (this.#retired) this.retire();
    }
  }

  /** Frees all of it as soon as nobody paints on it. */
  retire() {
    this.#retired = true;
    if (!this.#users) this.stylizer.dispose();
  }

  /** @param {Photo} photo @param {number} size @param {AbortSignal} signal */
  photo({ id, file }, size, signal) {
    return cached(this.#photos, `${id} ${size}`, PHOTOS_KEPT,
      () => this.stylizer.encodePhoto(file, { size: Math.max(SMALLEST, size), signal }));
  }

  /** @param {string} id @param {number} size @param {AbortSignal} signal */
  async style(id, size, signal) {
    const fetched = this.#styleOf(id);
    if (!fetched) throw new StyleGone(id);
    const number = pictureNumbers.get(fetched) ?? ++pictures;
    pictureNumbers.set(fetched, number);
    return cached(this.#styles, `${number} ${size}`, STYLES_KEPT, async () => {
      const picture = await fetched().catch(() => undefined);
      if (!picture) throw new StyleGone(id);
      try {
        return await this.stylizer.encodeStyle(picture, { size, signal });
      } catch (error) {
        const tuned = error instanceof BadPicture && error.problem === 'untuned' && await tunedStyle(picture);
        if (!tuned) throw error;
        this.#onUntuned(id);
        return this.stylizer.encodeStyle(tuned.picture, { size, signal });
      }
    });
  }
}

export class Painter {
  #styleOf;
  #events;
  /** Paints what is saved, and the previews too where there is only one. @type {Easel | undefined} */ #easel;
  /** A second CPU engine, for the previews. @type {Easel | undefined} */ #sketching;
  /** Whether a GPU engine is on its way. */
  #preparing = false;
  #settled = false;
  /** Why WebGPU is not used, where the second engine found that out. @type {string | undefined} */ #why;
  #loaded;
  /** @type {(Task & { moving: boolean, previewed: boolean }) | undefined} */ #wanted;
  /** @type {AbortController | undefined} of the picture being painted */ #abort;
  /** @type {AbortController | undefined} of the painting that gets better by itself */ #improving;
  #runningFull = false;
  #busy = false;
  /** Seconds for a megapixel, once known. @type {number | undefined} */
  #pace;
  /** @type {'webgpu' | 'cpu' | undefined} */ #kind;
  /** Long side that turned out to be too much, and what happened. @type {{ size: number, code: EngineFailed['code'] }} */
  #tooMuch = { size: Infinity, code: 'memory' };

  /**
   * @param {{ engine: 'auto' | 'webgpu' | 'cpu', styleOf: (id: string) => (() => Promise<Blob>) | undefined }} options
   * @param {Events} events
   */
  constructor({ engine, styleOf }, events) {
    this.#styleOf = styleOf;
    this.#events = events;
    // Not at once: who makes this one has no name for it yet when the first event comes.
    this.#loaded = Promise.resolve().then(() => this.#load(engine));
    this.#loaded.catch(() => {}); // onNoEngine tells
  }

  /** What paints. @returns {import('../stylizer.js').EngineInfo | undefined} */
  get engine() {
    const engine = this.#easel?.stylizer.engine;
    return engine && this.#why ? { ...engine, why: this.#why } : engine;
  }

  /** Whether the GPU engine is being made ready while the CPU paints. */
  get preparing() { return this.#preparing; }

  /** Whether every engine is there that will be. */
  get settled() { return this.#settled; }

  /** Whether anything waits for the engine. */
  get busy() { return this.#busy; }

  /** Seconds that a full picture will take, where one was painted before. @param {Task} task */
  secondsFor({ photo, look }) {
    const scale = fullSize({ photo, look }) / Math.max(photo.width, photo.height);
    return this.#pace && (this.#pace * photo.width * photo.height * scale ** 2) / 1e6;
  }

  /** @param {Task} task @param {{ moving?: boolean }} [options] moving: more will follow at once */
  request(task, { moving = false } = {}) {
    const previewed = !moving && this.#wanted?.look === task.look && this.#wanted.photo === task.photo
      && this.#wanted.previewed;
    this.#wanted = { ...task, moving, previewed };
    this.leaveAsItIs();
    if (this.#runningFull) this.#abort?.abort();
    this.#go();
  }

  /** Ends what is being painted, at once. */
  stop() {
    this.#wanted = undefined;
    this.#abort?.abort();
    this.leaveAsItIs();
  }

  /**
   * Refines a painting that is there, until anything else is asked for.
   * @param {Task} task
   * @param {(seconds: number) => void} tell about how long it will still take, now and then
   * @returns {Promise<ImageBitmap | undefined>} nothing where it was ended
   */
  async improve(task, tell) {
    const easel = this.#easel;
    if (!easel || this.#busy) return undefined;
    this.leaveAsItIs();
    const { signal } = this.#improving = new AbortController();
    const refined = { ...task, look: { ...task.look, refined: true } };
    const how = {
      full: true,
      onRefined: (/** @type {Progress} */ { picture }, /** @type {number | undefined} */ seconds) => {
        picture?.close();
        if (seconds) tell(seconds);
      },
    };
    try {
      const picture = await easel.use(() => this.#paintOn(easel, refined, fullSize(task), signal, how));
      if (!signal.aborted) return picture;
      picture.close();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return undefined;
  }

  /** Ends {@link improve}. */
  leaveAsItIs() {
    this.#improving?.abort();
  }

  /**
   * A picture for its own sake, such as one of many.
   * @param {Task} task
   * @param {AbortSignal} signal
   * @param {Listeners} [listeners]
   */
  async one(task, signal, listeners = this.#events) {
    await this.#loaded;
    return this.#fitting(task, signal, listeners);
  }

  /** Long side of the largest painting that is known not to be too much. */
  get most() {
    const { size } = this.#tooMuch;
    return size === Infinity ? LARGEST : Math.max(LEAST, Math.floor((size * 0.7) / 64) * 64);
  }

  /** Keeps the page's own pictures waiting while `use` paints. @param {() => Promise<void>} use */
  async alone(use) {
    this.stop();
    while (this.#busy) await new Promise((done) => { setTimeout(done, 20); });
    this.#busy = true;
    try {
      await use();
    } finally {
      this.#busy = false;
      this.#go();
    }
  }

  /**
   * Paints the frames of a film while the page's own pictures wait.
   * @param {Task} task a photo of the film, whose regions stay where they are, and the look
   * @param {{ size: number, steadiness: number }} how size: long side of the frames
   * @param {AbortSignal} signal
   * @param {(paint: (frame: import('../film.js').FrameSource, seconds: number) => Promise<ImageBitmap>) => Promise<void>} use
   */
  async film(task, how, signal, use) {
    await this.#loaded;
    await this.alone(async () => {
      /** @type {Easel | undefined} */
      let at;
      /** @type {import('../film.js').Film | undefined} */
      let film;
      try {
        await use((frame, seconds) => {
          const easel = /** @type {Easel} */ (this.#easel);
          return easel.use(async () => {
            if (easel !== at) {
              // The GPU has taken over.
              film?.close();
              film = easel.stylizer.film(await this.#layersOn(easel, task, signal), { ...how, ...optionsOf(task.look) });
              at = easel;
            }
            return /** @type {import('../film.js').Film} */ (film).paint(frame, seconds, { signal });
          });
        });
      } finally {
        film?.close();
      }
    });
  }

  /**
   * Paints what a camera sees while `use` runs, and the page's own pictures wait.
   * @param {MediaStream} stream
   * @param {Look} look
   * @param {import('../live.js').LiveOptions} options
   * @param {AbortSignal} signal
   * @param {(live: import('../live.js').Live, change: (look: Look) => Promise<void>) => Promise<void>} use
   */
  async live(stream, look, options, signal, use) {
    await this.#loaded;
    await this.alone(() => {
      const easel = /** @type {Easel} */ (this.#easel);
      return easel.use(async () => {
        // A region is of one photo.
        const layersOf = (/** @type {Look} */ now) => this.#layersOn(easel, { photo: NO_PHOTO, look: now }, signal);
        const live = easel.stylizer.live(stream, await layersOf(look), { ...options, ...optionsOf(look) });
        try {
          signal.throwIfAborted();
          await use(live, async (now) => live.update(await layersOf(now), optionsOf(now)));
        } finally {
          live.close();
        }
      });
    });
  }

  /**
   * Learns a style, while all else goes on.
   * @param {string} id
   * @param {import('../stylizer.js').LearnOptions} options
   */
  async learn(id, options) {
    await this.#loaded;
    const picture = await this.#styleOf(id)?.().catch(() => undefined);
    if (!picture) throw new StyleGone(id);
    const easel = /** @type {Easel} */ (this.#easel);
    return easel.use(() => easel.stylizer.learnStyle(picture, options));
  }

  /** @param {'auto' | 'webgpu' | 'cpu'} engine */
  async #load(engine) {
    try {
      const stylizer = await Stylizer.load({
        engine: engine === 'webgpu' ? 'webgpu' : 'cpu', onProgress: this.#events.onLoading, onEngine: () => this.#onEngine(),
      });
      this.#easel = this.#easelFor(stylizer);
      if (engine === 'webgpu') this.#settled = true;
      else this.#loadSecond(engine, stylizer);
      this.#onEngine();
    } catch (error) {
      this.#events.onNoEngine(/** @type {Error} */ (error));
      throw error;
    }
  }

  /** @param {Stylizer} stylizer */
  #easelFor(stylizer) {
    return new Easel(stylizer, this.#styleOf, this.#events.onUntuned);
  }

  /** @param {'auto' | 'cpu'} engine @param {Stylizer} first */
  async #loadSecond(engine, first) {
    let taken = false;
    const second = await first.another({
      engine,
      onProgress: (progress) => {
        if (taken) this.#events.onLoading(progress);
        else if (progress.kind === 'webgpu') {
          this.#preparing = true;
          this.#events.onPreparing(progress);
        }
      },
      onEngine: () => { if (taken) this.#onEngine(); },
    }).catch(() => undefined);
    this.#preparing = false;
    this.#settled = true;
    this.#why = second?.engine.why;
    if (second?.engine.kind === 'webgpu') {
      taken = true;
      this.#easel?.retire(); // a picture for its own sake may be finished there
      this.#easel = this.#easelFor(second);
      if (this.#runningFull) this.#abort?.abort(); // and is painted on the GPU
    } else if (navigator.hardwareConcurrency > 1) {
      this.#sketching = second && this.#easelFor(second);
    } else {
      second?.dispose();
    }
    this.#onEngine();
  }

  #onEngine() {
    const kind = this.engine?.kind;
    if (!kind) return; // the first engine is announced when it can be used
    if (kind !== this.#kind) {
      // Another engine has another pace, and other limits.
      this.#kind = kind;
      this.#pace = undefined;
      this.#tooMuch = { size: Infinity, code: 'memory' };
    }
    this.#events.onEngine();
  }

  async #go() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#loaded;
      while (this.#wanted) {
        const task = this.#wanted;
        const preview = PREVIEW[this.#kind ?? 'cpu'];
        // What is refined begins with a painting of its own.
        const small = task.look.refined || fullSize(task) <= 1.5 * preview;
        if (task.moving && task.previewed) break;
        // Two engines need not wait for each other.
        const both = !small && !task.moving && !task.previewed && Boolean(this.#sketching);
        const full = !task.moving && (small || task.previewed || both);
        const done = await this.#step(task, { full, sketch: !full || both, preview });
        if (done && this.#wanted === task) this.#wanted = undefined;
        else task.previewed = true;
      }
    } catch {
      this.#wanted = undefined; // there is no engine, which onNoEngine has told
    } finally {
      this.#busy = false;
      this.#events.onIdle();
    }
  }

  /** @param {Task} task @param {{ full: boolean, sketch: boolean, preview: number }} what @returns {Promise<boolean>} whether the task is over */
  async #step(task, { full, sketch, preview }) {
    const abort = new AbortController();
    this.#abort = abort;
    this.#runningFull = full;
    const began = performance.now();
    const step = { over: false };
    try {
      if (full) this.#events.onBegin({ full, seconds: task.look.refined ? undefined : this.secondsFor(task) });
      else this.#events.onBegin({ full });
      const sketching = sketch && this.#paint(task, Math.min(preview, fullSize(task)), abort.signal, { full: false });
      if (full && sketching) this.#showMeanwhile(sketching, task, step);
      const picture = await (full ? this.#fitting(task, abort.signal) : /** @type {Promise<ImageBitmap>} */ (sketching));
      if (abort.signal.aborted) {
        picture.close();
        return false;
      }
      const seconds = (performance.now() - began) / 1000;
      if (full && !task.look.refined) this.#pace = seconds / ((picture.width * picture.height) / 1e6);
      this.#events.onPicture(picture, task, { full, seconds });
      return full;
    } catch (error) {
      if (abort.signal.aborted) return false;
      this.#events.onFailed(/** @type {Error} */ (error), task);
      return true;
    } finally {
      this.#runningFull = false;
      step.over = true;
    }
  }

  /** A preview that comes after the full picture has at least encoded what the next one needs. @param {Promise<ImageBitmap>} sketching @param {Task} task @param {{ over: boolean }} step */
  async #showMeanwhile(sketching, task, step) {
    const picture = await sketching.catch(() => undefined); // the full picture will tell what is wrong
    if (picture && !step.over) this.#events.onPicture(picture, task, { full: false, seconds: 0 });
    else picture?.close();
  }

  /** In full size, or in the largest that the device can do. @param {Task} task @param {AbortSignal} signal @param {Listeners} [listeners] */
  async #fitting(task, signal, listeners = this.#events) {
    const asked = fullSize(task);
    let size = asked;
    for (;;) {
      if (size >= this.#tooMuch.size) {
        size = Math.min(size, this.most);
        listeners.onSmaller(asked, size, this.#tooMuch.code);
      }
      try {
        return await this.#paint(task, size, signal, { full: true, listeners });
      } catch (error) {
        // Nothing else fails less at another size.
        const smaller = error instanceof EngineFailed && ['memory', 'lost', 'timeout', 'crashed'].includes(error.code);
        if (signal.aborted || !smaller || size <= LEAST || task.look.refined) throw error;
        this.#tooMuch = { size, code: error.code };
      }
    }
  }

  /** @param {Task} task @param {number} size @param {AbortSignal} signal @param {{ full: boolean, listeners?: Listeners }} how */
  #paint(task, size, signal, { full, listeners }) {
    const easel = /** @type {Easel} */ (full ? this.#easel : this.#sketching ?? this.#easel);
    const onRefined = this.#events.onRefined;
    const how = {
      full,
      listeners,
      onRefined: (/** @type {Progress} */ progress, /** @type {number | undefined} */ seconds) => onRefined(progress, task, seconds),
    };
    return easel.use(() => this.#paintOn(easel, task, size, signal, how));
  }

  /** What a look is made of, on an engine. @param {Easel} easel @param {Task} task @param {AbortSignal} signal @returns {Promise<import('../stylizer.js').Layer[]>} */
  async #layersOn(easel, { photo, look }, signal) {
    const layers = [];
    for (const { id, weight } of look.styles) {
      layers.push({ style: await easel.style(id, look.brush, signal), weight });
    }
    const regions = regionsOn(look, photo.id);
    const masks = shares(regions);
    for (const [i, { style }] of regions.entries()) {
      const mask = maskPicture(masks[i]);
      layers.push({ style: style === null ? null : await easel.style(style, look.brush, signal), weight: 1, mask });
    }
    return layers;
  }

  /**
   * @param {Easel} easel
   * @param {Task} task
   * @param {number} size
   * @param {AbortSignal} signal
   * @param {{ full: boolean, listeners?: Listeners, onRefined: (progress: Progress, seconds?: number) => void }} how
   *   who hears of a step closes its picture
   */
  async #paintOn(easel, task, size, signal, { full, listeners, onRefined }) {
    const { photo, look } = task;
    const content = await easel.photo(photo, size, signal);
    const entries = await this.#layersOn(easel, task, signal);
    const options = { ...optionsOf(look), signal };
    if (look.refined && full) {
      const began = performance.now();
      return createImageBitmap(await easel.stylizer.refine(content, entries, {
        ...options,
        onProgress: (progress) => {
          const { done, total } = progress;
          // The first steps are of the smallest size, and say little of the others.
          const seconds = done > total / 10 ? ((performance.now() - began) / 1000 / done) * (total - done) : undefined;
          onRefined(progress, seconds);
        },
      }));
    }
    return easel.stylizer.stylizeToBitmap(content, entries, {
      ...options,
      onProgress: ({ done, total }) => { if (done && total > 1) listeners?.onPart(done / total); },
    });
  }
}

/**
 * What is kept under a name, or is put there.
 * @template {{ dispose: () => void }} T
 * @param {Map<string, T>} kept
 * @param {string} key
 * @param {number} most
 * @param {() => Promise<T>} encode
 */
async function cached(kept, key, most, encode) {
  const value = kept.get(key) ?? await encode();
  kept.delete(key);
  kept.set(key, value);
  for (const [oldest, old] of kept) {
    if (kept.size <= most) break;
    kept.delete(oldest);
    old.dispose();
  }
  return value;
}
