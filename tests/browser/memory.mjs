// What a long visit to the built site takes in memory: node tests/browser/memory.mjs [PAINTINGS]
//
// One photo, painted in PAINTINGS (1000) looks, each another one, 64 pixels large on the CPU engine, by pressing styles
// and moving the slider of strength as a visitor does. Every tenth of the way: the page's JavaScript heap after garbage
// collection, its elements and listeners, addresses of blobs that were not given back, WebAssembly memory, resident memory
// of the process that has the page and its workers, and what is kept on the device.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { photo } from './pictures.mjs';
import { serve } from './server.mjs';

const paintings = Number(process.argv[2] ?? 1000);
const site = await serve(process.env.DIST ?? join(import.meta.dirname, '../../dist'));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const context = await browser.newContext({ serviceWorkers: 'block' });
const page = await context.newPage();
page.setDefaultTimeout(300_000);
await page.addInitScript(() => {
  window.addresses = new Set();
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const url = createObjectURL.call(URL, blob);
    window.addresses.add(url);
    return url;
  };
  URL.revokeObjectURL = (url) => {
    window.addresses.delete(url);
    revokeObjectURL.call(URL, url);
  };
});
await page.goto(`${site.url}?engine=cpu&size=64&improve=never`);
await page.waitForSelector('#gallery .pick[aria-pressed=true]');
await page.setInputFiles('#photo-file', { name: 'photo.png', mimeType: 'image/png', buffer: photo(96, 72) });
await page.waitForSelector('#results .pick');

const session = await context.newCDPSession(page);
const whole = await browser.newBrowserCDPSession();

/** Megabytes that are resident of the largest process that renders pages. */
async function resident() {
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    return Number(status.match(/^VmRSS:\s+(\d+)/m)?.[1] ?? 0) / 1000;
  }));
  return Math.max(...sizes);
}

async function measure(done) {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  const { addresses, results, stored } = await page.evaluate(async () => ({
    addresses: window.addresses.size,
    results: document.querySelectorAll('#results .pick').length,
    stored: (await navigator.storage.estimate()).usage,
  }));
  const wasm = await Promise.all(page.workers().map((worker) => worker.evaluate(async (engine) => {
    const { default: init } = await import(engine);
    return (await init()).memory.buffer.byteLength;
  }, `${site.url}engine/cpu/impasto.js`)));
  return {
    paintings: done, 'heap MB': (usedSize / 1e6).toFixed(1), nodes, listeners: jsEventListeners, addresses, results,
    'wasm MB': wasm.map((bytes) => (bytes / 1e6).toFixed(0)).join(' + '), 'resident MB': (await resident()).toFixed(0), 'stored MB': (stored / 1e6).toFixed(1),
  };
}

const table = [await measure(1)];
console.log(JSON.stringify(table[0]));
const began = performance.now();
for (let n = 2; n <= paintings; n++) {
  await page.evaluate(async (n) => {
    const painted = () => new Promise((done) => {
      const look = () => (document.querySelector('#results [aria-current=true]') ? done() : setTimeout(look, 5));
      look();
    });
    const styles = [...document.querySelectorAll('#gallery .pick')];
    // Another look each time: a style for ten strengths, then the next one.
    styles[Math.floor(n / 10) % styles.length].click();
    const strength = document.getElementById('strength');
    strength.value = String(1 + (n % 10) + 10 * (Math.floor(n / (10 * styles.length)) % 10));
    for (const type of ['input', 'change']) strength.dispatchEvent(new Event(type, { bubbles: true }));
    await new Promise((done) => { setTimeout(done); });
    await painted();
  }, n);
  if (n % Math.ceil(paintings / 10) !== 0) continue;
  table.push(await measure(n));
  console.log(JSON.stringify(table.at(-1))); // it takes a while
}
console.table(table);
console.log(`${((performance.now() - began) / 1000 / paintings).toFixed(2)} s for each painting`);
await browser.close();
await site.close();
