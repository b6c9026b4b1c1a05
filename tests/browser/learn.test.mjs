// Learning a style: for developers, and on the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onBlank, WEBGPU, withStylizer } from './visit.mjs';

test('learns a style on a GPU, and is stopped', async (t) => {
  await onBlank({ flags: WEBGPU }, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'webgpu' });
      const [photo, picture] = [await get('small.png'), await get('style.png')];
      const told = [];
      const began = performance.now();
      const onProgress = (progress) => told.push({ ...progress, at: performance.now() - began });
      const file = await s.learnStyle(picture, { photos: [photo, await createImageBitmap(photo)], steps: 2, name: 'Learned', size: 128, onProgress });
      // As a file of the style, which is learned from its picture.
      const controller = new AbortController();
      let last = 0;
      const ended = await s.learnStyle(file, {
        photos: [photo],
        steps: 50,
        signal: controller.signal,
        onProgress: ({ done }) => { last = done; if (done === 1) controller.abort(new Error('enough')); },
      }).catch(({ message }) => message);
      s.dispose();
      const cpu = await Stylizer.load({ engine: 'cpu' });
      const paint = async (style) => (await cpu.stylize(photo, [{ style: await cpu.encodeStyle(style, { size: 128 }) }], { size: 64 })).data;
      const { picture: within, about } = await (await import(`${document.baseURI}../www/tuned.js`)).tunedStyle(file);
      const { width, height } = await createImageBitmap(within);
      const [general, learned] = [await paint(within), await paint(file)];
      const difference = general.reduce((sum, value, i) => sum + Math.abs(value - learned[i]), 0) / general.length;
      return { told, bytes: file.size, within: { width, height, bytes: within.size, type: within.type }, about, difference, ended, last };
    });
    t.diagnostic(JSON.stringify(found));
    const steps = found.told.filter(({ done }) => done > 0);
    assert.deepEqual(steps.map(({ done, total }) => [done, total]), [[1, 2], [2, 2]]);
    assert.ok(steps.every(({ losses }) => Object.values(losses).every((loss) => loss > 0)));
    assert.ok(found.told.some(({ loaded, bytes }) => loaded > 1e6 && bytes >= loaded), 'downloads are told');
    assert.ok(found.bytes > 50_000 && found.bytes < 300_000, `${found.bytes} bytes`);
    assert.equal(found.about.name, 'Learned');
    assert.deepEqual([found.within.width, found.within.height, found.within.type], [320, 320, 'image/jpeg']);
    assert.ok(found.within.bytes <= 38_400);
    assert.ok(found.difference > 0.05, `${found.difference}`);
    assert.deepEqual([found.ended, found.last], ['enough', 1]);
    assert.equal(requests.filter((url) => url.endsWith('learn/impasto_bg.wasm')).length, 1, 'compiled once');
  });
});
