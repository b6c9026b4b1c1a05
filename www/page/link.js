// A look as an address: its settings, and nothing that is the visitor's own.

import { $, button } from './dom.js';
import { cleanLook, MOST_STYLES, regionsOn } from './look.js';
import { store } from './store.js';
import { styleOf } from './styles.js';
import { say } from './telling.js';
import { words } from './words.js';

/** @typedef {import('./look.js').Look} Look */

/** @param {Look['styles'][0]} style */
const isBundled = ({ id }) => styleOf(id)?.own === false;

/** The address of this page with a look. @param {Look} look */
function linkTo({ styles, strength, colours, brush, size }) {
  const mixed = styles.filter((style) => style.weight > 0 && isBundled(style)).map(({ id, weight }) => `${id}:${weight}`);
  const url = new URL(location.href);
  url.search = '';
  // Behind the #, browsers send it to no server.
  url.hash = `look=${mixed.join()}&strength=${strength}&colours=${colours}&brush=${brush}&size=${size}`;
  return url.href;
}

/**
 * Takes the look out of the address of the page, where there is one.
 * @param {Look} now
 * @returns {{ change: Partial<Look>, whole: boolean } | undefined} whole: all of it could be used
 */
export function takeLink(now) {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has('look')) return undefined;
  history.replaceState(history.state, '', location.pathname + location.search);
  const number = (/** @type {string} */ text) => (/^\d{1,5}$/.test(text) ? Number(text) : NaN);
  let whole = true;
  /** @type {Look['styles']} */
  const styles = [];
  // Where all of them were somebody's own, there are none.
  for (const part of given.get('look')?.split(',').filter((text) => text) ?? []) {
    const [id, weight, ...more] = part.split(':');
    const style = { id, weight: number(weight ?? '') };
    const fine = !more.length && isBundled(style) && style.weight > 0 && style.weight <= 100
      && styles.length < MOST_STYLES && !styles.some((one) => one.id === id);
    if (fine) styles.push(style);
    else whole = false;
  }
  given.delete('look');
  /** @type {Partial<Look>} */
  const change = styles.length ? { styles } : {};
  for (const [key, text] of given) {
    const value = key === 'colours' || text === 'own' ? text : number(text);
    const fine = ['strength', 'colours', 'brush', 'size'].includes(key) && cleanLook({ ...now, regions: [], [key]: value });
    if (fine) Object.assign(change, { [key]: value });
    else whole = false;
  }
  return { change, whole };
}

/** Connects the button that copies the link. */
export function wireLink() {
  const hint = () => {
    const { photo, history: { now: look } } = store.now;
    const own = (photo && regionsOn(look, photo.id).length > 0) || look.styles.some((style) => !isBundled(style));
    return words(own ? 'linkHintOwn' : 'linkHint');
  };
  button('save').addEventListener('click', () => { $('link-hint').textContent = hint(); });
  button('copy-link').addEventListener('click', async () => {
    const link = linkTo(store.now.history.now);
    say('save-error');
    try {
      await navigator.clipboard.writeText(link);
      $('link-hint').textContent = `${words('copied')} ${hint()}`;
      say('status', 'copied');
    } catch {
      say('save-error', 'linkNotCopied', { link });
    }
  });
}
