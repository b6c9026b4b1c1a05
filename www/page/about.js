// The dialog about the page: what runs and why, what is kept, which keys there are.

import { $, button, input, make } from './dom.js';
import { number, words } from './words.js';

/** @typedef {Parameters<typeof words>} Words */

/**
 * Fills the dialog about the page.
 * @param {import('./painter.js').Painter} painter
 * @param {number} lastSeconds what the last picture took; 0 before the first
 * @param {{ improver: import('./improve.js').Improver, visits: import('./visits.js').Visits, photos: number, paintings: number, styles: number }} kept styles:
 *   of the visitor's own
 */
export function renderAbout({ engine, preparing }, lastSeconds, { improver, visits, photos, paintings, styles }) {
  const row = (/** @type {Words[0]} */ term, /** @type {string} */ text) => [make('dt', {}, words(term)), make('dd', {}, text)];
  $('about').replaceChildren(
    ...row('aboutEngine', $('engine-name').textContent ?? ''),
    ...row('aboutLast', lastSeconds ? words('seconds', { n: number(lastSeconds, 1) }) : words('aboutNoneYet')),
  );
  $('why').textContent = preparing ? words('why.preparing') : engine?.why ? whyNoGpu(engine.why) : '';
  input('improve').checked = improver.wanted;
  const { wanted, state } = visits;
  const megabytes = number(visits.bytes / 1e6, 1);
  input('keep').checked = wanted;
  if (wanted && state === 'refused') $('kept-visit').textContent = words('keptRefused');
  else if (!wanted) $('kept-visit').textContent = words('keptUnwanted');
  else if (state === 'empty') $('kept-visit').textContent = '';
  else $('kept-visit').textContent = words(state === 'all' ? 'keptAll' : 'keptSome', { photos, paintings, megabytes });
  $('kept').textContent = styles ? words('kept', { n: styles }) : '';
  button('forget').hidden = !styles;
  /** @type {[string, Words[0]][]} */
  const keys = [['Ctrl Z', 'undo'], ['Ctrl Shift Z', 'redo'], ['+ − 0 1', 'keysZoom'], ['← ↑ → ↓', 'keysMove'], ['C', 'compare'], ['V', 'keysPhoto'], ['F', 'keysFavourite']];
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
