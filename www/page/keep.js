// The visitor's own styles, kept on this device (IndexedDB) until they remove them.

import { openDB } from 'idb';

/** @typedef {{ id: string, name: string, picture: Blob }} KeptStyle */

const open = () => openDB('impasto', 1, {
  upgrade: (database) => { database.createObjectStore('styles', { keyPath: 'id' }); },
});

/** Asked for once; a browser that keeps nothing (a private window) rejects. */
let opened;
const database = () => (opened ??= open());

/** @returns {Promise<KeptStyle[]>} oldest first */
export async function keptStyles() {
  // Opening would already store something, where the visitor has chosen nothing.
  const known = await indexedDB.databases?.();
  if (known && !known.some(({ name }) => name === 'impasto')) return [];
  return (await database()).getAll('styles');
}

/** @param {KeptStyle} style */
export async function keep(style) {
  await (await database()).put('styles', style);
}

/** @param {string} id */
export async function forget(id) {
  await (await database()).delete('styles', id);
}

export async function forgetAll() {
  await (await database()).clear('styles');
}
