// The dialog about the page: what runs and why, what is kept, which keys there are.

import { $, bring, button, dialog, input, make, write } from './dom.js';
import { engineWords, painter } from './engine.js';
import { visits } from './restore.js';
import { improver, paint } from './stage.js';
import { store } from './store.js';
import { removeOwnStyles } from './styles.js';
import { number, words } from './words.js';

/** @typedef {Parameters<typeof words>} Words */

/** @type {[keys: string, does: Words[0]][]} */
const KEYS = [['Ctrl Z', 'undo'], ['Ctrl Shift Z', 'redo'], ['+ − 0 1', 'keysZoom'], ['← ↑ → ↓', 'keysMove'], ['C', 'compare'], ['V', 'keysPhoto'], ['F', 'keysFavourite']];

export function wireAbout() {
  button('engine').addEventListener('click', () => {
    dialog('about-dialog').showModal();
    store.touch();
  });
  button('forget').addEventListener('click', async () => {
    const removed = removeOwnStyles();
    paint();
    await removed;
  });
  input('improve').addEventListener('change', () => { improver.wanted = input('improve').checked; });
  input('keep').addEventListener('change', () => {
    visits.wanted = input('keep').checked;
    store.touch();
  });
}

/** Puts terms and what they mean into a list, unless they are there. @param {HTMLElement} list @param {HTMLElement[]} parts */
function fill(list, parts) {
  if (make('dl', {}, ...parts).textContent !== list.textContent) list.replaceChildren(...parts);
}

/** The dialog about the page, while it is open. @param {Readonly<import('./store.js').State>} state */
export function showAbout(state) {
  if (!dialog('about-dialog').open) return;
  const { lastSeconds, styles, photos, results } = state;
  const { engine, preparing } = painter;
  const row = (/** @type {Words[0]} */ term, /** @type {string} */ text) => [make('dt', {}, words(term)), make('dd', {}, text)];
  fill($('about'), [
    ...row('aboutEngine', words(...engineWords(state))),
    ...row('aboutLast', lastSeconds ? words('seconds', { n: number(lastSeconds, 1) }) : words('aboutNoneYet')),
  ]);
  write('why', preparing ? words('why.preparing') : engine?.why ? whyNoGpu(engine.why) : '');
  bring(input('improve'), { checked: improver.wanted });
  const { wanted, state: kept } = visits;
  bring(input('keep'), { checked: wanted });
  const megabytes = number(visits.bytes / 1e6, 1);
  if (wanted && kept === 'refused') write('kept-visit', words('keptRefused'));
  else if (!wanted) write('kept-visit', words('keptUnwanted'));
  else if (kept === 'empty') write('kept-visit', '');
  else write('kept-visit', words(kept === 'all' ? 'keptAll' : 'keptSome', { photos: photos.length, paintings: results.length, megabytes }));
  const own = styles.filter((style) => style.own).length;
  write('kept', own ? words('kept', { n: own }) : '');
  bring(button('forget'), { hidden: !own });
  fill($('keys'), KEYS.flatMap(([keys, does]) => [make('dt', {}, ...keys.split(' ').map((key) => make('kbd', {}, key))), make('dd', {}, words(does))]));
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
