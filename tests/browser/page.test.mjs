// The built page (dist/) in a real browser, compared with the command line.
// ./build.sh test builds both and runs this.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

import { meanDifference, photo, style } from './pictures.mjs';
import { serve } from './server.mjs';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const target = process.env.CARGO_TARGET_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'impasto/target');
const impasto = join(target, 'release/impasto');

/** An emulated GPU on a busy machine is slow. */
const PATIENCE = 300_000;
const QUIET = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
/** Debian's Chromium emulates a GPU (SwiftShader) for WebGPU, but only when asked. */
const WEBGPU = '--enable-unsafe-webgpu';

let site;
let folder;
const files = {};
const browsers = [];

before(async () => {
  // Everything is tested below a sub-path.
  site = await serve(join(root, 'dist'), { prefix: '/some/where/' });
  folder = await mkdtemp(join(tmpdir(), 'impasto-'));
  const pictures = {
    photo: ['photo.png', photo(400, 300)],
    smallPhoto: ['small.png', photo(96, 72)],
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
  await Promise.all(browsers.map((browser) => browser.close()));
  await site?.close();
  if (folder) await rm(folder, { recursive: true });
});

const launched = new Map();
/** One browser for each set of flags. */
function browser(...flags) {
  const key = flags.join();
  if (!launched.has(key)) {
    launched.set(key, chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [...QUIET, ...flags],
    }).then((one) => (browsers.push(one), one)));
  }
  return launched.get(key);
}

/**
 * Runs `use` on a fresh page, which must end without console errors and without a request to
 * another origin.
 * @param {{ query?: string, flags?: string[], mayComplain?: boolean, context?: object }} options
 */
async function onPage({ query = '', flags = [], mayComplain = false, context: contextOptions = {} }, use) {
  const context = await (await browser(...flags)).newContext(contextOptions);
  const requests = [];
  const complaints = [];
  context.on('request', (request) => requests.push(request.url()));
  context.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  try {
    await page.goto(site.url + query);
    await use(page, requests);
    const foreign = requests.filter((url) => !url.startsWith(site.url) && !/^(blob|data):/.test(url));
    assert.deepEqual(foreign, [], 'requests that left the site');
    if (!mayComplain) assert.deepEqual(complaints, [], 'errors in the console');
  } finally {
    await context.close();
  }
}

const painted = (page) => page.waitForFunction(() => document.getElementById('status').textContent.startsWith('Painted'));
const downloaded = (requests, kind) => requests.filter((url) => url.endsWith(`engine/${kind}/impasto_bg.wasm`)).length;

async function give(page, { photo: photoFile = files.photo, style: styleFile = files.style } = {}) {
  await page.setInputFiles('#photo-file', photoFile);
  await page.waitForSelector('#preview:not([hidden])');
  await page.setInputFiles('#style-file', styleFile);
  await page.waitForFunction(() => document.querySelector('#style-title').textContent.startsWith('Your picture'));
}

async function download(page, name) {
  const [event] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const file = join(folder, name);
  await event.saveAs(file);
  return { file, suggested: event.suggestedFilename() };
}

/** The command line's picture for the same input. */
async function native(name, photoFile, size, ...more) {
  const file = join(folder, name);
  await run(impasto, ['stylize', photoFile, '--style', files.style, '--size', String(size),
    '--device', 'cpu', '-o', file, ...more]);
  return file;
}

async function assertAlike(t, fileA, fileB) {
  const difference = await meanDifference(fileA, fileB);
  t.diagnostic(`mean absolute difference from the command line: ${difference.toFixed(3)} of 255`);
  assert.ok(difference <= 2, `mean absolute difference ${difference.toFixed(3)} of 255, at most 2 allowed`);
}

test('the CPU engine paints what the command line paints', async (t) => {
  await onPage({ query: '?engine=cpu&size=256' }, async (page, requests) => {
    await give(page);
    await page.click('#go');
    await painted(page);
    t.diagnostic(await page.textContent('#status'));
    const { file, suggested } = await download(page, 'cpu.png');
    assert.equal(suggested, 'photo-impasto.png');
    await assertAlike(t, file, await native('cpu-native.png', files.photo, 256));
    assert.deepEqual([downloaded(requests, 'cpu'), downloaded(requests, 'gpu')], [1, 0]);
    assert.match(await page.textContent('#engine'), /^Runs on the processor/);
  });
});

