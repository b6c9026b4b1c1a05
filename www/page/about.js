// The dialog about the page: what runs and why, what is kept, which keys there are.

import { $, button, make } from './dom.js';
import { number, words } from './words.js';

/** @typedef {Parameters<typeof words>} Words */

/**
 * Fills the dialog about the page.
 * @param {import('./painter.js').Painter} painter
 * @param {number} lastSeconds what the last picture took; 0 before the first
 * @param {number} own how many styles the visitor keeps
 */
export function renderAbout({ engine, preparing }, lastSeconds, own) {
  const row = (/** @type {Words[0]} */ term, /** @type {string} */ text) => [make('dt', {}, words(term)), make('dd', {}, text)];
  $('about').replaceChildren(
    ...row('aboutEngine', $('engine-name').textContent ?? ''),
    ...row('aboutLast', lastSeconds ? words('seconds', { n: number(lastSeconds, 1) }) : words('aboutNoneYet')),
  );
  $('why').textContent = preparing ? words('why.preparing') : engine?.why ? whyNoGpu(engine.why) : '';
  $('kept').textContent = own ? words('kept', { n: own }) : '';
  button('forget').hidden = !own;
  /** @type {[string, Words[0]][]} */
  const keys = [['Ctrl Z', 'undo'], ['Ctrl Shift Z', 'redo'], ['+ − 0', 'keysZoom'], ['← ↑ → ↓', 'keysMove'], ['C', 'compare']];
  $('keys').replaceChildren(...keys.flatMap(([key, does]) => [make('dt', {}, ...key.split(' ').map((one) => make('kbd', {}, one))), make('dd', {}, words(does))]));
}

/** Why WebGPU is not used, and what the visitor can do about it. @param {string} why */
function whyNoGpu(why) {
  const known = /** @type {Record<string, Words[0]>} */ ({
    'no-webgpu': 'why.noWebgpu',
    insecure: 'why.insecure',
    'no-adapter': 'why.noAdapter',
    'software-adapter': 'why.software',
    'wrong-answer': 'why.wrongAnswer',
    'time-out': 'why.timeOut',
    lost: 'why.lost',
    crashed: 'why.crashed',
  });
  return known[why] ? words(known[why]) : words('why.other', { reason: why });
}
