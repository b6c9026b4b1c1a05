// Learning a style: for developers, and on the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { meanDifference } from './pictures.mjs';
import { download, engineLoads, files, give, kept, onBlank, onPage, painted, pretendGpu, root, WEBGPU, withStylizer } from './visit.mjs';

const [BEFORE, AFTER] = ['blue-town', 'neon-currents'];
const tuned = (name) => join(root, `models/tuned/${name}.style`);

/** Waits until a page has so many workers: that one has ended is told a little later. */
async function workersAre(page, count) {
  for (const until = Date.now() + 10_000; page.workers().length !== count && Date.now() < until;) await page.waitForTimeout(50);
  assert.equal(page.workers().length, count, 'workers');
}

test('learns a style on a GPU, and is stopped', async (t) => {
  await onBlank({ flags: WEBGPU }, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'webgpu' });
      const [photo, picture] = [await get('small.png'), await get('style.png')];
      const told = [];
      const began = performance.now();
      const onProgress = (progress) => told.push({ ...progress, at: performance.now() - began });
      const file = await s.learnStyle(picture, { photos: [photo, await createImageBitmap(photo)], steps: 1, name: 'Learned', size: 128, onProgress });
      // As a file of the style, which is learned from its picture.
      const controller = new AbortController();
      const ended = await s.learnStyle(file, {
        photos: [photo],
        signal: controller.signal,
        // When it has the photo: a step takes minutes on an emulated GPU.
        onProgress: ({ loaded }) => { if (loaded === undefined) controller.abort(new Error('enough')); },
      }).catch(({ message }) => message);
      s.dispose();
      const cpu = await Stylizer.load({ engine: 'cpu' });
      const paint = async (style) => (await cpu.stylize(photo, [{ style: await cpu.encodeStyle(style, { size: 128 }) }], { size: 64 })).data;
      const { picture: within, about } = await (await import(`${document.baseURI}../www/tuned.js`)).tunedStyle(file);
      const { width, height } = await createImageBitmap(within);
      const [general, learned] = [await paint(within), await paint(file)];
      const difference = general.reduce((sum, value, i) => sum + Math.abs(value - learned[i]), 0) / general.length;
      return { told, bytes: file.size, within: { width, height, bytes: within.size, type: within.type }, about, difference, ended };
    });
    t.diagnostic(JSON.stringify({ ...found, told: found.told.slice(-2) }));
    const steps = found.told.filter(({ done }) => done > 0);
    assert.deepEqual(steps.map(({ done, total }) => [done, total]), [[1, 1]]);
    assert.ok(steps.every(({ losses }) => Object.values(losses).every((loss) => loss > 0)));
    assert.ok(found.told.some(({ loaded, bytes }) => loaded > 1e6 && bytes >= loaded), 'downloads are told');
    assert.ok(found.bytes > 50_000 && found.bytes < 300_000, `${found.bytes} bytes`);
    assert.equal(found.about.name, 'Learned');
    assert.deepEqual([found.within.width, found.within.height, found.within.type], [320, 320, 'image/jpeg']);
    assert.ok(found.within.bytes <= 38_400);
    assert.ok(found.difference > 0.05, `${found.difference}`);
    assert.equal(found.ended, 'enough');
    await workersAre(page, 1);
    assert.equal(requests.filter((url) => url.endsWith('learn/impasto_bg.wasm')).length, 1, 'compiled once');
  });
});

/**
 * A teacher that is none: the CPU engine in place of the one that learns, and what it has learned are styles that come with
 * the page: one until it has done all its steps, and another at the end.
 */
const TEACHER = (pause, breaks = Infinity) => `
  const heard = new BroadcastChannel('taught');
  export class Photos { count = 0; add() { this.count++; } free() {} }
  Engine.prototype.learn = (style, { count }, steps, parts) => {
    let done = 0;
    heard.postMessage({ count, steps, parts });
    return {
      async step() {
        await new Promise((go) => { setTimeout(go, ${pause}); });
        if (++done > ${breaks}) setTimeout(() => { throw new Error('the device was lost'); });
        return done > ${breaks} ? new Promise(() => {}) : new Float32Array([1, 2, 3]);
      },
      async file(name, picture) {
        const response = await fetch(new URL(\`../../models/tuned/\${done < steps ? '${BEFORE}' : '${AFTER}'}.style\`, import.meta.url));
        heard.postMessage({ name, done, kind: [...picture.subarray(0, 2)] });
        return new Uint8Array(await response.arrayBuffer());
      },
      free() {},
    };
  };`;