test('the WebGPU engine paints what the command line paints', async (t) => {
  await onPage({ query: '?engine=gpu&size=64', flags: [WEBGPU] }, async (page, requests) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('#go');
    await Promise.race([painted(page), page.waitForSelector('#error:not([hidden])')]);
    assert.equal(await page.textContent('#error'), '');
    t.diagnostic(await page.textContent('#status'));
    const { file } = await download(page, 'gpu.png');
    await assertAlike(t, file, await native('gpu-native.png', files.smallPhoto, 64));
    assert.deepEqual([downloaded(requests, 'cpu'), downloaded(requests, 'gpu')], [0, 1]);
    assert.match(await page.textContent('#engine'), /^Runs on the graphics processor/);
  });
});

test('without WebGPU the page takes the CPU, says why, and paints in a bundled style', async () => {
  await onPage({ query: '?size=64' }, async (page, requests) => {
    await page.setInputFiles('#photo-file', files.smallPhoto);
    await page.waitForSelector('#preview:not([hidden])');
    await page.click('#go');
    await painted(page);
    assert.match(await page.textContent('#engine'), /^Runs on the processor, because/);
    assert.deepEqual([downloaded(requests, 'cpu'), downloaded(requests, 'gpu')], [1, 0]);
    assert.ok(await page.locator('#gallery input[type=radio]').count() >= 6, 'at least six bundled styles');
    const sources = await page.locator('#gallery img').evaluateAll((images) => images.map((image) => image.src));
    for (const source of sources) assert.equal((await page.request.get(source)).status(), 200, source);
  });
});

test('an emulated GPU is passed over for the CPU', async () => {
  await onPage({ flags: [WEBGPU] }, async (page, requests) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    assert.match(await page.textContent('#engine'), /emulated/);
    assert.equal(downloaded(requests, 'gpu'), 0);
  });
});

test('the strength slider paints anew, and only its last position counts', async (t) => {
  await onPage({ query: '?engine=cpu&size=128' }, async (page) => {
    await give(page);
    await page.click('#go');
    await painted(page);
    const full = await download(page, 'full.png');
    for (const value of ['90', '10', '50']) {
      await page.fill('#strength', value);
      // Later than the page's own timer, so that the painting has begun.
      await page.evaluate(() => new Promise((done) => { setTimeout(done, 300); }));
    }
    await painted(page);
    assert.equal(await page.textContent('#strength-value'), '50 %');
    const half = await download(page, 'half.png');
    assert.ok(await meanDifference(full.file, half.file) > 2, 'half strength looks like full strength');
    await assertAlike(t, half.file, await native('half-native.png', files.photo, 128, '--strength', '0.5'));
  });
});

test('files that are no pictures are refused in words, and nothing is lost', async (t) => {
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    for (const [input, file, words] of [
      ['#another-file', files.text, /“notes.txt” is not a picture/],
      ['#another-file', files.empty, /“empty.jpg” is empty/],
      ['#style-file', files.broken, /“broken.png” cannot be read as a picture/],
    ]) {
      await page.setInputFiles(input, file);
      await page.waitForFunction(
        (name) => document.getElementById('error').textContent.includes(name), file.split('/').at(-1));
      assert.match(await page.textContent('#error'), words);
    }
    assert.ok(await page.isVisible('#preview'), 'the photo is still there');
    assert.match(await page.textContent('#style-title'), /style\.png/);
    await page.click('#go');
    await painted(page);
    assert.ok(await page.isHidden('#error'));
    const { file } = await download(page, 'after-errors.png');
    await assertAlike(t, file, await native('after-errors-native.png', files.smallPhoto, 64));
  });
});

