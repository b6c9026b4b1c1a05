// Draws the icons of the installed site from www/icon.svg: icons.mjs, after the tests' packages are
// installed. Their PNG files are kept in git, as they change only with the drawing.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { chromium } = createRequire(join(root, 'tests/browser/package.json'))('playwright-core');
const svg = await readFile(join(root, 'www/icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  // A launcher cuts a maskable icon to its own shape: the drawing keeps within the middle, and the
  // ground fills the corners.
  for (const [name, side, ground, scale] of [['192', 192, 'transparent', 1], ['512', 512, 'transparent', 1],
    ['maskable', 512, '#1f3a5f', 0.75], ['apple-touch', 180, '#1f3a5f', 0.9]]) {
    const page = await browser.newPage({ viewport: { width: side, height: side } });
    await page.setContent(`<style>body { margin: 0; height: 100vh; display: grid; place-items: center; background: ${ground} }
      svg { width: ${scale * 100}vw }</style>${svg}`);
    await page.screenshot({ path: join(root, `www/icons/${name}.png`), omitBackground: true });
    await page.close();
  }
} finally {
  await browser.close();
}