async function pretendTeacher(page, pause, breaks) {
  await page.addInitScript(() => {
    window.taught = [];
    new BroadcastChannel('taught').onmessage = ({ data }) => { window.taught.push(data); };
  });
  await pretendGpu(page);
  await page.route('**/engine/learn/*', async (route) => {
    const response = await route.fetch({ url: route.request().url().replace('/learn/', '/cpu/') });
    const body = await response.body();
    await route.fulfill({ response, body: route.request().url().endsWith('.js') ? `${body}\n${TEACHER(pause, breaks)}` : body });
  });
}

test('says what cannot be learned, and ends with its signal or its engine', async () => {
  await onBlank({ prepare: (page) => pretendTeacher(page, 20) }, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, BadPicture, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const [photo, style, text] = [await get('small.png'), await get('style.png'), await get('notes.txt')];
      const reason = (promise) => promise.then(() => 'none', (error) => `${error.name}: ${error instanceof BadPicture ? error.part : error.message}`);
      const wrong = [];
      for (const options of [
        { photos: [photo], steps: 0 }, { photos: [photo], steps: 2.5 }, { photos: [photo], steps: 2001 },
        { photos: [] }, { photos: Array(201).fill(photo) }, { photos: photo }, { photos: [photo], size: 8 },
      ]) wrong.push(await reason(s.learnStyle(style, options)));
      const bad = [await reason(s.learnStyle(text, { photos: [photo] })), await reason(s.learnStyle(style, { photos: [photo, text] }))];
      const early = await reason(s.learnStyle(style, { photos: [photo], signal: AbortSignal.abort(new Error('before')) }));
      const controller = new AbortController();
      const ended = await reason(s.learnStyle(style, {
        photos: [photo], signal: controller.signal, onProgress: ({ done }) => { if (done === 2) controller.abort(new Error('enough')); },
      }));
      const whole = await s.learnStyle(style, { photos: [photo], steps: 3 });
      const { width } = await s.stylize(photo, [{ style: await s.encodeStyle(whole) }], { size: 32 });
      const disposed = reason(s.learnStyle(style, { photos: [photo], onProgress: ({ done }) => { if (done === 1) s.dispose(); } }));
      return { wrong, bad, early, ended, width, bytes: whole.size, disposed: await disposed, after: await reason(s.learnStyle(style, { photos: [photo] })) };
    });
    for (const [i, what] of ['steps', 'steps', 'steps', 'photos', 'photos', 'photos', 'size'].entries()) {
      assert.match(found.wrong[i], new RegExp(`^RangeError: ${what} must be`));
    }
    assert.deepEqual(found.bad, ['BadPicture: style', 'BadPicture: photo']);
    assert.deepEqual([found.early, found.ended], ['Error: before', 'Error: enough']);
    assert.match(found.disposed, /^AbortError/);
    assert.match(found.after, /^TypeError: the stylizer was disposed of/);
    assert.equal(found.width, 32);
    assert.equal(found.bytes, (await readFile(tuned(AFTER))).length);
    await workersAre(page, 0);
    assert.equal(engineLoads(requests, 'learn'), 1, 'compiled once');
  });
});

test('without WebGPU, or where it is only emulated, it says so', async () => {
  for (const [flags, reasons] of [[[], /^no-/], [WEBGPU, /^software-adapter$/]]) {
    await onBlank({ flags }, async (page, requests) => {
      const found = await withStylizer(page, async ({ Stylizer, EngineFailed, get }) => {
        const s = await Stylizer.load({ engine: 'cpu' });
        const error = await s.learnStyle(await get('style.png'), { photos: [await get('small.png')] }).catch((caught) => caught);
        return { typed: error instanceof EngineFailed, code: error.code, message: error.message };
      });
      assert.deepEqual([found.typed, found.code], [true, 'unsupported']);
      assert.match(found.message, reasons);
      assert.equal(requests.filter((url) => url.includes('/learn')).length, 0, 'nothing is downloaded in vain');
    });
  }
});

