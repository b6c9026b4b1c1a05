// The visitor's own styles, kept on this device (IndexedDB) until they remove them.

import { openDB } from 'idb';

/** @typedef {{ id: string, name: string, picture: Blob }} KeptStyle */

/** Milliseconds after which a database that does not answer is taken for one that keeps nothing. */
const PATIENCE = 5000;

/** What a promise gives, unless it takes too long. @template T @param {Promise<T>} promise @returns {Promise<T>} */
export function soon(promise) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  return Promise.race([promise, /** @type {Promise<T>} */ (new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the database does not answer')), PATIENCE);
  }))]).finally(() => clearTimeout(timer));
}

/** Whether a database may be there. To open it would make it, where the visitor has chosen nothing. @param {string} name */
export async function exists(name) {
  const known = await indexedDB.databases?.();
  return !known || known.some((one) => one.name === name);
}

/**
 * Opens a database. Rejects where the browser keeps nothing, as in some private windows.
 * @param {string} name
 * @param {(database: import('idb').IDBPDatabase) => void} upgrade makes what is in it
 */
export async function open(name, upgrade) {
  // A later version of the page may want to change it while this one is open.
  return soon(openDB(name, 1, { upgrade, blocking: (_, __, event) => /** @type {IDBDatabase} */ (event.target).close() }));
}

const NAME = 'impasto';

/** @type {ReturnType<typeof open> | undefined} */
let opened;
const database = () => (opened ??= open(NAME, (fresh) => { fresh.createObjectStore('styles', { keyPath: 'id' }); }));

/** @returns {Promise<KeptStyle[]>} oldest first */
export async function keptStyles() {
  if (!await soon(exists(NAME))) return [];
  return soon((await database()).getAll('styles'));
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
