// Without a network, across updates, and with damaged files. Each test serves a copy of the site
// that it may change.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

import { en } from '../../www/page/words-en.js';
import { zh } from '../../www/page/words-zh.js';
import { photo as photoPng } from './pictures.mjs';
import { serve } from './server.mjs';

const dist = join(import.meta.dirname, '../../dist');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('base64');
let browser;

before(async () => {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });
});
after(() => browser?.close());

/** Runs `use` with a copy of the site on a server and a fresh browser profile; `bare`: without headers of its own. */
async function onCopy(use, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'impasto-site-'));
  const context = await browser.newContext({ locale: 'en-US' });
  context.setDefaultTimeout(120_000);
  let site;
  try {
    await cp(dist, folder, { recursive: true });
    if (options.bare) await rm(join(folder, '_headers'));
    site = await serve(folder, { prefix: '/some/where/', ...options });
    await use({ folder, context, url: site.url, unplug: () => site.close() });
  } finally {
    await context.close();
    await site?.close().catch(() => {});
    await rm(folder, { recursive: true });
  }
}

async function open(context, url) {
  const page = await context.newPage();
  await page.goto(`${url}${url.includes('?') ? '&' : '?'}engine=cpu&size=64`);
  await page.waitForSelector('#gallery .pick[aria-pressed=true]');
  return page;
}

/** Waits until the site is kept on the device. */
const kept = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(({ active }) => new Promise((done) => {
  const look = () => { if (active.state === 'activated') done(); };
  active.addEventListener('statechange', look);
  look();
})));

/** Waits until the page says how it is kept. */
const says = (page, how) => page.waitForFunction((words) => document.getElementById('offline').textContent === words, en[`offline.${how}`]);

async function paint(page) {
  await page.setInputFiles('#photo-file', { name: 'photo.png', mimeType: 'image/png', buffer: photoPng(80, 60) });
  await page.waitForSelector('#save:enabled');
}

/** Another version of the site: a document and a script that say which they are. */
async function update(folder) {
  const worker = join(folder, 'service-worker.js');
  let text = await readFile(worker, 'utf8');
  for (const [file, change] of [
    ['index.html', (html) => html.replace('<html ', '<html data-html="second" ')],
    ['www/page/main.js', (script) => `${script}\ndocument.documentElement.dataset.script = 'second';\n`],
  ]) {
    const old = await readFile(join(folder, file), 'utf8');
    const changed = change(old);
    assert.notEqual(changed, old);
    await writeFile(join(folder, file), changed);
    assert.ok(text.includes(sha256(old)), `the list has ${file}`);
    text = text.replace(sha256(old), sha256(changed));
  }
  text = text.replace(/const VERSION = '.*'/, "const VERSION = 'second'");
  await writeFile(worker, text);
}

const versionOf = (page) => page.evaluate(() => {
  const { html = 'first', script = 'first' } = document.documentElement.dataset;
  return [html, script];
});
const [FIRST, SECOND] = [['first', 'first'], ['second', 'second']];

test('after one visit everything works without a network', async () => {
  await onCopy(async ({ context, url, unplug }) => {
    const page = await open(context, url);
    await kept(page);
    await page.close();
    await unplug();
    const again = await open(context, url);
    await paint(again);
    await again.waitForFunction(() => [...document.querySelectorAll('#gallery img')].every((image) => image.naturalWidth > 0));
    await again.click('#gallery .pick >> nth=5');
    await again.waitForSelector('#save:enabled');
    assert.ok(await again.isHidden('#error'));
    await again.goto(new URL('www/self-test.html', url).href);
    await again.waitForSelector('[data-engine=cpu][data-result=right]');
  });
});

test('a visit that was not kept needs the network, or the test before proves nothing', async () => {
  await onCopy(async ({ context, url, unplug }) => {
    await unplug();
    await assert.rejects((await context.newPage()).goto(url), /ERR_CONNECTION_REFUSED/);
  });
});

test('a host that shortens the addresses of pages serves every visit, also without a network', async () => {
  await onCopy(async ({ context, url, unplug }) => {
    const page = await open(context, url);
    assert.ok((await page.request.get(`${url}index.html`, { maxRedirects: 0 })).status() === 301, 'the host does it');
    await kept(page);
    await says(page, 'ready');
    await page.close();
    for (const network of [true, false]) {
      if (!network) await unplug();
      for (const address of ['', 'index.html']) {
        const again = await open(context, `${url}${address}`);
        await paint(again);
        await again.close();
      }
      for (const address of ['www/self-test.html', 'www/self-test']) {
        const again = await context.newPage();
        await again.goto(`${url}${address}`);
        await again.waitForSelector('[data-engine=cpu][data-result=right]');
        await again.close();
      }
    }
  }, { clean: true, compress: true });
});

