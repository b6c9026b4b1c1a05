// Where the worker that holds the photo comes from, and what it may do: files from another site, policies
// of the page, and failures with a code.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { serve } from './server.mjs';
import { browser, heard, PATIENCE, root, run } from './visit.mjs';

const dist = join(root, 'dist');
const CORS = { 'access-control-allow-origin': '*' };
let folder;
/** A page of somebody's: `<site>?policy` is under that policy. */
let somebody;
/** Counts the requests that it gets. */
let elsewhere;
const caught = [];

/** A server of this machine for `answer`. */
async function listen(answer) {
  const server = createServer(answer);
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => { server.close(); server.closeAllConnections(); } };
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'impasto-worker-'));
  elsewhere = await listen((request, response) => {
    caught.push(request.url);
    response.writeHead(200, CORS).end('thanks');
  });
  // By a bundler that does not know which files belong to them.
  await run(join(root, 'node_modules/.bin/esbuild'), [...['stylizer', 'photo-stylizer'].map((name) => join(dist, `www/${name}.js`)),
    '--bundle', '--format=esm', '--target=es2022', `--outdir=${folder}`, '--log-level=error']);
  const bundles = {
    '/bundle.js': await readFile(join(folder, 'stylizer.js')),
    '/element.js': await readFile(join(folder, 'photo-stylizer.js')),
  };
  somebody = await listen((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    if (bundles[pathname]) return response.writeHead(200, { 'content-type': 'text/javascript' }).end(bundles[pathname]);
    const policy = searchParams.get('policy');
    response.writeHead(200, { 'content-type': 'text/html', ...(policy ? { 'content-security-policy': policy } : {}) })
      .end('<!doctype html><link rel="icon" href="data:,"><title>Somebody’s</title>');
  });
});
after(async () => {
  somebody?.close();
  elsewhere?.close();
  await rm(folder, { recursive: true });
});

/** Runs `use` on a page at `url`, with what it complains of. */
async function at(url, use) {
  const context = await (await browser([])).newContext({ locale: 'en-US', serviceWorkers: 'block' });
  const { complaints } = heard(context);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  try {
    await page.goto(url);
    await use(page, complaints);
  } finally {
    await context.close();
  }
}

/** Loads the CPU engine and paints, in the page; what came of it. */
const paint = (page, { module, options = {} }) => page.evaluate(async ({ module, options }) => {
  const { Stylizer, EngineFailed } = await import(module);
  try {
    const s = await Stylizer.load({ engine: 'cpu', ...options });
    const { ok } = await s.selfTest();
    const picture = new ImageData(new Uint8ClampedArray(4 * 64 * 48).map((_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256)), 64, 48);
    const style = await s.encodeStyle(picture, { size: 32 });
    const { width, height } = await s.stylize(picture, [{ style }], { size: 48 });
    s.dispose();
    return { ok, size: [width, height] };
  } catch (error) {
    return { typed: error instanceof EngineFailed, code: error.code, message: error.message, cause: error.cause !== undefined };
  }
}, { module, options });
const PAINTED = { ok: true, size: [48, 36] };

/** The site without the headers of its host, whose worker tells another site what it has. */
async function leaking(use) {
  const copy = join(folder, 'leaking');
  await cp(dist, copy, { recursive: true });
  await rm(join(copy, '_headers'));
  const worker = join(copy, 'www/worker.js');
  await writeFile(worker, `${await readFile(worker, 'utf8')}
    const channel = new BroadcastChannel('leak');
    fetch('${elsewhere.url}photo').then(() => 'out', () => 'kept').then((what) => channel.postMessage(what));`);
  try {
    await use(copy);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Hears what becomes of the leak. */
const hear = (page) => page.evaluate(() => {
  window.leaked = new Promise((done) => { new BroadcastChannel('leak').onmessage = ({ data }) => done(data); });
});

test('the worker with the photo cannot reach another site, on a host without headers', async () => {
  await leaking(async (copy) => {
    const site = await serve(copy, { prefix: '/some/where/' });
    try {
      for (const path of ['', 'www/self-test.html']) {
        caught.length = 0;
        const context = await (await browser([])).newContext({ locale: 'en-US', serviceWorkers: 'block' });
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE);
        await page.addInitScript(() => {
          window.leaked = new Promise((done) => { new BroadcastChannel('leak').onmessage = ({ data }) => done(data); });
        });
        await page.goto(`${site.url}${path}?engine=cpu&size=64`);
        assert.equal(await page.evaluate(() => window.leaked), 'kept', path);
        assert.deepEqual(caught, [], path);
        await context.close();
      }
      // As workers were started before, nothing held it: the page's policy in a <meta> does not.
      await at(`${site.url}www/samples/samples.json`, async (page) => {
        await hear(page);
        const leaked = await page.evaluate(() => {
          const policy = Object.assign(document.createElement('meta'), { httpEquiv: 'Content-Security-Policy', content: "default-src 'self'" });
          document.head.append(policy);
          new Worker(new URL('../worker-cpu.js', location.href), { type: 'module' });
          return window.leaked;
        });
        assert.equal(leaked, 'out');
        assert.deepEqual(caught, ['/photo']);
      });
    } finally {
      await site.close();
    }
  });
});

test('where the host sends the headers, no worker reaches another site, however it is started', async () => {
  await leaking(async (copy) => {
    await cp(join(dist, '_headers'), join(copy, '_headers'));
    const site = await serve(copy);
    try {
      caught.length = 0;
      await at(`${site.url}www/samples/samples.json`, async (page) => {
        await hear(page);
        assert.equal(await page.evaluate(() => {
          const policy = trustedTypes.createPolicy('impasto', { createScriptURL: (url) => url });
          new Worker(policy.createScriptURL('/www/worker-cpu.js'), { type: 'module' });
          return window.leaked;
        }), 'kept');
        assert.deepEqual(caught, []);
      });
    } finally {
      await site.close();
    }
  });
});

test('the documentation and every page have the policy that is sent', async () => {
  const [, policy] = (await readFile(join(dist, '_headers'), 'utf8')).match(/^ {2}Content-Security-Policy: (.*)$/m);
  const hosting = await readFile(join(root, 'docs/hosting.md'), 'utf8');
  assert.equal(hosting.split(policy).length, 3, 'nginx and Apache');
  const parts = new Set(policy.split('; '));
  for (const page of ['index.html', 'www/self-test.html', 'www/bench.html']) {
    const [, own] = (await readFile(join(dist, page), 'utf8')).match(/http-equiv="Content-Security-Policy" content="([^"]+)"/);
    for (const part of own.split('; ')) assert.ok(parts.has(part), `${page}: ${part}`);
    for (const part of ["worker-src 'self' blob:", "require-trusted-types-for 'script'"]) assert.ok(own.includes(part), `${page}: ${part}`);
  }
});

