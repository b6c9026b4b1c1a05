// What the page tells while it works: status, complaints, progress.

import { $, bring, write } from './dom.js';
import { BadFile } from './pictures.js';
import { store } from './store.js';
import { words } from './words.js';

/** @typedef {Parameters<typeof words>} Words */

/** Where something is said. */
const PLACES = /** @type {const} */ (['status', 'work-words', 'offline', 'save-words', 'live-words', 'learn-words', 'error', 'linked', 'save-error', 'film-error', 'live-error']);
/** @typedef {typeof PLACES[number]} Place */

/** Places that are seen only while something is said there. @type {Set<Place>} */
const SEEN_AT_NEED = new Set(['error', 'linked', 'learn-words', 'save-error', 'film-error', 'live-error']);

/** @param {Place} id @param {Words | []} text nothing takes back what was said */
export function say(id, ...text) {
  const { [id]: _, ...said } = store.now.said;
  const [key, values] = text;
  store.change({ said: key ? { ...said, [id]: [key, values] } : said });
}

/** @param {Words | []} text nothing takes the complaint back */
export const complain = (...text) => say('error', ...text);

/** @param {unknown} error */
export function complainOf(error) {
  if (error instanceof BadFile) complain(/** @type {Words[0]} */ (`bad.${error.problem}`), { name: error.fileName });
  else throw error;
}

/** A bar that shows how far something is. */
export class Bar {
  #element;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #clock;
  /** @type {object | undefined} */ #shown;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {{ part?: number, seconds?: number } | undefined} how part: 0..1, where known; seconds: how long it will take, where known; nothing rests */
  show(how) {
    if (how === this.#shown) return; // the clock goes on
    this.#shown = how;
    clearInterval(this.#clock);
    if (!how) return;
    const { part, seconds } = how;
    this.#set(part);
    if (!seconds || seconds < 0.5) return;
    const began = performance.now();
    const tick = () => this.#set(Math.min(0.97, (performance.now() - began) / 1000 / seconds));
    this.#clock = setInterval(tick, 100);
    tick();
  }

  /** @param {number | undefined} part */
  #set(part) {
    this.#element.classList.toggle('unknown', part === undefined);
    if (part === undefined) this.#element.removeAttribute('aria-valuenow');
    else this.#element.setAttribute('aria-valuenow', String(Math.round(part * 100)));
    /** @type {HTMLElement} */ (this.#element.firstElementChild).style.width = part === undefined ? '' : `${part * 100}%`;
  }
}

/** Something is going on. @param {{ part?: number, seconds?: number }} how part: 0..1, where known; seconds: how long it will take, where known */
export const working = ({ part, seconds } = {}) => store.change({ work: { part, seconds } });

/** It was stopped, and can be taken up again. */
export function halted() {
  say('work-words', 'stopped');
  store.change({ work: { stopped: true } });
}

export const resting = () => store.change({ work: undefined });

const bar = new Bar($('progress'));

/** @param {Readonly<import('./store.js').State>} state */
export function showTold({ said, work }) {
  for (const id of PLACES) {
    const text = said[id];
    if (SEEN_AT_NEED.has(id)) bring($(id), { hidden: !text });
    write(id, text ? words(...text) : '');
  }
  bring($('work'), { hidden: !work });
  bar.show(work?.stopped ? undefined : work);
  if (!work) return;
  $('work').classList.toggle('stopped', Boolean(work.stopped));
  write('stop', words(work.stopped ? 'paintNow' : 'stop'));
}
