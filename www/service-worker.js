// Makes the site work without a network. build.sh fills in the version, the files and the security policy of
// index.html, and puts this at the top of the site.
//
// Every version has a cache of its own, with exactly the files of that version: each is verified by
// its hash when it is fetched. A page gets all its files from one version: a new version waits until
// no page of the old one is open, or until the only one asks for it.

const VERSION = 'VERSION';
const POLICY = 'POLICY';
/** Path → SHA-256 in base64. @type {Record<string, string>} */
const FILES = {/* FILES */};

const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PREFIX = `impasto ${scope.registration.scope} `;
const CACHE = PREFIX + VERSION;
/** Photos that other programs shared, until the page takes them. */
const SHARED = `impasto-shared ${scope.registration.scope}`;
/** Too large to be fetched by everybody; kept once the page has used it. */
const LATER = ['engine/gpu/', 'engine/learn/', 'models/vgg19', 'models/tuned/'];

/** @param {string} file */
const address = (file) => new URL(file, scope.registration.scope).href;

/** @param {string} file @param {RequestCache} cache @returns {Promise<Response>} rejected unless it is the file of this version */
const fetchVerified = (file, cache) => fetch(address(file), { cache, integrity: `sha256-${FILES[file]}` });

/**
 * The file of this version, from the network, as it can answer any request: a response that was redirected may not answer
 * a navigation (hosts send index.html to ./, and page.html to page). Workers are under the policy that comes with them.
 * @param {string} file
 */
async function fetched(file) {
  // The browser's own cache first, which may have another version's.
  const response = await fetchVerified(file, 'default').catch(() => fetchVerified(file, 'reload'));
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  const headers = new Headers(response.headers);
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', POLICY);
  return new Response(response.body, { headers });
}

/** @param {string} file */
async function keep(file) {
  const cache = await caches.open(CACHE);
  if (!await cache.match(address(file))) await cache.put(address(file), await fetched(file));
}

async function install() {
  for (const file of Object.keys(FILES)) {
    if (LATER.some((start) => file.startsWith(start))) continue;
    try {
      await keep(file);
    } catch (error) {
      const full = /** @type {Error} */ (error).name === 'QuotaExceededError';
      const why = full ? 'full' : await arrivesChanged(file) ? 'changed' : 'unreachable';
      // What cannot be kept as a whole only takes the room of something else. (After a bad connection the next visit goes on.)
      if (why !== 'unreachable') await caches.delete(CACHE);
      await tell({ offline: why });
      throw error;
    }
  }
}

/** Whether a file comes, and is another one. @param {string} file */
async function arrivesChanged(file) {
  try {
    const response = await fetch(address(file), { cache: 'reload' });
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
    return response.ok && btoa(String.fromCharCode(...digest)) !== FILES[file];
  } catch {
    return false;
  }
}

/** @param {{ offline?: 'full' | 'changed' | 'unreachable', update?: 'others' }} news for every page of the site */
async function tell(news) {
  for (const page of await pages()) page.postMessage(news);
}

const pages = () => scope.clients.matchAll({ type: 'window', includeUncontrolled: true });

async function forgetOldVersions() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
}

/** The file that a request means, or undefined. @param {URL} url */
function fileOf(url) {
  if (!url.href.startsWith(scope.registration.scope)) return undefined;
  const path = decodeURIComponent(url.pathname.slice(new URL(scope.registration.scope).pathname.length));
  // As hosts do: the page of a folder, and pages without their ending.
  const names = path === '' || path.endsWith('/') ? [`${path}index.html`] : [path, `${path}.html`];
  return names.find((file) => Object.hasOwn(FILES, file));
}

/** @param {string} file @param {Request} request */
async function answer(file, request) {
  // A browser that lets nothing be kept (any more) still has the network.
  const cache = await caches.open(CACHE).catch(() => undefined);
  // A page that finds a file damaged asks for it anew.
  if (request.cache === 'reload') await cache?.delete(address(file));
  const kept = await cache?.match(address(file));
  if (kept) return kept;
  const response = await fetched(file);
  await cache?.put(address(file), response.clone()).catch(() => {});
  return response;
}

/**
 * The version that waits takes over where a page asks for it and is the only one: the files of any other
 * would be changed under it.
 */
async function takeOver() {
  if ((await pages()).length < 2) await scope.skipWaiting();
  else await tell({ update: 'others' });
}

/** A photo shared from another program. @param {Request} request */
async function takeShared(request) {
  try {
    const form = await request.formData();
    const cache = await caches.open(SHARED);
    for (const [i, file] of form.getAll('photo').entries()) {
      if (!(file instanceof File)) continue;
      const headers = { 'content-type': file.type, 'x-name': encodeURIComponent(file.name) };
      await cache.put(address(`shared/${Date.now()}-${i}`), new Response(file, { headers }));
    }
    return Response.redirect(address('?shared'), 303);
  } catch {
    return Response.redirect(address('?shared=lost'), 303);
  }
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(forgetOldVersions()));

scope.addEventListener('message', (event) => {
  if (event.data === 'take over') event.waitUntil(takeOver());
  else if (event.data?.keep) {
    const wanted = Object.keys(FILES).filter((file) => file.startsWith(event.data.keep));
    event.waitUntil(Promise.all(wanted.map(keep)));
  }
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method === 'POST' && url.href === address('share')) {
    event.respondWith(takeShared(request));
    return;
  }
  const file = request.method === 'GET' ? fileOf(url) : undefined;
  if (file) event.respondWith(answer(file, request));
});
