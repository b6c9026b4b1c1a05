// What the tests of the page share: the built site (dist/), a browser, pictures, the command line.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

import { meanDifference, photo, style } from './pictures.mjs';
import { serve } from './server.mjs';

export const run = promisify(execFile);
export const root = join(import.meta.dirname, '../..');
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'impasto');
const target = process.env.CARGO_TARGET_DIR ?? join(cache, 'target');
/** What failed tests leave. */
const traces = join(cache, 'traces');
export const impasto = join(target, 'release/impasto');

/** An emulated GPU on a busy machine is slow. */
export const PATIENCE = 300_000;
const QUIET = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
/** Debian's Chromium emulates a GPU (SwiftShader) for WebGPU, but only when asked. */
const EMULATED = '--enable-unsafe-webgpu';
/** The same, and what it draws to a canvas can be seen, which takes all three of these. */
export const WEBGPU = [EMULATED, '--enable-features=Vulkan', '--use-vulkan=swiftshader', '--use-angle=swiftshader'];
/** The same, where it cannot be seen. */
export const BLIND_WEBGPU = [EMULATED];
export const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

let site;
export let folder;
/** Paths of pictures, and of files that are none. */
export const files = {};
const launched = new Map();

before(async () => {
  // Everything is tested below a sub-path.
  site = await serve(join(root, 'dist'), { prefix: '/some/where/' });
  folder = await mkdtemp(join(tmpdir(), 'impasto-'));
  const pictures = {
    photo: ['photo.png', photo(400, 300)],
    smallPhoto: ['small.png', photo(96, 72)],
    tallPhoto: ['tall photo.png', photo(60, 90)],
    largePhoto: ['large.png', photo(1600, 1200)],
    // Large on one side only, which takes less time to paint.
    widePhoto: ['wide.png', photo(1600, 200)],
    style: ['style.png', style(320, 320)],
    text: ['notes.txt', 'Not a picture.\n'],
    broken: ['broken.png', photo(64, 64).subarray(0, 200)],
    empty: ['empty.jpg', ''],
  };
  for (const [key, [name, content]] of Object.entries(pictures)) {
    files[key] = join(folder, name);
    await writeFile(files[key], content);
  }
});

