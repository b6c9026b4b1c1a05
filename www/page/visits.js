// The visit, kept on this device (IndexedDB) while it goes on, so that a reload or a crash loses nothing. Each
// window has a visit of its own, which it holds by a lock; one that no window holds any more is taken up again by
// the next.

import { exists, open, soon } from './keep.js';
import { cleanLook } from './look.js';
import { recall, remember } from './remember.js';

/**
 * @typedef {import('./look.js').Look} Look
 *
 * What a visit comes back from.
 * @typedef {object} Visit
 * @property {readonly { id: number, file: File, name: string, path: string, loose: boolean, film?: File }[]} photos
 * @property {number | undefined} photo the one on the stage
 * @property {readonly { photo: number, look: Look, picture: Blob, small: Blob }[]} results newest first; small: its thumbnail
 * @property {{ past: readonly Look[], now: Look, future: readonly Look[] }} looks
 * @property {boolean} mixing
 * @property {boolean} sizeChosen
 */

/** Where it is noted that a visit is being restored: how often in a row that did not end well. */
export const RESTORING = 'impasto-restoring';

const NAME = 'impasto-visits';
/** Of the records. Others are dropped. */
const FORMAT = 1;
/** Milliseconds from a change until it is kept. */
const DELAY = 400;
/** No visit keeps more than this. */
const MOST_BYTES = 1e9;
/** Visits that are kept, those of other windows among them. */
const MOST_VISITS = 3;
/** Where the name of this window's visit outlives a reload, and whether the visitor wants nothing kept. */
const THIS = 'impasto-visit';
const UNWANTED = 'impasto-keep-nothing';

const lockOf = (/** @type {string} */ id) => `${NAME} ${id}`;

/**
 * Whether no window holds a visit; from then on this one does, if it is to.
 * @param {string} id
 * @param {{ hold: boolean, wait?: boolean }} how wait: for the page before a reload to be gone
 * @returns {Promise<boolean>}
 */
function free(id, { hold, wait = false }) {
  if (!navigator.locks) return Promise.resolve(true); // a page without https has none
  return new Promise((done) => {
    const options = wait ? { signal: AbortSignal.timeout(1000) } : { ifAvailable: true };
    navigator.locks.request(lockOf(id), options, (lock) => {
      done(lock !== null);
      return lock && hold ? new Promise(() => {}) : undefined;
    }).catch(() => done(false));
  });
}

/** What tells two visits apart: the same things in it, in the same order. @param {Visit} visit */
const parts = ({ photos, photo, results, looks: { past, now, future }, mixing, sizeChosen }) => [
  photo, mixing, sizeChosen, now, past.length, ...past, future.length, ...future,
  photos.length, ...photos.map(({ file }) => file), ...results.map(({ picture }) => picture),
];

/** All the pictures of a visit, those first without which the others say nothing. @param {Visit} visit */
function picturesOf({ photos, photo, results }) {
  const order = [...photos.filter(({ id }) => id === photo), ...photos.filter(({ id }) => id !== photo).reverse()];
  return [
    ...order.map(({ file, film }) => (film ? [file, film] : [file])),
    ...results.map(({ photo: of, picture, small }) => [picture, small, photos.find(({ id }) => id === of)?.file ?? picture]),
  ];
}

export class Visits {
  #now;
  #onKept;
  /** WebKit takes no blobs in private windows. */
  #asBytes = false;
  /** @type {ReturnType<typeof open> | undefined} */ #opened;
  /** The name of this visit, once something is kept. @type {string | undefined} */ #id;
  /** What is stored, by its number. @type {Map<Blob, number>} */ #stored = new Map();
  #lastNumber = 0;
  /** Pictures that the browser cannot copy, such as files that were moved away. @type {WeakSet<Blob>} */ #unreadable = new WeakSet();
  /** The visit as it is kept. @type {unknown[] | undefined} */ #kept;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** What is written, one after the other. */ #writing = Promise.resolve();
  #started = false;
  /** How it stands: nothing to keep yet; all kept, or as much as there is room for; the browser keeps nothing. @type {'empty' | 'all' | 'some' | 'refused'} */
  state = 'empty';

