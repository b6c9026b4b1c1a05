// The page's side of the service worker: works without a network after the first visit, and takes
// the photos that other programs share with it.

const site = new URL('../', import.meta.url);

/** True where the browser can keep a site (not in private windows of some, nor without encryption). */
const possible = () => 'serviceWorker' in navigator && 'caches' in globalThis;

/**
 * Keeps the site on this device. Call it when nothing urgent is left to download.
 * @param {'webgpu' | 'cpu'} engine the one in use, which is kept even if it is large
 * @returns {Promise<boolean>} true once everything works without a network; false where it will not
 */
export async function keepOffline(engine) {
  if (!possible()) return false;
  try {
    const registration = await navigator.serviceWorker.register(new URL('service-worker.js', site), { updateViaCache: 'none' });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    if (!registration.active) await settled(/** @type {ServiceWorker} */ (worker));
    if (engine === 'webgpu') registration.active?.postMessage({ keep: 'engine/gpu/' });
    return Boolean(registration.active);
  } catch {
    // No network, no room, or a site between two versions: the next visit tries again.
    return false;
  }
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