test('what is kept has the policy of the site, whatever the host sends', async () => {
  await onCopy(async ({ context, url }) => {
    const page = await open(context, url);
    const policy = () => page.evaluate(async () => (await fetch('www/worker-cpu.js')).headers.get('content-security-policy'));
    assert.equal(await policy(), null, 'the host sends none');
    await says(page, 'ready');
    await page.reload();
    assert.equal(await policy(), await page.getAttribute('meta[http-equiv=Content-Security-Policy]', 'content'));
  }, { bare: true });
});

test('where the browser has no room the page paints all the same, and says that it is not kept', async () => {
  await onCopy(async ({ context, url }) => {
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize: 300_000 });
    await page.goto(`${url}?engine=cpu&size=64`);
    await paint(page);
    await says(page, 'full');
    assert.deepEqual(await page.evaluate(() => caches.keys()), [], 'what is there of it gives its room back');
    await page.click('#language');
    await page.waitForFunction((words) => document.getElementById('offline').textContent === words, zh['offline.full']);
  });
});

test('a file for which there is no room comes from the network', async () => {
  await onCopy(async ({ context, url }) => {
    const page = await open(context, url);
    await kept(page);
    await says(page, 'ready');
    await page.reload(); // now the service worker answers
    const session = await context.newCDPSession(page);
    const { usage } = await session.send('Storage.getUsageAndQuota', { origin: new URL(url).origin });
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize: Math.ceil(usage) });
    const found = await page.evaluate(async () => {
      const address = new URL('models/vgg19-relu4_1.safetensors', location.href).href;
      const response = await fetch(address);
      const { byteLength } = await response.arrayBuffer();
      return { controlled: Boolean(navigator.serviceWorker.controller), ok: response.ok, byteLength, kept: Boolean(await caches.match(address)) };
    });
    assert.ok(found.controlled && found.ok && found.byteLength > 1e6, JSON.stringify(found));
    assert.equal(found.kept, false);
  });
});

test('files that arrive changed are not kept, and the page says why', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const file = join(folder, 'www/page.css');
    await writeFile(file, `${await readFile(file, 'utf8')}/* put in on the way */`);
    const page = await open(context, url);
    await paint(page);
    await says(page, 'changed');
  });
});

test('an update never mixes versions', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const page = await open(context, url);
    await kept(page);
    const other = await open(context, url);
    assert.deepEqual(await versionOf(other), FIRST);
    await says(other, 'ready');
    assert.ok(await other.isHidden('#update'));
    await update(folder);
    await other.evaluate(async () => { await (await navigator.serviceWorker.ready).update(); });
    await other.waitForSelector('#update:not([hidden])');
    assert.equal(await other.textContent('#update-words'), en.updateThere);
    // Two pages are open: both stay what they are, however often they are reloaded.
    await page.reload();
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.deepEqual(await versionOf(page), FIRST);
    await paint(page);
    // Nor does one of them get it for both.
    await other.click('#take-update');
    await other.waitForFunction((words) => document.getElementById('update-words').textContent === words, en.updateOthers);
    assert.deepEqual(await versionOf(other), FIRST);
    // A page that comes in addition does not take it away from the one that is there either.
    await page.close();
    const third = await open(context, url);
    assert.deepEqual(await versionOf(third), FIRST);
    await paint(other);
    // The last one gets the new version, whole, when it asks for it.
    await third.close();
    await other.waitForFunction(async () => {
      if (document.documentElement.dataset.html === 'second') return true;
      const button = document.getElementById('take-update');
      if (!button.disabled) button.click(); // the browser may not know yet that the other page is gone
      return false;
    }, undefined, { polling: 500 }).catch((error) => { if (!/destroyed|navigation/.test(error.message)) throw error; });
    await other.waitForSelector('html[data-html=second] #gallery .pick[aria-pressed=true]');
    assert.deepEqual(await versionOf(other), SECOND);
    await paint(other);
    const caches = await other.evaluate(() => globalThis.caches.keys());
    assert.equal(caches.length, 1, `old files are gone: ${caches}`);
  });
});

