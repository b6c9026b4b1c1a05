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

/** @param {'status' | 'error' | 'work-words' | 'engine-name' | 'offline' | 'update-words'} id @param {Words} text */
export function say(id, ...text) {
  said.set(id, text);
  const sentence = words(...text);
  if ($(id).textContent !== sentence) $(id).textContent = sentence;
}

/** @param {Words | []} text nothing takes the complaint back */
export function complain(...text) {
  const [key, values] = text;
  $('error').hidden = !key;
  if (key) say('error', key, values);
  else {
    said.delete('error');
    $('error').textContent = '';
  }
}

/** @param {unknown} error */
export function complainOf(error) {
  if (error instanceof BadFile) complain(/** @type {Words[0]} */ (`bad.${error.problem}`), { name: error.fileName });
  else throw error;
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let clock;

/** Shows that something is going on. @param {{ part?: number, seconds?: number }} how part: 0..1, where known; seconds: how long it will take, where known */
export function working({ part, seconds } = {}) {
  clearInterval(clock);
  const bar = $('progress');
  const fill = /** @type {HTMLElement} */ (bar.firstElementChild);
  const set = (/** @type {number | undefined} */ value) => {
    bar.classList.toggle('unknown', value === undefined);
    if (value === undefined) bar.removeAttribute('aria-valuenow');
    else bar.setAttribute('aria-valuenow', String(Math.round(value * 100)));
    fill.style.width = value === undefined ? '' : `${value * 100}%`;
  };
  $('work').hidden = false;
  $('work').classList.remove('stopped');
  name('stop');
  set(part);
  if (!seconds || seconds < 0.5) return;
  const began = performance.now();
  const tick = () => set(Math.min(0.97, (performance.now() - began) / 1000 / seconds));
  clock = setInterval(tick, 100);
  tick();
}

/** @param {'stop' | 'paintNow'} does what the button beside the progress does */
function name(does) {
  button('stop').dataset.words = does; // for the next change of language
  button('stop').textContent = words(does);
}

/** Shows that it was stopped, and can be taken up again. */
export function halted() {
  clearInterval(clock);
  say('work-words', 'stopped');
  $('work').classList.add('stopped');
  name('paintNow');
}

export function resting() {
  clearInterval(clock);
  $('work').hidden = true;
}
