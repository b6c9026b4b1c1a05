// The benchmark page, without the peers that only the benchmark's own server has.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onFresh } from './visit.mjs';

test('the benchmark measures our engine and reports', async () => {
  await onFresh({}, async (page) => {
    await page.goto(`${page.site}www/bench.html?run&sizes=64&runs=3&only=cpu`);
    await page.waitForSelector('html[data-done]');
    assert.match(await page.textContent('#peers'), /Only our own engines/);
    const report = await page.textContent('#report');
    assert.match(report, /^Impasto benchmark, version [0-9a-f]{16}/);
    assert.match(report, /64 × 64\n\n\| engine /);
    assert.match(report, /\| Impasto, CPU \| \d+ \| \d+ \| [\d.]+ \([\d.]+–[\d.]+\) \|/);
  });
});

test('an engine that cannot run is named, with the reason', async () => {
  await onFresh({ mayComplain: true, context: { locale: 'zh-CN' } }, async (page) => {
    await page.route('**/engine/cpu/impasto_bg.wasm', (route) => route.fulfill({ status: 404 }));
    await page.goto(`${page.site}www/bench.html?run&sizes=64&runs=3&only=cpu`);
    await page.waitForSelector('html[data-done]');
    assert.match(await page.textContent('#report'), /Impasto, CPU \| did not run: ./);
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
  });
});

test('a number of runs that the form refuses ends with the reason', async () => {
  await onFresh({}, async (page) => {
    await page.goto(`${page.site}www/bench.html?run&sizes=64&runs=0&only=cpu`);
    await page.waitForSelector('html[data-done]');
    assert.match(await page.textContent('#status'), /could not run: \S/);
  });
});
