// The page's side of the service worker: works without a network after the first visit, and takes
// the photos that other programs share with it.

import { scriptUrl } from './trusted.js';

const site = new URL('../', import.meta.url);

/** True where the browser can keep a site (not in private windows of some, nor without encryption). */
const possible = () => 'serviceWorker' in navigator && 'caches' in globalThis;

/** Milliseconds for a word of a worker, and for it to take over. */
const PATIENCE = 10_000;

/**
 * @typedef {'ready' | 'full' | 'changed' | 'unreachable' | 'impossible'} Kept ready: everything works without a
 *   network; full: the browser has no room; changed: files come other than they should (changed on their way, or
 *   the site is between two versions); unreachable: a file did not come; impossible: the browser keeps nothing here
 */

/**
 * Keeps the site on this device. Call it when nothing urgent is left to download.
 * @param {'webgpu' | 'cpu'} engine the one in use, which is kept even if it is large
 * @param {() => void} onUpdate another version is there, and waits for {@link takeUpdate} or the next visit
 * @returns {Promise<Kept>}
 */
export async function keepOffline(engine, onUpdate) {
  if (!possible()) return 'impossible';
  const over = new AbortController();
  /** @type {Promise<Kept>} why a worker could not be installed, which it tells before it fails */
  const why = new Promise((told) => {
    navigator.serviceWorker.addEventListener('message', ({ data }) => { if (data?.offline) told(data.offline); }, over);
  });
  navigator.serviceWorker.startMessages();
  try {
    const registration = await navigator.serviceWorker.register(scriptUrl(new URL('service-worker.js', site)), { updateViaCache: 'none' });
    announce(registration, onUpdate);
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    if (!registration.active) await settled(/** @type {ServiceWorker} */ (worker));
    if (!registration.active) {
      // What it told may arrive later than its end. (It tells nothing where its own script did not come.)
      return await Promise.race([why, new Promise((done) => { setTimeout(() => done('unreachable'), PATIENCE); })]);
    }
    if (engine === 'webgpu') registration.active.postMessage({ keep: 'engine/gpu/' });
    return 'ready';
  } catch (error) {
    // The next visit tries again. A browser may refuse all of it.
    return /** @type {Error} */ (error).name === 'SecurityError' ? 'impossible' : 'unreachable';
  } finally {
    over.abort();
  }
}

/** @type {WeakSet<ServiceWorkerRegistration>} */
const watched = new WeakSet();

/** @param {ServiceWorkerRegistration} registration @param {() => void} onUpdate */
function announce(registration, onUpdate) {
  if (registration.waiting && registration.active) onUpdate();
  if (watched.has(registration)) return;
  watched.add(registration);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed' && registration.active) onUpdate();
    });
  });
}

/**
 * Loads the page anew in the version that waits.
 * @returns {Promise<'others' | 'failed'>} others: further pages of the site are open, whose files would change
 *   under them; nothing is returned where it worked
 */
export async function takeUpdate() {
  const registration = await navigator.serviceWorker.getRegistration(site);
  const worker = registration?.waiting;
  if (!worker) {
    location.reload(); // it has taken over already
    return 'failed';
  }
  const over = new AbortController();
  /** @type {'activated' | 'others' | 'failed'} */
  const end = await new Promise((done) => {
    setTimeout(() => done('failed'), PATIENCE);
    navigator.serviceWorker.addEventListener('message', ({ data }) => { if (data?.update) done(data.update); }, over);
    settled(worker).then(() => done(worker.state === 'activated' ? 'activated' : 'failed'));
    worker.postMessage('take over');
  });
  over.abort();
  if (end !== 'activated') return end;
  location.reload();
  return 'failed';
}

/** @param {ServiceWorker} worker @returns {Promise<void>} when it is installed and active, or has failed */
function settled(worker) {
  return new Promise((done) => {
    const look = () => {
      if (worker.state === 'activated' || worker.state === 'redundant') done();
    };
    worker.addEventListener('statechange', look);
    look();
  });
}

/** Whether a photo was shared with the page, and there was no room for it. */
export const sharedLost = () => new URLSearchParams(location.search).get('shared') === 'lost';

/**
 * The photos that were shared with the page from other programs, once.
 * @returns {Promise<File[]>}
 */
export async function sharedPhotos() {
  if (!possible() || !new URLSearchParams(location.search).has('shared')) return [];
  const cache = await caches.open(`impasto-shared ${site.href}`);
  const files = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    await cache.delete(request);
    if (!response) continue;
    const name = decodeURIComponent(response.headers.get('x-name') ?? 'photo');
    files.push(new File([await response.blob()], name, { type: response.headers.get('content-type') ?? '' }));
  }
  return files;
}
