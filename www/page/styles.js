// The styles one can choose: those that come with the page, and the visitor's own pictures.

import { forget, forgetAll, keep, keptStyles } from './keep.js';
import { check } from './pictures.js';
import { remember } from './remember.js';
import { stem } from './save.js';
import { FAVOURITES, store } from './store.js';
import { inLanguage, words } from './words.js';
import { tunedStyle } from '../tuned.js';

/**
 * @typedef {object} Style
 * @property {string} id
 * @property {() => string} title in the visitor's language
 * @property {string} note where it comes from
 * @property {string} keywords what it is found by: its names in every language, and what it is
 * @property {string} thumb address of a small picture
 * @property {string} file its name for the command line
 * @property {string} name for the files of its paintings
 * @property {boolean} own
 * @property {boolean} tuned whether its picture is a tuned style
 * @property {() => Promise<Blob>} picture fetched when first wanted; it may be a tuned style
 */

const listUrl = new URL('../styles/styles.json', import.meta.url);

/** @param {string | null} id @returns {Style | undefined} */
export const styleOf = (id) => store.now.styles.find((style) => style.id === id);

/** The title of a style, also of one that is no more. @param {string} id */
export const titleOf = (id) => styleOf(id)?.title() ?? '';

/** @param {import('./look.js').Look} look */
export const styleNames = (look) => look.styles.map(({ id }) => styleOf(id)?.title() ?? words('goneStyle')).join(' + ');

/** @param {Style} style */
const add = (style) => store.change({ styles: [...store.now.styles, style] });

/** Adds the bundled styles. Rejects where their list cannot be loaded. */
export async function loadBundled() {
  const response = await fetch(listUrl);
  if (!response.ok) throw new Error(`${listUrl.pathname}: ${response.status}`);
  for (const { id, file, thumb, title, provenance, tuned } of await response.json()) {
    /** @type {Promise<Blob> | undefined} */
    let picture;
    add({
      id,
      title: () => inLanguage(title),
      note: provenance,
      // What all of them are comes before the colon.
      keywords: [...Object.values(title), provenance.split(': ').at(-1)].join(' '),
      thumb: new URL(thumb, listUrl).href,
      file: id,
      name: id,
      own: false,
      tuned: tuned !== undefined,
      // What was tuned to it has the picture in it.
      picture: () => (picture ??= fetchBlob(new URL(tuned ?? file, listUrl))
        .catch(() => fetchBlob(new URL(file, listUrl)))
        .catch((error) => {
          picture = undefined; // the next attempt asks again
          throw error;
        })),
    });
  }
  store.change({ stylesKnown: true });
}

/** Adds what the visitor kept on this device. */
export async function loadKept() {
  for (const { id, name, picture } of await keptStyles()) {
    if (!styleOf(id)) await addPicture(id, new File([picture], name, { type: picture.type })).catch(() => {});
  }
}

/**
 * Adds a picture of the visitor's own, and keeps it on this device.
 * @param {File} file
 * @returns {Promise<{ id: string, kept: Promise<boolean> }>} kept: false where the browser keeps nothing
 */
export async function addOwn(file) {
  const id = `own-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`;
  const picture = await addPicture(id, file);
  const kept = keep({ id, name: picture.name, picture }).then(() => true, () => false);
  return { id, kept };
}

/**
 * Puts a better file of the same style in the place of what there is of it.
 * @param {string} id of one of the visitor's own
 * @param {File} file
 */
export function renewStyle(id, file) {
  store.change({ styles: store.now.styles.map((style) => (style.id === id ? { ...style, picture: async () => file } : style)) });
  keep({ id, name: file.name, picture: file }).catch(() => {}); // which was said of the first
}

/** The visitor's own style that has this very picture, where there is one. @param {Blob} picture @returns {Promise<string | undefined>} */
export async function ownWith(picture) {
  const bytes = new Uint8Array(await picture.arrayBuffer());
  for (const style of store.now.styles.filter(({ own }) => own)) {
    const other = await style.picture();
    if (other.size !== bytes.length) continue;
    const others = new Uint8Array(await other.arrayBuffer());
    if (others.every((value, i) => value === bytes[i])) return style.id;
  }
  return undefined;
}

/** @param {string} id @param {File} given */
async function addPicture(id, given) {
  const tuned = await tunedStyle(given);
  const { file, thumb } = await check(tuned ? new File([tuned.picture], given.name) : given);
  const kept = tuned ? given : file;
  const title = tuned?.about.name ?? (stem(kept.name) || kept.name);
  const note = [tuned?.about.author, tuned?.about.licence].filter(Boolean).join(', ');
  add({ id, title: () => title, note, keywords: `${title} ${note}`, thumb, file: kept.name, name: title, own: true, tuned: tuned !== undefined, picture: async () => kept });
  return kept;
}

/** Takes a picture of the visitor's own from the page and from this device. @param {Style} gone */
export async function removeStyle(gone) {
  drop([gone]);
  await forget(gone.id).catch(() => {}); // what could not be kept need not be forgotten
}

/** Takes all of them from the page and from this device. */
export async function removeOwnStyles() {
  drop(store.now.styles.filter(({ own }) => own));
  await forgetAll().catch(() => {});
}

/** @param {readonly Style[]} gone */
function drop(gone) {
  const favourites = new Set(store.now.favourites);
  for (const { id, thumb } of gone) {
    URL.revokeObjectURL(thumb);
    favourites.delete(id);
  }
  store.change({ styles: store.now.styles.filter((style) => !gone.includes(style)) });
  favour(favourites);
}

/** Puts a style among the first, or back. @param {string} id */
export function toggleFavourite(id) {
  const favourites = new Set(store.now.favourites);
  if (!favourites.delete(id)) favourites.add(id);
  favour(favourites);
}

/** @param {Set<string>} favourites */
function favour(favourites) {
  store.change({ favourites });
  remember(FAVOURITES, [...favourites].join(' ') || null);
}

/** @param {URL} url */
async function fetchBlob(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status}`);
  return response.blob();
}