test('a loss network that is another one, or does not come, is refused', async () => {
  for (const [answer, reason] of [
    [{ body: 'not a network' }, /damaged or of another version/],
    [{ status: 404, body: '' }, /the server answered 404/],
  ]) {
    const prepare = async (page) => {
      await pretendTeacher(page, 20);
      await page.route('**/models/vgg19-relu4_1.safetensors', (route) => route.fulfill(answer));
    };
    await onBlank({ mayComplain: true, prepare }, async (page) => {
      const found = await withStylizer(page, async ({ Stylizer, EngineFailed, get }) => {
        const s = await Stylizer.load({ engine: 'cpu' });
        const error = await s.learnStyle(await get('style.png'), { photos: [await get('small.png')] }).catch((caught) => caught);
        return { typed: error instanceof EngineFailed, code: error.code, message: error.message };
      });
      assert.deepEqual([found.typed, found.code], [true, 'offline']);
      assert.match(found.message, reason);
      await workersAre(page, 1);
    });
  }
});

const AT_64 = '?size=64';
const chosen = (page) => page.locator('#gallery .pick[aria-pressed=true]').evaluateAll((all) => all.map((one) => one.dataset.style));
/** Waits for words about learning. */
const told = (page, pattern) => page.waitForFunction((text) => new RegExp(text).test(document.getElementById('learn-words').textContent), pattern.source);
const warns = (page) => page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
/** The page with a photo, in a style of one's own. */
const withStyle = async (page) => {
  await page.waitForSelector('#engine[data-kind=webgpu]');
  await give(page, { photo: files.photo, style: files.style });
};

test('the page learns a style, paints it better meanwhile, keeps it, and goes back', async () => {
  await onPage({ query: AT_64, prepare: (page) => pretendTeacher(page, 45) }, async (page, requests) => {
    await page.waitForSelector('#engine[data-kind=webgpu]');
    await give(page, { photo: files.photo });
    assert.ok(await page.isHidden('#learn'), 'the styles of the page are learned already');
    await give(page, { style: files.style });
    await kept(page);
    const [own] = await chosen(page);
    const general = await download(page, 'learn-general.png');
    assert.ok(await page.isHidden('#save-style'));
    await page.click('#learn');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'learn-stop');
    assert.ok(await page.isHidden('#learn'));
    await told(page, /^Learning “style”: step \d+ of 200/);
    assert.ok(await warns(page));
    // What there is by then is painted.
    await page.waitForFunction((id) => document.querySelector('#gallery .pick[aria-pressed=true]').dataset.style !== id, own);
    await painted(page);
    const better = await download(page, 'learn-better.png');
    assert.ok(await meanDifference(general.file, better.file) > 3);
    assert.ok(await page.isVisible('#learn-stop'), 'it goes on');
    await told(page, /^Learned in 200 steps\./);
    await painted(page);
    const best = await download(page, 'learn-best.png');
    assert.ok(await meanDifference(better.file, best.file) > 3);
    const [learned] = await chosen(page);
    assert.equal(await page.locator('#gallery .pick').count(), 29, 'the picture, what was learned of it, and those of the page');
    assert.ok(await page.isHidden('#learn') && await page.isHidden('#learn-stop'));
    const [first, ...taught] = await page.evaluate(() => window.taught);
    assert.deepEqual(first, { count: 1 + 4, steps: 200, parts: 2 }, 'on the visitor’s photo and the samples');
    assert.deepEqual([taught[0].name, taught.at(-1).done, taught[0].kind], ['style, learned', 200, [0xff, 0xd8]]);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-style')]);
    assert.equal(saved.suggestedFilename(), 'style, learned.style');
    assert.ok((await readFile(await saved.path())).equals(await readFile(tuned(AFTER))));

    // Those in a style of the page, in the picture's, and in what was learned at last.
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 3);
    await page.click('#undo');
    await painted(page);
    assert.deepEqual(await chosen(page), [own]);
    assert.equal(await page.textContent('#learn-words'), '');
    assert.equal(await meanDifference(general.file, (await download(page, 'learn-undone.png')).file), 0);
    assert.ok(await page.isVisible('#learn'));
    await page.click('#redo');
    // Another painting: of one that was saved, the page does not say when it is kept.
    await page.fill('#strength', '99');
    await painted(page);
    await kept(page);
    await page.reload();
    await painted(page);
    assert.deepEqual(await chosen(page), [learned]);
    await page.fill('#strength', '100');
    await painted(page);
    assert.equal(await meanDifference(best.file, (await download(page, 'learn-kept.png')).file), 0);
    assert.equal(engineLoads(requests, 'learn'), 1);
  });
});

