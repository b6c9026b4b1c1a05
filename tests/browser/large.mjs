// Paints a photo of 24 megapixels in the built site and measures time and memory:
// node tests/browser/large.mjs [cpu|webgpu] [LONG SIDE]
//
// An emulated GPU takes its time; what it says of memory holds for other GPUs as well.

import { join } from 'node:path';
import { chromium } from 'playwright-core';

import { serve } from './server.mjs';

const engine = process.argv[2] ?? 'cpu';
const size = Number(process.argv[3] ?? 6000);
const site = await serve(process.env.DIST ?? join(import.meta.dirname, '../../dist'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', ...(engine === 'webgpu' ? ['--enable-unsafe-webgpu'] : [])],
});
const page = await browser.newPage();
page.setDefaultTimeout(3_600_000);
await page.goto(`${site.url}www/self-test.html`);
const found = await page.evaluate(async ({ engine, size }) => {
  const { Stylizer } = await import('./stylizer.js');
  const canvas = (width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    for (let i = 0; i < 600; i++) {
      context.fillStyle = `hsl(${(i * 47) % 360} 60% ${20 + (i * 13) % 60}%)`;
      context.fillRect((i * 977) % width, (i * 631) % height, 90 + (i * 37) % 700, 60 + (i * 53) % 500);
    }
    return canvas.convertToBlob({ type: 'image/jpeg' });
  };
  const [photo, style] = [await canvas(size, Math.round(size / 1.5)), await canvas(384, 384)];
  const stylizer = await Stylizer.load({ engine });
  const start = performance.now();
  const handles = [await stylizer.encodePhoto(photo, { size }), await stylizer.encodeStyle(style)];
  const encoded = performance.now();
  const painting = await stylizer.stylize(handles[0], [{ style: handles[1] }]);
  return {
    engine: stylizer.engine, width: painting.width, height: painting.height,
    encoding: (encoded - start) / 1000, painting: (performance.now() - encoded) / 1000,
  };
}, { engine, size });
console.log(found);
for (const worker of page.workers()) {
  // A worker that was started from a blob has no address to go on from.
  const bytes = await worker.evaluate(async (code) => {
    const { default: init } = await import(code);
    return (await init()).memory.buffer.byteLength;
  }, `${site.url}engine/${engine === 'webgpu' ? 'gpu' : 'cpu'}/impasto.js`);
  console.log(`${worker.url().split('/').at(-1)}: ${(bytes / 1e6).toFixed(0)} MB of WebAssembly memory`);
}
await browser.close();
await site.close();
