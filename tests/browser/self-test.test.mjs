// The self-test page, and the known painting it compares with.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';

import { SIDE, photo, style } from '../../www/known.js';
import { assertAlike, folder, native, onFresh, root, WEBGPU } from './visit.mjs';

async function save(name, rgba) {
  const file = join(folder, name);
  const png = new PNG({ width: SIDE, height: SIDE });
  png.data = Buffer.from(rgba);
  await writeFile(file, PNG.sync.write(png));
  return file;
}

test('the known painting is the command line’s', async (t) => {
  const { knownPainting } = await import(join(root, 'dist/www/build.js'));
  const known = await save('known.png', Buffer.from(knownPainting, 'base64'));
  const [a, b] = [await save('known-photo.png', photo()), await save('known-style.png', style())];
  await assertAlike(t, known, await native('known-native.png', a, '--style', b));
});

const visit = (options, use) => onFresh(options, async (page) => {
  await page.goto(`${page.site}www/self-test.html`);
  await page.waitForSelector('html[data-done]');
  await use(page);
});
const result = (page, kind) => page.getAttribute(`[data-engine=${kind}]`, 'data-result');

test('the processor is right here, and a missing GPU is no fault', async () => {
  await visit({}, async (page) => {
    assert.deepEqual([await result(page, 'cpu'), await result(page, 'webgpu')], ['right', 'absent']);
    assert.match(await page.textContent('#summary'), /The processor paints correctly/);
    assert.match(await page.textContent('#version'), /Version [0-9a-f]{16}/);
  });
  await onFresh({ context: { locale: 'zh-CN' } }, async (page) => {
    await page.goto(`${page.site}?engine=cpu`);
    await page.click('#language'); // to English
    await page.click('#engine');
    await page.click('#self-test');
    await page.waitForFunction(() => document.title === 'Impasto: Does Impasto paint correctly here?');
  });
  await visit({ context: { locale: 'zh-CN' } }, async (page) => {
    assert.match(await page.textContent('#summary'), /处理器画得正确/);
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
  });
});

test('an emulated GPU is right, and a wrong one is found out', async () => {
  await visit({ flags: WEBGPU }, async (page) => {
    assert.deepEqual([await result(page, 'cpu'), await result(page, 'webgpu')], ['right', 'right']);
    assert.match(await page.textContent('#summary'), /Everything/);
  });
  const prepare = (page) => page.route('**/engine/cpu/impasto.js', async (route) => {
    const response = await route.fetch();
    const wrong = `const { get } = Object.getOwnPropertyDescriptor(Painting.prototype, 'rgba');
      Object.defineProperty(Painting.prototype, 'rgba', { get() { return get.call(this).fill(99, 0, 900); } });`;
    await route.fulfill({ response, body: `${await response.text()}\n${wrong}` });
  });
  await visit({ prepare }, async (page) => {
    assert.equal(await result(page, 'cpu'), 'wrong');
    assert.match(await page.textContent('#summary'), /cannot be trusted/);
  });
});

test('nothing foreign runs on the pages', async () => {
  for (const path of ['', 'www/self-test.html', 'www/bench.html']) {
    await onFresh({ mayComplain: true }, async (page) => {
      await page.goto(page.site + path);
      const found = await page.evaluate(async () => {
        const violations = [];
        document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
        const script = document.createElement('script');
        // Nothing that may run is made of mere text, in a way that the browser sees, …
        let refused;
        try {
          script.textContent = 'window.ran = true';
        } catch (error) {
          refused = error.name;
        }
        // … nor in one that it sees only when it runs.
        script.append('window.ran = true');
        document.body.append(script);
        await fetch('https://example.org/').catch(() => {});
        const until = performance.now() + 5000; // the events come a little later
        while (new Set(violations).size < 2 && performance.now() < until) await new Promise(requestAnimationFrame);
        return { violations: [...new Set(violations)], refused, ran: Boolean(window.ran) };
      });
      assert.deepEqual([found.refused, found.ran], ['TypeError', false]);
      assert.deepEqual(found.violations.toSorted(), ['connect-src', 'require-trusted-types-for']);
    });
  }
});