after(async () => {
  for (const browser of launched.values()) await (await browser).close();
  await site?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** One browser for each set of flags. */
export function browser(flags) {
  const key = flags.join();
  if (!launched.has(key)) {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    launched.set(key, chromium.launch({ executablePath, args: [...QUIET, ...flags] }));
  }
  return launched.get(key);
}

/** The errors and the addresses that are asked for from now on, by the pages of a browser context. */
export function heard(context) {
  const complaints = [];
  const requests = [];
  context.on('request', (request) => requests.push(request.url()));
  context.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  return { complaints, requests };
}

/**
 * @typedef {{ flags?: string[], mayComplain?: boolean, context?: object, prepare?: (page: import('playwright-core').Page) => Promise<void> }} Options
 */

/**
 * Runs `use` on a fresh page, which must end without console errors and without a request to
 * another origin.
 * @param {Options} options
 * @param {(page: import('playwright-core').Page, requests: string[]) => Promise<void>} use
 */
export async function onFresh({ flags = [], mayComplain = false, context: contextOptions = {}, prepare }, use) {
  const context = await (await browser(flags)).newContext({
    // What the service worker fetches would not pass by the tests' own routes; it has its own tests.
    locale: 'en-US', serviceWorkers: 'block', ...contextOptions,
  });
  const { complaints, requests } = heard(context);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  try {
    await prepare?.(page);
    page.site = site.url;
    await use(page, requests);
    const foreign = requests.filter((url) => !url.startsWith(site.url) && !/^(blob|data):/.test(url));
    assert.deepEqual(foreign, [], 'requests that left the site');
    if (!mayComplain) assert.deepEqual(complaints, [], 'errors in the console');
  } catch (error) {
    await leaveTrace(page, { error: error.stack, complaints, requests }).catch((why) => console.error('no trace:', why));
    throw error;
  } finally {
    await context.close();
  }
}

/** Writes down what a page of a failed test looks like, what it holds, and what it said and asked for. */
async function leaveTrace(page, told) {
  await mkdir(traces, { recursive: true });
  const trace = await mkdtemp(join(traces, `${new Date().toISOString().replaceAll(':', '-')}-`));
  const write = (name, content) => writeFile(join(trace, name), content);
  await write('told.json', JSON.stringify(told, null, 2));
  console.error('what was there when the test failed:', trace);
  // A page that hangs must not keep the test from ending.
  await page.screenshot({ path: join(trace, 'page.png'), timeout: 10_000 });
  await write('page.html', await page.content());
}

/**
 * The same, on the page itself.
 * @param {Options & { query?: string }} options
 */
export const onPage = ({ query = '?engine=cpu', ...options }, use) => onFresh(options, async (page, requests) => {
  // On an emulated GPU, refining by itself would take all of the machine.
  const asked = query.includes('improve=') ? query : `${query || '?'}&improve=never`;
  await page.goto(site.url + asked);
  await page.waitForSelector('#gallery .pick[aria-pressed=true]');
  await use(page, requests);
});

/**
 * The same, on an empty page of the same site, which also has the tests' files, at test/.
 * @param {Options & { html?: string }} options
 */
export const onBlank = ({ html = '', ...options }, use) => onFresh(options, async (page, requests) => {
  await page.route(`${site.url}test/**`, (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1);
    return name ? route.fulfill({ path: join(folder, name) })
      : route.fulfill({ contentType: 'text/html', body: `<!doctype html><link rel="icon" href="data:,"><title>Test</title>${html}` });
  });
  await page.goto(`${site.url}test/`);
  await use(page, requests);
});

/** Runs `use` in a page that has `Stylizer`, the pictures as files, and `png(imageData)`. */
export async function withStylizer(page, use, argument) {
  return page.evaluate(async ({ source, argument, site }) => {
    const { Stylizer, BadPicture, EngineFailed, Replaced } = await import(`${site}www/stylizer.js`);
    const get = async (name) => (await fetch(`${site}test/${name}`)).blob();
    const shown = async (blob) => {
      const image = new Image();
      image.src = URL.createObjectURL(blob);
      await image.decode();
      return image;
    };
    const tools = { Stylizer, BadPicture, EngineFailed, Replaced, get, shown, site };
    return (0, eval)(`(${source})`)(tools, argument);
  }, { source: use.toString(), argument, site: page.site });
}

/** Pixels of a page as a PNG file. */
export async function save(name, { width, height, data }) {
  const file = join(folder, name);
  const png = new PNG({ width, height });
  png.data = Buffer.from(data);
  await writeFile(file, PNG.sync.write(png));
  return file;
}

/** Waits until a picture in full size is there. */
export const painted = (page) => page.waitForSelector('#save:enabled');

/** What an engine's code is replaced by: itself, with `code` after it. */
export const patched = (kind, code) => (page) => page.route(`**/engine/${kind}/impasto.js`, async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, body: `${await response.text()}\n${code}` });
});

/** Code for an engine, after which every call is told to the page's window.calls: the method's name. */
export const TOLD = `
  const channel = new BroadcastChannel('calls');
  const { create } = Engine;
  Engine.create = async (...all) => {
    const engine = await create.apply(Engine, all);
    channel.postMessage('create');
    return engine;
  };
  for (const name of ['photo', 'style', 'stylize']) {
    const method = Engine.prototype[name];
    Engine.prototype[name] = function (...all) {
      channel.postMessage(name === 'stylize' ? name : \`\${name} \${all[3]}\`);
      return method.apply(this, all);
    };
  }`;
export const hearCalls = (page) => page.addInitScript(() => {
  window.calls = [];
  new BroadcastChannel('calls').onmessage = ({ data }) => { window.calls.push(data); };
});

/** A GPU that is none: the CPU engine in its place, as emulation takes minutes. `ready` holds it back. */
export async function pretendGpu(page, { ready = Promise.resolve(), code = '' } = {}) {
  await page.route('**/www/adapter.js', (route) => route.fulfill({
    contentType: 'text/javascript',
    body: "export class NoGpu extends Error {}\nexport const adapterName = async () => 'Pretended';",
  }));
  await page.route('**/engine/gpu/*', async (route) => {
    await ready;
    const response = await route.fetch({ url: route.request().url().replace('/gpu/', '/cpu/') });
    const body = await response.body();
    await route.fulfill({ response, body: route.request().url().endsWith('.js') ? `${body}\n${code}` : body });
  });
}