test('the files may be on another site', async () => {
  const cdn = await serve(dist, { headers: CORS, prefix: '/npm/impasto-stylizer@1/' });
  try {
    await at(somebody.url, async (page, complaints) => {
      assert.deepEqual(await paint(page, { module: `${cdn.url}www/stylizer.js` }), PAINTED);
      assert.deepEqual(await paint(page, { module: '/bundle.js', options: { baseUrl: cdn.url } }), PAINTED, 'a bundle');
      assert.deepEqual(await paint(page, { module: '/bundle.js', options: { baseUrl: cdn.url.slice(0, -1) } }), PAINTED, 'without the slash');
      assert.equal(await page.evaluate(async (baseUrl) => {
        await import('/element.js');
        const element = document.createElement('photo-stylizer');
        for (const [name, value] of Object.entries({ 'base-url': baseUrl, engine: 'cpu', size: 40 })) element.setAttribute(name, value);
        const picture = new ImageData(64, 48);
        Object.assign(element, { photo: picture, layers: [{ picture }] });
        const end = new Promise((done) => {
          element.addEventListener('painted', ({ detail }) => done(detail.width));
          element.addEventListener('failed', ({ detail }) => done(`${detail.code}: ${detail.message}`));
        });
        document.body.append(element);
        return end;
      }, cdn.url), 40, 'the element');
      assert.deepEqual(complaints, []);
    });
  } finally {
    await cdn.close();
  }
});

test('what does not come is told from what may not', async () => {
  const closed = await serve(dist);
  await at(somebody.url, async (page) => {
    const load = (baseUrl) => paint(page, { module: '/bundle.js', options: { baseUrl } });
    const found = {
      blocked: await load(closed.url),
      missing: await load(`${somebody.url}missing/`),
    };
    await closed.close();
    found.offline = await load(closed.url);
    for (const one of Object.values(found)) assert.ok(one.typed && one.cause, JSON.stringify(one));
    assert.equal(found.blocked.code, 'blocked');
    assert.match(found.blocked.message, /does not allow this page.*CORS/);
    assert.equal(found.offline.code, 'offline');
    assert.match(found.offline.message, /no connection/);
    // This server answers everything with a page.
    assert.equal(found.missing.code, 'offline');
  });
});

test('policies of other pages: without blobs by address, without workers an error', async () => {
  const site = await serve(dist, { headers: { ...CORS, 'content-security-policy': '' } });
  // On the site itself, as by address workers come from nowhere else.
  const within = async (policy, use) => {
    const context = await (await browser([])).newContext({ serviceWorkers: 'block' });
    const page = await context.newPage();
    await page.route('**/within', (route) => route.fulfill({
      contentType: 'text/html', body: '<!doctype html><link rel="icon" href="data:,"><title>Within</title>', headers: { 'content-security-policy': policy },
    }));
    try {
      await page.goto(`${site.url}within`);
      await use(page);
    } finally {
      await context.close();
    }
  };
  const SELF = "default-src 'self' data:; script-src 'self' 'wasm-unsafe-eval'";
  try {
    for (const [policy, expected] of [
      [SELF, PAINTED],
      [`${SELF}; worker-src blob:`, PAINTED],
      [`${SELF}; worker-src blob:; require-trusted-types-for 'script'; trusted-types impasto`, PAINTED],
      [`${SELF}; worker-src 'none'`, 'blocked'],
      ["default-src 'self' data:; worker-src blob:", 'blocked'], // no wasm
      [`${SELF}; worker-src blob:; require-trusted-types-for 'script'; trusted-types other`, 'blocked'],
    ]) {
      await within(policy, async (page) => {
        const found = await paint(page, { module: `${site.url}www/stylizer.js` });
        if (expected === PAINTED) assert.deepEqual(found, PAINTED, policy);
        else assert.deepEqual([found.typed, found.code], [true, expected], `${policy}: ${JSON.stringify(found)}`);
      });
    }
  } finally {
    await site.close();
  }
});
