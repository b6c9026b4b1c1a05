// Remakes the pictures of the page in docs/ from the site in dist/: screenshots.mjs, after ./build.sh.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { serve } from '../tests/browser/server.mjs';

const root = join(import.meta.dirname, '..');
const { chromium } = createRequire(join(root, 'tests/browser/package.json'))('playwright-core');
const site = await serve(join(root, 'dist'));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** Paints a sample photo in two styles, and compares. */
async function shoot(name, sample, styles, context) {
  const page = await (await browser.newContext({ serviceWorkers: 'block', ...context })).newPage();
  page.setDefaultTimeout(300_000);
  const painted = () => page.waitForSelector('#save:enabled');
  await page.goto(site.url);
  await page.click(`.sample >> nth=${sample}`);
  await painted();
  await page.click(`.pick[data-style=${styles[0]}]`);
  await page.click('label:has(> input[value=mix])');
  await page.click(`.pick[data-style=${styles[1]}]`);
  await painted();
  // There and back: how long this machine took is of no interest.
  for (const way of ['#undo', '#redo']) {
    await page.click(way);
    await painted();
  }
  await page.click('#compare');
  await page.evaluate(() => {
    for (const one of [document.documentElement, document.getElementById('controls')]) one.scrollTop = 0;
    document.activeElement.blur();
  });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(root, `docs/${name}.jpg`), type: 'jpeg', quality: 85 });
  await page.close();
}

try {
  await shoot('page', 1, ['bouquet-in-glass', 'blue-town'], { viewport: { width: 1440, height: 900 }, locale: 'en-US' });
  await shoot('page-phone', 0, ['crayon-town', 'golden-mosaic'],
    { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, colorScheme: 'dark', locale: 'zh-CN', hasTouch: true });
} finally {
  await browser.close();
  await site.close();
}