test('photos and styles can be dropped and pasted', async () => {
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    const hand = async (file, name, type, target) => {
      const bytes = (await readFile(file)).toString('base64');
      await page.evaluate(({ bytes, name, type, target }) => {
        const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([content], name, { type: 'image/png' }));
        const options = { bubbles: true, cancelable: true };
        const event = type === 'paste'
          ? new ClipboardEvent('paste', { ...options, clipboardData: data })
          : new DragEvent('drop', { ...options, dataTransfer: data });
        document.querySelector(target).dispatchEvent(event);
      }, { bytes, name, type, target });
    };
    await hand(files.photo, 'dropped.png', 'drop', '#stage');
    await page.waitForSelector('#preview:not([hidden])');
    await hand(files.style, 'dropped-style.png', 'drop', '#gallery');
    await page.waitForFunction(() => document.querySelector('#style-title').textContent.includes('dropped-style'));
    await page.click('#go');
    await painted(page);
    await hand(files.smallPhoto, 'pasted.png', 'paste', 'body');
    await page.waitForFunction(() => document.getElementById('painting').dataset.name === 'pasted-impasto.png');
    await painted(page);
  });
});

test('the page stays responsive while it paints', async (t) => {
  await onPage({ query: '?engine=cpu&size=384' }, async (page) => {
    await give(page);
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.click('#go');
    const { longest, frames, seconds } = await page.evaluate(() => new Promise((done) => {
      const began = performance.now();
      let last = began;
      let longest = 0;
      let frames = 0;
      const frame = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        frames++;
        if (document.getElementById('status').textContent.startsWith('Painting')) requestAnimationFrame(frame);
        else done({ longest, frames, seconds: (now - began) / 1000 });
      };
      requestAnimationFrame(frame);
    }));
    t.diagnostic(`${frames} frames in ${seconds.toFixed(1)} s, longest gap ${longest.toFixed(0)} ms`);
    await painted(page);
    assert.ok(frames > 5, 'measured while painting');
    assert.ok(longest < 400, `a frame took ${longest.toFixed(0)} ms`);
  });
});

test('after a crash the engine starts again and paints', async () => {
  await onPage({ query: '?engine=cpu&size=64', mayComplain: true }, async (page) => {
    // A panic in wasm: an error that nothing catches, and a promise that never settles.
    let loads = 0;
    await page.route('**/engine/cpu/impasto.js', async (route) => {
      const response = await route.fetch();
      const dying = `Engine.prototype.stylize = () => {
        setTimeout(() => { throw new Error('unreachable'); });
        return new Promise(() => {});
      };`;
      await route.fulfill({ response, body: `${await response.text()}\n${loads++ ? '' : dying}` });
    });
    await page.reload();
    await give(page, { photo: files.smallPhoto });
    await page.click('#go');
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /engine stopped/);
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.click('#go');
    await painted(page);
    assert.equal(loads, 2);
  });
});

test('a GPU that fails hands the picture over to the CPU', async () => {
  await onPage({ query: '?size=64', flags: [WEBGPU], mayComplain: true }, async (page, requests) => {
    // The emulated GPU passes for a real one, which then gets lost.
    await page.route('**/www/worker.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replaceAll('isFallbackAdapter', 'unknown') });
    });
    await page.route('**/engine/gpu/impasto.js', async (route) => {
      const response = await route.fetch();
      const lost = "Engine.prototype.stylize = async () => { throw new Error('device lost'); };";
      await route.fulfill({ response, body: `${await response.text()}\n${lost}` });
    });
    await page.reload();
    await page.waitForSelector('#engine[data-kind=gpu]');
    await give(page, { photo: files.smallPhoto });
    await page.click('#go');
    await painted(page);
    assert.match(await page.textContent('#engine'), /^Runs on the processor, because WebGPU failed \(device lost\)/);
    assert.ok(await page.isHidden('#error'));
    assert.deepEqual([downloaded(requests, 'cpu'), downloaded(requests, 'gpu')].map(Boolean), [true, true]);
  });
});

test('damaged weights are reported in words', async () => {
  await onPage({ query: '?engine=cpu', mayComplain: true }, async (page) => {
    await page.route('**/models/impasto.safetensors', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.body()).subarray(0, 1000) });
    });
    await page.reload();
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /could not start/);
    assert.equal(await page.textContent('#engine'), 'No engine is running.');
  });
});

test('Stop ends a picture at once, and the next one works', async () => {
  await onPage({ query: '?engine=cpu&size=1024' }, async (page) => {
    await give(page);
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.click('#go');
    await page.waitForFunction(() => document.getElementById('status').textContent.startsWith('Painting'));
    await page.click('#go');
    assert.equal(await page.textContent('#go'), 'Stylize');
    await page.selectOption('#size', '256');
    await painted(page);
  });
});
