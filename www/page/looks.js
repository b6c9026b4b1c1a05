// What the visitor asks of the look.

import { MOST_STYLES, stepped } from './look.js';
import { takeLink } from './link.js';
import { readLookFile } from './look-file.js';
import { dropFirstHint, dropNotices } from './notices.js';
import { paint } from './stage.js';
import { store } from './store.js';
import { addOwn, ownWith, styleNames, styleOf } from './styles.js';
import { surprise } from './surprise.js';
import { complain, say } from './telling.js';

/** @typedef {import('./look.js').Look} Look */

/** Another look, which is not refined unless it says so. @param {Partial<Look>} change @param {{ moving?: boolean }} [options] moving: more will follow at once */
export function set(change, { moving = false } = {}) {
  dropNotices();
  dropFirstHint();
  const { history } = store.now;
  store.change({ history: stepped(history, { ...history.now, refined: false, ...change }, { moving }) });
  paint({ moving });
}

/** @param {number | 'own'} size */
export function setSize(size) {
  store.change({ sizeChosen: true });
  set({ size });
}

/** @param {boolean} mixing */
export function setMixing(mixing) {
  store.change({ mixing });
  const { styles } = store.now.history.now;
  if (!mixing && styles.length > 1) set({ styles: styles.slice(0, 1) });
}

/** @param {string} id */
export function pressStyle(id) {
  const { mixing, history: { now: { styles } } } = store.now;
  if (!mixing) return set({ styles: [{ id, weight: 50 }] });
  if (styles.some((style) => style.id === id)) {
    if (styles.length > 1) set({ styles: styles.filter((style) => style.id !== id) });
  } else if (styles.length < MOST_STYLES) {
    set({ styles: [...styles, { id, weight: 50 }] });
  } else {
    say('status', 'mostStyles', { n: MOST_STYLES });
  }
}

/** A style that was dragged onto the picture is not taken out of a mixture that has it. @param {string} id */
export function dropStyle(id) {
  const { mixing, history: { now: { styles } } } = store.now;
  if (!mixing || !styles.some((style) => style.id === id)) pressStyle(id);
}

/** Other styles of the page, by chance. */
export function surpriseMe() {
  const styles = surprise(store.now.styles, store.now.history.now.styles, store.now.mixing ? 2 : 1);
  if (!styles.length) return;
  set({ styles });
  say('status', 'surprised', { styles: styleNames(store.now.history.now) });
}

/** Takes the look that the address of the page brings. */
export function openLink() {
  const link = takeLink(store.now.history.now);
  if (!link) return;
  const { change, whole } = link;
  const some = Object.keys(change).length > 0;
  if (change.styles) store.change({ mixing: change.styles.length > 1 });
  if (change.size) store.change({ sizeChosen: true });
  if (some) set(change);
  say('linked', !some ? 'linkedNot' : whole ? 'linked' : 'linkedPartly');
}

/** Takes the look that a file brings; its pictures become styles of the visitor's own. @param {File} file */
export async function openLookFile(file) {
  const { name, settings, styles: wanted } = await readLookFile(file);
  /** @type {Look['styles']} */
  const styles = [];
  /** @type {Promise<boolean>[]} */
  const kept = [];
  /** @param {File} picture */
  const takePicture = async (picture) => {
    const own = await addOwn(picture);
    kept.push(own.kept);
    return own.id;
  };
  for (const style of wanted) {
    const id = 'id' in style ? bundledId(style.id) : await ownWith(style.picture) ?? await takePicture(style.picture);
    if (id !== undefined && !styles.some((one) => one.id === id)) styles.push({ id, weight: style.weight });
  }
  store.change({ mixing: styles.length > 1, sizeChosen: true, search: '', lookName: name });
  set({ ...settings, ...(styles.length && { styles }) });
  kept.forEach(sayUnlessKept);
  say('linked', styles.length === wanted.length ? 'lookOpened' : 'lookOpenedPartly', { name });
}

/** @param {string} id */
const bundledId = (id) => (styleOf(id)?.own === false ? id : undefined);

/** To be called after the look has changed, which takes complaints back. @param {Promise<boolean>} kept */
export const sayUnlessKept = (kept) => kept.then((done) => { if (!done) complain('notKept'); });
