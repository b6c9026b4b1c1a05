// When to paint what: a small preview while something moves, the full size when it rests, nothing
// twice, and a smaller size where the device has not enough memory.

import { regionsOn } from './look.js';
import { maskPicture, shares } from './regions.js';
import { Stylizer } from '../stylizer.js';

/**
 * @typedef {import('./look.js').Look} Look
 *
 * @typedef {object} Photo
 * @property {number} id
 * @property {File} file
 * @property {string} name
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Task
 * @property {Photo} photo
 * @property {Look} look
 *
 * @typedef {object} Events
 * @property {(progress: { part?: number, loaded?: number, total?: number, step: string }) => void} onLoading
 * @property {() => void} onEngine the engine is ready, or is another one than before
 * @property {(error: Error) => void} onNoEngine
 * @property {(work: { full: boolean, seconds?: number }) => void} onBegin seconds: how long it will take, where that is known
 * @property {(pixels: ImageData, task: Task, done: { full: boolean, seconds: number }) => void} onPicture
 * @property {(from: number, to: number) => void} onSmaller there was not enough memory
 * @property {(error: Error, task: Task) => void} onFailed
 * @property {() => void} onIdle
 */

/** Long side of what follows a slider. */
const PREVIEW = { webgpu: 384, cpu: 256 };
/** The largest canvas of every current browser. */
export const MOST = 4096;
/** No fallback goes below this. */
const LEAST = 512;
const PHOTOS_KEPT = 3;
const STYLES_KEPT = 12;

/** Long side of the painting that a look asks for; photos are never enlarged. @param {Task} task */
export function fullSize({ photo, look }) {
  const own = Math.min(MOST, Math.max(photo.width, photo.height));
  return look.size === 'own' ? own : Math.min(own, look.size);
}

/** A style picture that cannot be fetched or read. */
export class StyleGone extends Error {}

export class Painter {
  #styleOf;
  #events;
  /** @type {Stylizer | undefined} */ #stylizer;
  #loaded;
  /** @type {(Task & { moving: boolean, previewed: boolean }) | undefined} */ #wanted;
  /** @type {AbortController | undefined} of the picture being painted */ #abort;
  #runningFull = false;
  #busy = false;
  /** Encoded pictures by name, the oldest use first. @type {Map<string, any>} */
  #photos = new Map();
  /** @type {Map<string, any>} */
  #styles = new Map();
  /** Seconds for a megapixel, once known. @type {number | undefined} */
  #pace;
  /** @type {'webgpu' | 'cpu' | undefined} */ #kind;
  /** Long side that turned out to be too much. */
  #tooMuch = Infinity;

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

  get engine() { return this.#stylizer?.engine; }

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
    if (this.#runningFull) this.#abort?.abort();
    this.#go();
  }

  /** Ends what is being painted, at once. */
  stop() {
    this.#wanted = undefined;
    this.#abort?.abort();
  }

  /**
   * A picture for its own sake, such as one of many.
   * @param {Task} task
   * @param {AbortSignal} signal
   */
  async one(task, signal) {
    await this.#loaded;
    return this.#fitting(task, signal);
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

  /** @param {'auto' | 'webgpu' | 'cpu'} engine */
  async #load(engine) {
    try {
      this.#stylizer = await Stylizer.load({
        engine, onProgress: this.#events.onLoading, onEngine: () => this.#onEngine(),
      });
      this.#onEngine();
    } catch (error) {
      this.#events.onNoEngine(/** @type {Error} */ (error));
      throw error;
    }
  }

  #onEngine() {
    if (!this.#stylizer) return; // the first engine is announced when it can be used
    if (this.#stylizer.engine.kind !== this.#kind) {
      // Another engine has another pace, and other limits.
      this.#kind = this.#stylizer.engine.kind;
      this.#pace = undefined;
      this.#tooMuch = Infinity;
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
        const preview = PREVIEW[this.#stylizer?.engine.kind ?? 'cpu'];
        const full = fullSize(task) <= 1.5 * preview || task.previewed;
        if (full && task.moving && task.previewed) break;
        const done = await this.#step(task, full && !task.moving, preview);
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

  /** @param {Task} task @param {boolean} full @param {number} preview @returns {Promise<boolean>} whether the task is over */
  async #step(task, full, preview) {
    const abort = new AbortController();
    this.#abort = abort;
    this.#runningFull = full;
    const began = performance.now();
    try {
      if (full) this.#events.onBegin({ full, seconds: this.secondsFor(task) });
      else this.#events.onBegin({ full });
      const pixels = full
        ? await this.#fitting(task, abort.signal)
        : await this.#paint(task, Math.min(preview, fullSize(task)), abort.signal);
      if (abort.signal.aborted) return false;
      const seconds = (performance.now() - began) / 1000;
      if (full) this.#pace = seconds / ((pixels.width * pixels.height) / 1e6);
      this.#events.onPicture(pixels, task, { full, seconds });
      return full;
    } catch (error) {
      if (abort.signal.aborted) return false;
      this.#events.onFailed(/** @type {Error} */ (error), task);
      return true;
    } finally {
      this.#runningFull = false;
    }
  }

  /** In full size, or in the largest that the device can do. @param {Task} task @param {AbortSignal} signal */
  async #fitting(task, signal) {
    const asked = fullSize(task);
    let size = asked;
    for (;;) {
      if (size >= this.#tooMuch) {
        const smaller = Math.max(LEAST, Math.floor((this.#tooMuch * 0.7) / 64) * 64);
        size = Math.min(size, smaller);
        this.#events.onSmaller(asked, size);
      }
      try {
        return await this.#paint(task, size, signal);
      } catch (error) {
        const memory = /** @type {Error} */ (error).name === 'EngineFailed';
        if (signal.aborted || !memory || size <= LEAST) throw error;
        this.#tooMuch = size;
      }
    }
  }

  /** @param {Task} task @param {number} size @param {AbortSignal} signal */
  async #paint({ photo, look }, size, signal) {
    const stylizer = /** @type {Stylizer} */ (this.#stylizer);
    const content = await this.#photo(photo, size, signal);
    const entries = [];
    for (const { id, weight } of look.styles) {
      entries.push({ style: await this.#style(id, look.brush, signal), weight });
    }
    const regions = regionsOn(look, photo.id);
    const masks = shares(regions);
    for (const [i, { style }] of regions.entries()) {
      const mask = maskPicture(masks[i]);
      entries.push({ style: style === null ? null : await this.#style(style, look.brush, signal), weight: 1, mask });
    }
    return stylizer.stylize(content, entries, { strength: look.strength / 100, colours: look.colours, signal });
  }

  /** @param {Photo} photo @param {number} size @param {AbortSignal} signal */
  #photo({ id, file }, size, signal) {
    return cached(this.#photos, `${id} ${size}`, PHOTOS_KEPT, () =>
      /** @type {Stylizer} */ (this.#stylizer).encodePhoto(file, { size, signal }));
  }

  /** @param {string} id @param {number} size @param {AbortSignal} signal */
  #style(id, size, signal) {
    return cached(this.#styles, `${id} ${size}`, STYLES_KEPT, async () => {
      const picture = await this.#styleOf(id)?.().catch(() => undefined);
      if (!picture) throw new StyleGone(id);
      return /** @type {Stylizer} */ (this.#stylizer).encodeStyle(picture, { size, signal });
    });
  }
}

/**
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