test('without a click a new version is there at the next visit', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const page = await open(context, url);
    await says(page, 'ready');
    await page.reload(); // only now it gets its files from what is kept
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    await says(page, 'ready');
    await update(folder);
    await page.evaluate(async () => { await (await navigator.serviceWorker.ready).update(); });
    await page.waitForSelector('#update:not([hidden])');
    await page.reload();
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.deepEqual(await versionOf(page), FIRST);
    await page.waitForSelector('#update:not([hidden])');
    const blank = await context.newPage(); // the browser stays open
    await page.close();
    await new Promise((done) => { setTimeout(done, 1000); }); // until it knows that the page is gone
    await blank.close();
    const next = await open(context, url);
    assert.deepEqual(await versionOf(next), SECOND);
    await paint(next);
  });
});

test('a site between two versions is not kept', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const page = await open(context, url);
    await kept(page);
    await update(folder);
    // One of the new files has not arrived yet.
    await writeFile(join(folder, 'www/page/main.js'), await readFile(join(dist, 'www/page/main.js')));
    const state = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      const found = new Promise((done) => { registration.addEventListener('updatefound', () => done(registration.installing)); });
      await registration.update();
      const worker = await found;
      return new Promise((done) => {
        const look = () => { if (worker.state !== 'installing') done(worker.state); };
        worker.addEventListener('statechange', look);
        look();
      });
    });
    assert.equal(state, 'redundant');
    await page.reload();
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.deepEqual(await versionOf(page), FIRST);
    await paint(page);
  });
});

test('damaged weights are not used', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const file = join(folder, 'models/impasto.safetensors');
    const bytes = await readFile(file);
    bytes[bytes.length - 5] ^= 1;
    await writeFile(file, bytes);
    const page = await open(context, url);
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /impasto\.safetensors.*SHA-256/);
    // The right file, and nothing else, mends it.
    await cp(join(dist, 'models/impasto.safetensors'), file);
    const again = await open(context, url);
    await paint(again);
  });
});

test('the site can be installed, and takes photos from the share menu', async () => {
  await onCopy(async ({ folder, context, url }) => {
    const manifest = JSON.parse(await readFile(join(folder, 'www/manifest.webmanifest'), 'utf8'));
    for (const { src, sizes, type } of manifest.icons) {
      const bytes = await readFile(join(folder, 'www', src));
      if (type !== 'image/png') continue;
      const { width, height } = PNG.sync.read(bytes);
      assert.equal(`${width}x${height}`, sizes, src);
    }
    for (const size of ['192x192', '512x512']) assert.ok(manifest.icons.some(({ sizes }) => sizes === size), size);
    assert.ok(manifest.icons.some(({ purpose }) => purpose === 'maskable'));
    const page = await open(context, url);
    await kept(page);
    const session = await context.newCDPSession(page);
    const { errors } = await session.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    // Playwright's profiles are private windows, where nothing can be installed.
    assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), []);

    const lost = await open(context, `${url}?shared=lost`);
    await lost.waitForFunction((words) => document.getElementById('error').textContent === words, en.sharedLost);
    await lost.close();
    // As the browser does with what another app shares.
    await page.reload();
    const { action, params } = manifest.share_target;
    const target = new URL(action, new URL('www/manifest.webmanifest', url)).href;
    const landed = await page.evaluate(async ({ target, field, base64 }) => {
      const form = new FormData();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      form.append(field, new File([bytes], 'shared.png', { type: 'image/png' }));
      const response = await fetch(target, { method: 'POST', body: form, redirect: 'manual' });
      return response.type;
    }, { target, field: params.files[0].name, base64: photoPng(60, 40).toString('base64') });
    assert.equal(landed, 'opaqueredirect', 'the browser is sent on');
    await page.goto(`${url}?shared&engine=cpu&size=64`);
    await page.waitForSelector('#save:enabled');
    assert.equal(await page.getAttribute('#photos .pick', 'aria-label'), 'shared.png');
    const waiting = await page.evaluate(async () => {
      const names = (await caches.keys()).filter((name) => name.startsWith('impasto-shared'));
      return (await Promise.all(names.map(async (name) => (await caches.open(name)).keys()))).flat().length;
    });
    assert.equal(waiting, 0, 'it was taken once');
  });
});
