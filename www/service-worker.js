// Makes the site work without a network. build.sh fills in the version and the files, and puts this
// at the top of the site.
//
// Every version has a cache of its own, with exactly the files of that version: each is verified by
// its hash when it is fetched. A page gets all its files from one version: a new version waits until
// no page of the old one is open, or until the only one is reloaded.

const VERSION = 'VERSION';
/** Path → SHA-256 in base64. @type {Record<string, string>} */
const FILES = {/* FILES */};

const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PREFIX = `impasto ${scope.registration.scope} `;
const CACHE = PREFIX + VERSION;
/** Photos that other programs shared, until the page takes them. */
const SHARED = `impasto-shared ${scope.registration.scope}`;
/** Too large to be fetched by everybody; kept once the page has used it. */
const LATER = ['engine/gpu/', 'models/vgg19'];

/** @param {string} file */
const address = (file) => new URL(file, scope.registration.scope).href;

/** @param {string} file @param {RequestCache} cache @returns {Promise<Response>} rejected unless it is the file of this version */
const fetchVerified = (file, cache) => fetch(address(file), { cache, integrity: `sha256-${FILES[file]}` });

/** @param {string} file */
async function keep(file) {
  const cache = await caches.open(CACHE);
  if (await cache.match(address(file))) return;
  // The browser's own cache first, which may have another version's.
  const response = await fetchVerified(file, 'default').catch(() => fetchVerified(file, 'reload'));
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  await cache.put(address(file), response);
}

async function install() {
  for (const file of Object.keys(FILES)) {
    if (!LATER.some((start) => file.startsWith(start))) await keep(file);
  }
}

async function forgetOldVersions() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
}

/** The file that a request means, or undefined. @param {URL} url */
function fileOf(url) {
  if (!url.href.startsWith(scope.registration.scope)) return undefined;
  const path = decodeURIComponent(url.pathname.slice(new URL(scope.registration.scope).pathname.length));
  const file = path === '' || path.endsWith('/') ? `${path}index.html` : path;
  return Object.hasOwn(FILES, file) ? file : undefined;
}

/** @param {string} file @param {Request} request */
async function answer(file, request) {
  const cache = await caches.open(CACHE);
  // A page that finds a file damaged asks for it anew.
  if (request.cache === 'reload') await cache.delete(address(file));
  let response = await cache.match(address(file));
  if (!response) {
    await keep(file);
    response = await cache.match(address(file));
  }
  return response ?? fetchVerified(file, 'reload');
}

/**
 * What stands in for the page until the version that waits has taken over, and then loads the page. (A navigation
 * while workers change hands is sometimes lost in Chromium.)
 */
const HANDOVER = `<!doctype html><meta charset="utf-8"><script>
  navigator.serviceWorker.getRegistration().then((registration) => {
    const end = Date.now() + 10_000;
    const look = () => {
      const over = !registration?.waiting && registration?.active?.state === 'activated';
      if (over || Date.now() > end) location.reload();
      else setTimeout(look, 50);
    };
    look();
  });
</script>`;

/** How often that was given since this worker started; the version that waits may be stuck. */
let handovers = 0;

/** @param {string} file @param {Request} request */
async function navigate(file, request) {
  const open = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  // The only page is being reloaded: the moment for the version that waits. (A page that opens is not
  // among the open ones; with it, another one would be changed.)
  // (Not every browser tells that it is one, but all of them ask for a fresh copy then.)
  const { isReloadNavigation } = /** @type {{ isReloadNavigation?: boolean }} */ (request);
  const reload = isReloadNavigation || request.cache === 'no-cache';
  if (scope.registration.waiting && reload && open.length < 2 && handovers < 3) {
    handovers++;
    scope.registration.waiting.postMessage('take over');
    return new Response(HANDOVER, { headers: { 'content-type': 'text/html' } });
  }
  return answer(file, request);
}

/** A photo shared from another program. @param {Request} request */
async function takeShared(request) {
  const form = await request.formData();
  const cache = await caches.open(SHARED);
  for (const [i, file] of form.getAll('photo').entries()) {
    if (!(file instanceof File)) continue;
    const headers = { 'content-type': file.type, 'x-name': encodeURIComponent(file.name) };
    await cache.put(address(`shared/${Date.now()}-${i}`), new Response(file, { headers }));
  }
  return Response.redirect(address('?shared'), 303);
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(forgetOldVersions()));

scope.addEventListener('message', (event) => {
  if (event.data === 'take over') event.waitUntil(scope.skipWaiting());
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
  if (file) event.respondWith(request.mode === 'navigate' ? navigate(file, request) : answer(file, request));
});