  /**
   * @param {() => Visit} now the visit as it is
   * @param {() => void} onKept the state may be another
   */
  constructor(now, onKept) {
    this.#now = now;
    this.#onKept = onKept;
    const hidden = () => { if (document.visibilityState === 'hidden') this.#flush(); };
    document.addEventListener('visibilitychange', hidden);
    addEventListener('pagehide', () => this.#flush());
  }

  /** Whether the visitor wants visits kept. */
  get wanted() {
    return recall(UNWANTED) === null;
  }

  set wanted(wanted) {
    remember(UNWANTED, wanted ? null : 'yes');
    if (wanted) this.changed();
    else this.forget();
  }

  /** Whether something of the visit would not come back. */
  get unsaved() {
    const now = this.#now();
    return now.photos.length > 0 && !(this.wanted && this.state === 'all' && same(this.#kept, parts(now)));
  }

  /** How many bytes of pictures are kept. */
  get bytes() {
    return [...this.#stored.keys()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * The visit that is kept, if there is one. It stays as it is until {@link Visits.begin}.
   * @param {{ fresh: boolean }} how fresh: a kept one is left where it is
   * @returns {Promise<Visit | undefined>}
   */
  async restore({ fresh }) {
    try {
      if (fresh) mine(null);
      const visit = this.wanted && !fresh ? await soon(this.#restore()) : undefined;
      if (visit) {
        this.#kept = parts(visit);
        this.state = 'all';
      }
      return visit;
    } catch {
      this.state = 'refused'; // nor may anything be written over what could not be read
      return undefined;
    }
  }

  /** From here on the visit is kept as it is: what was restored has been taken up. */
  begin() {
    this.#started = true;
    this.changed();
  }

  /** Keeps the visit as it is now, in a moment. */
  changed() {
    if (!this.#started || this.state === 'refused' || same(this.#kept, parts(this.#now()))) return;
    if (!this.wanted && !this.#kept) return;
    this.#timer ??= setTimeout(() => this.#flush(), DELAY);
  }

  /** Removes this visit, and those that no window holds any more. */
  async forget() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await (this.#writing = this.#writing.then(async () => {
      if (!this.#opened && !await soon(exists(NAME))) return;
      const database = await this.#open();
      for (const id of await database.getAllKeys('visits')) {
        if (id !== this.#id && await free(String(id), { hold: false })) await this.#remove(String(id));
      }
      await this.#drop();
    }).catch(() => {})); // where nothing is kept there is nothing to forget
    this.#onKept();
  }

  async #open() {
    return (this.#opened ??= open(NAME, (fresh) => {
      fresh.createObjectStore('visits', { keyPath: 'id' });
      fresh.createObjectStore('pictures'); // by the visit's name and a number
    }));
  }

  /** Nothing of this visit is kept any more. */
  async #drop() {
    if (this.#id) await this.#remove(this.#id);
    this.#stored.clear();
    this.#kept = undefined;
    if (this.state !== 'refused') this.state = 'empty';
  }

  /** @param {string} id */
  async #remove(id) {
    const change = (await this.#open()).transaction(['visits', 'pictures'], 'readwrite');
    await Promise.all([
      change.objectStore('visits').delete(id),
      change.objectStore('pictures').delete(IDBKeyRange.bound([id], [id, []])),
      change.done,
    ]);
  }

  async #restore() {
    if (!await exists(NAME)) return undefined;
    const database = await this.#open();
    const own = mine();
    /** @type {any[]} */
    const records = await database.getAll('visits');
    const usable = records.filter(({ format }) => format === FORMAT).sort((a, b) => Number(b.at) - Number(a.at));
    for (const record of records) {
      if (!usable.includes(record) && await free(String(record.id), { hold: false })) await this.#remove(String(record.id));
    }
    const order = [...usable.filter(({ id }) => id === own), ...usable.filter(({ id }) => id !== own)];
    /** @type {Visit | undefined} */
    let visit;
    for (const [i, record] of order.entries()) {
      if (!this.#id && await free(record.id, { hold: true, wait: record.id === own })) {
        this.#id = record.id;
        mine(record.id);
        visit = await this.#read(record);
      } else if (i >= MOST_VISITS && await free(record.id, { hold: false })) {
        await this.#remove(record.id);
      }
    }
    return visit;
  }

  /** What a record and its pictures say, without what is not as it should be. @param {any} record @returns {Promise<Visit | undefined>} */
  async #read({ id, photo, photos, results, looks, mixing, sizeChosen }) {
    const pictures = (await this.#open()).transaction('pictures').store;
    const range = IDBKeyRange.bound([id], [id, []]);
    const [keys, blobs] = await Promise.all([pictures.getAllKeys(range), pictures.getAll(range)]);
    /** @type {Map<unknown, Blob>} */
    const byNumber = new Map();
    for (const [i, key] of keys.entries()) {
      const number = Number(/** @type {unknown[]} */ (key)[1]);
      const blob = blobOf(blobs[i]);
      byNumber.set(number, blob);
      this.#stored.set(blob, number);
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    const list = (/** @type {unknown} */ some) => /** @type {any[]} */ (Array.isArray(some) ? some.filter((one) => one) : []);
    const clean = (/** @type {unknown} */ some) => list(some).flatMap((look) => cleanLook(look) ?? []);
    const text = (/** @type {unknown} */ some) => (typeof some === 'string' ? some : 'photo');
    const now = cleanLook(looks?.now);
    const visit = {
      photo,
      photos: list(photos).flatMap((one) => {
        const blob = byNumber.get(one.file);
        if (!blob || !Number.isSafeInteger(one.id)) return [];
        const file = blob instanceof File ? blob : new File([blob], text(one.name), { type: blob.type });
        const film = byNumber.get(one.film);
        const named = film && (film instanceof File ? film : new File([film], text(one.name), { type: film.type }));
        return [{ id: one.id, file, name: text(one.name), path: text(one.path), loose: one.loose === true, ...(named && { film: named }) }];
      }),
      results: list(results).flatMap((one) => {
        const [look, picture, small] = [cleanLook(one.look), byNumber.get(one.picture), byNumber.get(one.small)];
        return look && picture && small ? [{ photo: one.photo, look, picture, small }] : [];
      }),
      mixing: mixing === true,
      sizeChosen: sizeChosen === true,
    };
    if (!now || !visit.photos.length) return undefined;
    return { ...visit, looks: { past: clean(looks.past), now, future: clean(looks.future) } };
  }

  #flush() {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write() {
    const visit = this.#now();
    try {
      // Another window may have been told that nothing is to be kept.
      if (!visit.photos.length || !this.wanted) return await this.#drop();
      const database = await this.#open();
      if (!this.#id) {
        this.#id = Math.random().toString(36).slice(2);
        await free(this.#id, { hold: true });
        mine(this.#id);
      }
      this.state = await this.#put(database, visit) ? 'all' : 'some';
      this.#kept = parts(visit);
    } catch {
      this.state = 'refused';
    }
    this.#onKept();
    this.changed(); // it may have gone on meanwhile
  }

  /** Stores as much of a visit as there is room for. @param {Awaited<ReturnType<typeof open>>} database @param {Visit} visit @returns {Promise<boolean>} whether that is all of it */
  async #put(database, visit) {
    const all = picturesOf(visit);
    let budget = Math.min(MOST_BYTES, await this.#room());
    for (;;) {
      const kept = this.#fitting(all, budget);
      try {
        await this.#store(database, visit, kept);
        return all.flat().every((picture) => kept.has(picture));
      } catch (error) {
        const readable = await Promise.all([...kept].map((picture) => picture.slice(0, 1).arrayBuffer().then(() => true, () => false)));
        const lost = [...kept].filter((_, i) => !readable[i]);
        for (const picture of lost) this.#unreadable.add(picture);
        if (lost.length) continue;
        if (!this.#asBytes && /** @type {Error} */ (error).name === 'UnknownError') {
          this.#asBytes = true;
          // WebKit may never answer this connection again.
          database.close();
          this.#opened = undefined;
          database = await this.#open();
          continue;
        }
        if (!kept.size) throw error;
        budget = [...kept].reduce((sum, { size }) => sum + size, 0) / 2;
      }
    }
  }

  /** How many bytes of pictures may be kept. */
  async #room() {
    const { quota, usage = 0 } = await navigator.storage?.estimate?.() ?? {};
    // Something is left for the site itself, which is kept as well.
    return quota === undefined ? Infinity : 0.8 * (quota - usage) + this.bytes;
  }

  /** @param {Blob[][]} all what belongs together @param {number} budget bytes */
  #fitting(all, budget) {
    /** @type {Set<Blob>} */
    const kept = new Set();
    for (const group of all) {
      const fresh = group.filter((picture) => !kept.has(picture));
      const bytes = fresh.reduce((sum, { size }) => sum + size, 0);
      if (bytes > budget || group.some((picture) => this.#unreadable.has(picture))) continue;
      budget -= bytes;
      for (const picture of fresh) kept.add(picture);
    }
    return kept;
  }

  /** @param {Awaited<ReturnType<typeof open>>} database @param {Visit} visit @param {Set<Blob>} kept the pictures to store */
  async #store(database, visit, kept) {
    const id = this.#id;
    const stored = new Map([...kept].map((picture) => [picture, this.#stored.get(picture) ?? ++this.#lastNumber]));
    const { photos, photo, results, looks, mixing, sizeChosen } = visit;
    /** @type {[unknown, number][]} */
    const fresh = [];
    for (const [picture, number] of stored) {
      if (!this.#stored.has(picture)) fresh.push([this.#asBytes ? { bytes: await picture.arrayBuffer(), type: picture.type } : picture, number]);
    }
    const change = database.transaction(['visits', 'pictures'], 'readwrite');
    const pictures = change.objectStore('pictures');
    /** @type {Promise<unknown>[]} */
    const asked = [change.done];
    try {
      asked.push(change.objectStore('visits').put({
        id,
        format: FORMAT,
        at: new Date(),
        photo,
        photos: photos.filter(({ file }) => kept.has(file))
          .map(({ id: of, file, name, path, loose, film }) => ({ id: of, file: stored.get(file), name, path, loose, film: film && stored.get(film) })),
        results: results.filter(({ picture }) => kept.has(picture))
          .map(({ photo: of, look, picture, small }) => ({ photo: of, look, picture: stored.get(picture), small: stored.get(small) })),
        looks,
        mixing,
        sizeChosen,
      }));
      for (const [picture, number] of fresh) asked.push(pictures.put(picture, [id, number]));
      for (const [picture, number] of this.#stored) if (!stored.has(picture)) asked.push(pictures.delete([id, number]));
    } catch (error) {
      change.abort();
      await Promise.allSettled(asked);
      throw error;
    }
    try {
      await Promise.all(asked);
    } catch (error) {
      // It ends by itself. Not what was asked is waited for: WebKit never answers some of it then, nor any more at all
      // where it is told to end as well.
      await soon(change.done).catch(() => {});
      throw error;
    }
    this.#stored = stored;
  }
}

/** What was stored as a picture; where it is none, one that is empty, which is replaced. @param {any} stored */
function blobOf(stored) {
  if (stored instanceof Blob) return stored;
  return new Blob(stored?.bytes instanceof ArrayBuffer ? [stored.bytes] : [], { type: stored?.type ?? '' });
}

/** The name of this window's visit, or sets it. @param {string | null} [id] */
function mine(id) {
  try {
    if (id === null) sessionStorage.removeItem(THIS);
    else if (id !== undefined) sessionStorage.setItem(THIS, id);
    return sessionStorage.getItem(THIS);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {unknown[] | undefined} a @param {unknown[]} b */
const same = (a, b) => a?.length === b.length && a.every((one, i) => one === b[i]);