test('stop keeps what was learned, if there is something', async () => {
  await onPage({ query: AT_64, prepare: (page) => pretendTeacher(page, 100) }, async (page) => {
    await withStyle(page);
    const [own] = await chosen(page);
    await page.click('#learn');
    await told(page, /step \d+ of 200/);
    await page.click('#learn-stop');
    await told(page, /^Stopped before/);
    assert.deepEqual(await chosen(page), [own]);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'learn');
    await page.click('#learn');
    await page.waitForFunction((id) => document.querySelector('#gallery .pick[aria-pressed=true]').dataset.style !== id, own);
    // Other things go on.
    await page.fill('#strength', '60');
    await painted(page);
    await page.click('#learn-stop');
    await told(page, /^Stopped\. What was learned in \d+ steps is one of your styles/);
    await painted(page);
    assert.notDeepEqual(await chosen(page), [own]);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'save-style');
    await workersAre(page, 1);
    await page.click('#language');
    assert.match(await page.textContent('#learn-words'), /^已停止。/);
  });
});

test('a style that is removed is learned no further, and one that was left is not put back onto the stage', async () => {
  await onPage({ query: AT_64, prepare: (page) => pretendTeacher(page, 100) }, async (page) => {
    await withStyle(page);
    await page.click('#learn');
    await told(page, /step \d+ of 200/);
    await page.click('.pick[data-style=blue-town]');
    const tile = page.locator('#gallery .tile:has(.pick[aria-label$=", learned"])');
    await page.waitForFunction(() => window.taught.length > 1);
    const learned = page.locator('#gallery .tile:has(> .remove)').first();
    await page.waitForFunction(() => document.querySelectorAll('#gallery .tile:has(> .remove)').length === 2);
    assert.deepEqual(await chosen(page), ['blue-town']);
    assert.ok(await page.isHidden('#save-style'));
    await learned.hover();
    await learned.locator('.remove').click();
    await page.waitForSelector('#learn-stop', { state: 'hidden' });
    assert.equal(await page.textContent('#learn-words'), '');
    assert.equal(await page.locator('#gallery .tile:has(> .remove)').count(), 1);
    assert.ok(await page.isHidden('#error'));
    assert.equal(await tile.count(), 0);
  });
});

test('a painting that is being saved stays until it is saved', async () => {
  await onPage({ query: AT_64, prepare: (page) => pretendTeacher(page, 40) }, async (page) => {
    await withStyle(page);
    const [own] = await chosen(page);
    await page.click('#learn');
    await told(page, /step \d+ of 200/);
    await page.click('#save');
    await told(page, /^Learned in 200 steps/);
    assert.ok(await page.isVisible('#save-dialog'));
    assert.deepEqual(await chosen(page), [own]);
    await page.keyboard.press('Escape');
    await page.waitForFunction((id) => document.querySelector('#gallery .pick[aria-pressed=true]').dataset.style !== id, own);
    await painted(page);
    await page.click('#undo');
    assert.deepEqual(await chosen(page), [own], 'one step');
  });
});

test('what was learned stays where the engine breaks off', async () => {
  for (const [breaks, words] of [[2, /^The style could not be learned \(it broke off\)/], [70, /^The style could not be learned further \(it broke off\)/]]) {
    await onPage({ query: AT_64, mayComplain: true, prepare: (page) => pretendTeacher(page, 100, breaks) }, async (page) => {
      await withStyle(page);
      const [own] = await chosen(page);
      await page.click('#learn');
      await page.waitForSelector('#error:not([hidden])');
      assert.match(await page.textContent('#error'), words);
      assert.equal((await chosen(page))[0] === own, breaks === 2);
      assert.ok(await page.isHidden('#learn-stop'));
      await painted(page);
    });
  }
});

test('without a GPU no style is learned', async () => {
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    assert.ok(await page.isHidden('#learn'));
    // But one that was learned elsewhere can be saved.
    await give(page, { style: tuned(BEFORE) });
    assert.ok(await page.isVisible('#save-style'));
  });
});
