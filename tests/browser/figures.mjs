// Measures a first and a second visit to the built site: node tests/browser/figures.mjs [RUNS]
//
// On the CPU engine, with the files compressed by gzip as static hosts do, once without a limit and
// once at the speed that Lighthouse takes for a desktop (10 Mbit/s, 40 ms). A visit opens the page,
// waits until it is usable, and asks for the first sample photo in the first style. Medians of RUNS
// (3), with a fresh browser profile each.

import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { serve } from './server.mjs';

const runs = Number(process.argv[2] ?? 3);
const NETWORKS = { 'no limit': undefined, '10 Mbit/s, 40 ms': { bytesPerSecond: 10e6 / 8, latency: 40 } };
const COLUMNS = ['contents', 'usable', 'preview', 'painted'];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

/** Opens the page and paints the first sample: seconds since the start. */
async function visit(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  await page.goto(`${url}?engine=cpu`);
  const now = () => page.evaluate(() => performance.now() / 1000);
  await page.waitForSelector('.sample');
  await page.waitForSelector('#gallery .pick[aria-pressed=true]');
  const usable = await now();
  await page.click('.sample');
  // A preview comes first; what follows is the painting in its full size.
  await page.waitForSelector('#painting:not([hidden])');
  const preview = await now();
  await page.waitForSelector('#save:enabled');
  const painted = await now();
  const contents = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000);
  return { page, contents, usable, preview, painted, status: await page.textContent('#status') };
}

const cell = (text) => String(text).padStart(11);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
function row(name, all) {
  const of = (key) => median(all.map((figures) => figures[key]));
  console.log(name.padEnd(32) + cell(`${(of('bytes') / 1e6).toFixed(2)} MB`) + cell(of('requests'))
    + COLUMNS.map((key) => cell(`${of(key).toFixed(2)} s`)).join(''));
}

console.log(' '.repeat(32) + ['transfer', 'requests', ...COLUMNS].map(cell).join(''));
for (const [name, slow] of Object.entries(NETWORKS)) {
  const visits = { first: [], second: [] };
  for (let i = 0; i < runs; i++) {
    const sent = { bytes: 0, requests: 0 };
    const onSent = (bytes) => { sent.bytes += bytes; sent.requests += 1; };
    const site = await serve(join(import.meta.dirname, '../../dist'), { compress: true, slow, onSent });
    const context = await browser.newContext({ locale: 'en-US' });
    const { page, ...figures } = await visit(context, site.url);
    visits.first.push({ ...figures, ...sent });
    // By the second visit the site has been kept on the device.
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await page.close();
    Object.assign(sent, { bytes: 0, requests: 0 });
    const again = await visit(context, site.url);
    visits.second.push({ ...again, ...sent });
    if (i === runs - 1 && !slow) console.error(again.status);
    await context.close();
    await site.close();
  }
  for (const [which, all] of Object.entries(visits)) row(`${which} visit, ${name}`, all);
}
await browser.close();