export const engineLoads = (requests, kind) =>
  requests.filter((url) => url.endsWith(`engine/${kind}/impasto_bg.wasm`)).length;

/** A look that differs from the first one in everything: two styles, and all settings. */
export async function otherLook(page, brush = 640) {
  await pick(page, 'many', 'mix');
  await page.click('.pick[data-style=blue-town]');
  await slide(page, '#weight-blue-town', 20);
  await slide(page, '#strength', 85);
  await slide(page, '#brush', brush);
  await pick(page, 'colours', 'photo');
  await painted(page);
}

/** Gives the page a photo and, if wanted, a style, and waits for the painting. */
export async function give(page, { photo: photoFile, style: styleFile } = {}) {
  if (styleFile) {
    const count = await page.locator('#gallery .pick').count();
    await page.setInputFiles('#style-file', styleFile);
    await page.waitForFunction((n) => document.querySelectorAll('#gallery .pick').length > n, count);
  }
  if (photoFile) {
    const count = await page.locator('#photos .pick').count();
    await page.setInputFiles(count ? '#another-file' : '#photo-file', photoFile);
    await page.waitForFunction((n) => document.querySelectorAll('#photos .pick').length > n, count);
  }
  await painted(page);
}

/** Waits until the whole visit is kept on the device: until then the page warns before one leaves it. */
export const kept = (page) => page.waitForFunction(() => dispatchEvent(new Event('beforeunload', { cancelable: true })));

/** Moves a slider, which does not rest there yet. */
export const move = (page, selector, value) => page.evaluate(([which, to]) => {
  const slider = document.querySelector(which);
  slider.value = to;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
}, [selector, String(value)]);

/** Moves a slider to its place, and lets it rest. */
export const slide = (page, selector, value) => page.fill(selector, String(value));

/** Chooses a radio button whose label is what one sees. */
export const pick = (page, name, value) => page.click(`label:has(> input[name=${name}][value=${value}])`);

/** Saves what is shown; without a format, as PNG, and without a side, as large as it is shown. */
export async function download(page, name, format, side = 'painted') {
  await page.click('#save');
  if (format) await pick(page, 'format', format);
  await page.selectOption('#save-side', side);
  const [event] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const file = join(folder, name);
  await event.saveAs(file);
  await page.keyboard.press('Escape');
  return { file, suggested: event.suggestedFilename() };
}

/** The pixels on the page's canvas. */
export async function pixels(page) {
  const { width, height, data } = await page.evaluate(() => {
    const canvas = document.getElementById('painting');
    const { width, height } = canvas;
    return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
  });
  return { width, height, at: (x, y) => data.slice(4 * (y * width + x), 4 * (y * width + x) + 3) };
}

/** The pixels of a picture file, with their opacity, by the browser. */
export async function decoded(page, file) {
  const { width, height, data } = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const { width, height } = bitmap;
    const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
  }, (await readFile(file)).toString('base64'));
  return { width, height, at: (x, y) => data.slice(4 * (y * width + x), 4 * (y * width + x) + 4) };
}

/** The command line's picture for the same input. */
export async function native(name, photoFile, ...more) {
  const file = join(folder, name);
  await run(impasto, ['stylize', photoFile, '--device', 'cpu', '-o', file, ...more]);
  return file;
}

export async function assertAlike(t, fileA, fileB) {
  const difference = await meanDifference(fileA, fileB);
  t.diagnostic(`mean absolute difference: ${difference.toFixed(3)} of 255`);
  assert.ok(difference <= 2, `mean absolute difference ${difference.toFixed(3)} of 255, at most 2 allowed`);
}

/** A file dropped on, or pasted into, an element. */
export async function hand(page, paths, type, selector) {
  const list = await Promise.all(paths.map(async (path) => ({
    name: path.split('/').at(-1), bytes: (await readFile(path)).toString('base64'),
  })));
  await page.evaluate(({ list, type, selector }) => {
    const data = new DataTransfer();
    for (const { name, bytes } of list) {
      const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
      data.items.add(new File([content], name, { type: 'image/png' }));
    }
    const options = { bubbles: true, cancelable: true };
    const event = type === 'paste'
      ? new ClipboardEvent('paste', { ...options, clipboardData: data })
      : new DragEvent('drop', { ...options, dataTransfer: data });
    document.querySelector(selector).dispatchEvent(event);
  }, { list, type, selector });
}
