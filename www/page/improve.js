// Refining by itself: where the GPU does it in seconds, a painting gets better while it is looked at.

import { recall, remember } from './remember.js';
import { EngineFailed } from '../stylizer.js';

/** Milliseconds without a change before it begins. */
const REST = 1500;
/** Seconds that it may take; a device that needs longer is left alone for this visit. */
const MOST_SECONDS = 20;
/** Where it is kept that the visitor does not want it, or that it failed here. */
const KEPT = 'impasto-improve';

/**
 * @typedef {import('./painter.js').Painter} Painter
 * @typedef {import('./painter.js').Task} Task
 */

export class Improver {
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** Not at this visit. */ #ended = false;
  #asked;
  #painter;
  #page;

  /**
   * @param {Painter} painter
   * @param {object} page
   * @param {'always' | 'never' | undefined} page.asked for by the page's address: on every engine, or not at all
   * @param {(task: Task) => boolean} page.rests whether that painting is on the stage, and nothing else goes on
   * @param {(seconds: number) => void} page.tell about how long it will still take
   * @param {(picture: ImageBitmap, task: Task, seconds: number) => void} page.done who hears it closes the picture
   */
  constructor(painter, page) {
    this.#painter = painter;
    this.#page = page;
    this.#asked = page.asked;
  }

  /** Whether the visitor wants it. */
  get wanted() { return this.#asked !== 'never' && recall(KEPT) === null; }
  set wanted(wanted) {
    this.#asked = undefined;
    this.#ended = false;
    remember(KEPT, wanted ? null : 'unwanted');
    if (!wanted) this.#painter.leaveAsItIs();
  }

  /** After a painting came onto the stage. @param {Task} task what it is of */
  soon(task) {
    clearTimeout(this.#timer);
    if (task.look.refined || task.look.strength === 0) return;
    this.#timer = setTimeout(() => this.#begin(task), REST);
  }

  /** @param {Task} task */
  async #begin(task) {
    if (!this.#page.rests(task) || !(await this.#may())) return;
    if (!this.#page.rests(task)) return;
    const began = performance.now();
    try {
      const picture = await this.#painter.improve(task, (seconds) => {
        if (seconds > MOST_SECONDS && this.#asked !== 'always') {
          this.#ended = true;
          this.#painter.leaveAsItIs();
        } else {
          this.#page.tell(seconds);
        }
      });
      if (picture) this.#page.done(picture, task, (performance.now() - began) / 1000);
    } catch (error) {
      // The painting that there is stays. What an engine could not do must not fail again at every visit; a file
      // that did not come may come at the next.
      this.#ended = true;
      if (error instanceof EngineFailed && error.code !== 'offline') remember(KEPT, 'failed');
      console.warn(error);
    }
  }

  /** Whether this is the device and the moment. */
  async #may() {
    if (!this.wanted || this.#ended || document.visibilityState !== 'visible') return false;
    if (this.#asked === 'always') return true;
    const { connection, getBattery } = /** @type {any} */ (navigator);
    if (!this.#painter.settled || this.#painter.engine?.kind !== 'webgpu' || connection?.saveData) return false;
    const battery = await getBattery?.call(navigator).catch(() => undefined);
    return !battery || battery.charging || battery.level > 0.3;
  }
}
