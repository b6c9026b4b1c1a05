// What the page tells while it works: status, complaints, progress.

import { $, button } from './dom.js';
import { BadFile } from './pictures.js';
import { words } from './words.js';

/** @typedef {Parameters<typeof words>} Words */

/** Texts that change, so that they can be said again in another language. @type {Map<string, Words>} */
const said = new Map();

/** Says it all again, in another language. */
export function sayAgain() {
  for (const [id, text] of said) $(id).textContent = words(...text);
}

/** @param {'status' | 'error' | 'linked' | 'work-words' | 'engine-name' | 'offline' | 'update-words' | 'save-error' | 'save-words' | 'film-error' | 'live-error' | 'live-words'} id @param {Words} text */
export function say(id, ...text) {
  said.set(id, text);
  const sentence = words(...text);
  if ($(id).textContent !== sentence) $(id).textContent = sentence;
}

/** @param {Words | []} text nothing takes the complaint back */
export const complain = (...text) => complainAt('error', ...text);

/** @param {'error' | 'save-error' | 'film-error' | 'live-error'} id where: what lies behind a dialog is not seen @param {Words | []} text */
export function complainAt(id, ...text) {
  const [key, values] = text;
  $(id).hidden = !key;
  if (key) say(id, key, values);
  else {
    said.delete(id);
    $(id).textContent = '';
  }
}

/** @param {unknown} error */
export function complainOf(error) {
  if (error instanceof BadFile) complain(/** @type {Words[0]} */ (`bad.${error.problem}`), { name: error.fileName });
  else throw error;
}

/** A bar that shows how far something is. */
export class Bar {
  #element;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #clock;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {{ part?: number, seconds?: number }} how part: 0..1, where known; seconds: how long it will take, where known */
  show({ part, seconds }) {
    this.rest();
    this.#set(part);
    if (!seconds || seconds < 0.5) return;
    const began = performance.now();
    const tick = () => this.#set(Math.min(0.97, (performance.now() - began) / 1000 / seconds));
    this.#clock = setInterval(tick, 100);
    tick();
  }

  rest() {
    clearInterval(this.#clock);
  }

  /** @param {number | undefined} part */
  #set(part) {
    this.#element.classList.toggle('unknown', part === undefined);
    if (part === undefined) this.#element.removeAttribute('aria-valuenow');
    else this.#element.setAttribute('aria-valuenow', String(Math.round(part * 100)));
    /** @type {HTMLElement} */ (this.#element.firstElementChild).style.width = part === undefined ? '' : `${part * 100}%`;
  }
}

const bar = new Bar($('progress'));

/** Shows that something is going on. @param {{ part?: number, seconds?: number }} how part: 0..1, where known; seconds: how long it will take, where known */
export function working({ part, seconds } = {}) {
  $('work').hidden = false;
  $('work').classList.remove('stopped');
  name('stop');
  bar.show({ part, seconds });
}

/** @param {'stop' | 'paintNow'} does what the button beside the progress does */
function name(does) {
  button('stop').dataset.words = does; // for the next change of language
  button('stop').textContent = words(does);
}

/** Shows that it was stopped, and can be taken up again. */
export function halted() {
  bar.rest();
  say('work-words', 'stopped');
  $('work').classList.add('stopped');
  name('paintNow');
}

export function resting() {
  bar.rest();
  $('work').hidden = true;
}
