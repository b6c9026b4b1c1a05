// Refining: for developers and on the page, stopped, undone, saved, and when something goes wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { meanDifference } from './pictures.mjs';
import {
  assertAlike, decoded, download, engineLoads, files, give, native, onBlank, onPage, painted, patched, pixels, pretendGpu, save, slide, WEBGPU, withStylizer,
} from './visit.mjs';

const NETWORK = '**/models/vgg19-relu4_1.safetensors';
/** Steps that take a while. */
const SLOWLY = `
  const { step } = Refining.prototype;
  Refining.prototype.step = async function () {
    await new Promise((done) => { setTimeout(done, 400); });
    return step.call(this);
  };`;
const networkLoads = (requests) => requests.filter((url) => url.endsWith('vgg19-relu4_1.safetensors')).length;

test('refines as the command line does, and comes nearer to the photo and the styles', async (t) => {
  await onBlank({}, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const photo = await s.encodePhoto(await get('photo.png'), { size: 128 });
      const [one, two] = await Promise.all(['style.png', 'small.png'].map(async (name) => s.encodeStyle(await get(name))));
      const plain = ({ width, height, data }) => ({ width, height, data: [...data] });
      const layers = [{ style: one, weight: 3 }, { style: two, weight: 1 }];
      const told = [];
      const canvas = document.createElement('canvas');
      const onProgress = ({ picture, ...progress }) => { picture?.close(); told.push(progress); };
      const refined = await s.refine(photo, layers, { steps: 10, strength: 0.9, canvas, onProgress });
      const again = await s.refine(photo, layers, { steps: 2, content: 3, colours: 'photo' });
      return { refined: plain(refined), again: plain(again), told, size: [canvas.width, canvas.height] };
    });
    const steps = found.told.filter(({ done }) => done > 0);
    assert.deepEqual(steps.map(({ done, total }) => [done, total]), Array.from({ length: 10 }, (_, i) => [i + 1, 10]));
    assert.ok(steps.at(-1).losses.gram < 0.8 * steps[0].losses.gram, JSON.stringify(steps));
    assert.deepEqual(found.size, [128, 96]);
    assert.equal(networkLoads(requests), 1, 'once for all');
    const common = [files.photo, '--style', `${files.style}=3`, '--style', `${files.smallPhoto}=1`, '--size', '128'];
    await assertAlike(t, await save('refined.png', found.refined),
      await native('refined-native.png', ...common, '--strength', '0.9', '--refine=10'));
    await assertAlike(t, await save('refined-again.png', found.again),
      await native('refined-again-native.png', ...common, '--refine=2', '--refine-content', '3', '--colours', 'photo'));
  });
});

test('the WebGPU engine refines as the command line does', async (t) => {
  await onBlank({ flags: WEBGPU }, async (page) => {
    const refined = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'webgpu' });
      const style = await s.encodeStyle(await get('style.png'));
      const { width, height, data } = await s.refine(await get('small.png'), [{ style }], { size: 64, steps: 10 });
      return { width, height, data: [...data] };
    });
    await assertAlike(t, await save('refined-gpu.png', refined),
      await native('refined-gpu-native.png', files.smallPhoto, '--style', files.style, '--size', '64', '--refine=10'));
  });
});

test('says what cannot be refined, and ends when it is told to', async () => {
  await onBlank({ prepare: patched('cpu', SLOWLY) }, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const photo = await get('small.png');
      const style = await s.encodeStyle(photo);
      const reason = (promise) => promise.then(() => 'none', ({ name, message }) => `${name}: ${message}`);
      const wrong = [
        await reason(s.refine(photo, [{ style: null }])),
        await reason(s.refine(photo, [{ style }], { steps: 0 })),
        await reason(s.refine(photo, [{ style }], { steps: 2.5 })),
        await reason(s.refine(photo, [{ style }], { content: 0 })),
        await reason(s.refine(photo, [{ style }], { strength: 2 })),
      ];
      const controller = new AbortController();
      let last = 0;
      const onProgress = ({ done }) => { last = done; if (done === 2) controller.abort(); };
      const ended = await reason(s.refine(photo, [{ style }], { size: 32, steps: 50, signal: controller.signal, onProgress }));
      const painting = await s.stylize(photo, [{ style }], { size: 32 });
      return { wrong, ended, last, width: painting.width };
    });
    const [bare, ...ranges] = found.wrong;
    assert.match(bare, /^TypeError: a layer without a style needs a mask/);
    for (const [i, what] of ['steps', 'steps', 'content', 'strength'].entries()) assert.match(ranges[i], new RegExp(`^RangeError: ${what}`));
    assert.match(found.ended, /^AbortError/);
    assert.deepEqual([found.last, found.width], [2, 32]);
  });
});

test('a network that is damaged, or does not come, is said, and painting goes on', async () => {
  for (const [answer, reason] of [
    [{ body: 'not a network' }, /damaged or of another version/],
    [{ status: 404, body: '' }, /the server answered 404/],
  ]) {
    await onBlank({ mayComplain: true, prepare: (page) => page.route(NETWORK, (route) => route.fulfill(answer)) }, async (page, requests) => {
      const found = await withStylizer(page, async ({ Stylizer, EngineFailed, get }) => {
        const s = await Stylizer.load({ engine: 'cpu' });
        const [photo, style] = [await get('small.png'), await s.encodeStyle(await get('style.png'))];
        const error = await s.refine(photo, [{ style }], { size: 32 }).catch((caught) => caught);
        const { width } = await s.stylize(photo, [{ style }], { size: 32 });
        return { typed: error instanceof EngineFailed, message: error.message, width };
      });
      assert.ok(found.typed);
      assert.match(found.message, reason);
      assert.equal(found.width, 32);
      assert.equal(engineLoads(requests, 'cpu'), 1, 'the engine is not to blame');
    });
  }
});

test('the page refines a painting, and goes back and forth', async () => {
  await onPage({ query: '?engine=cpu&size=96' }, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const quick = await download(page, 'page-quick.png');
    await page.click('#refine');
    await page.waitForFunction(() => /^Refined, 96 × 72/.test(document.getElementById('status').textContent));
    const refined = await download(page, 'page-refined.png');
    const difference = await meanDifference(quick.file, refined.file);
    assert.ok(difference > 3, `${difference}`);
    assert.ok(await page.isDisabled('#refine'), 'it is refined already');
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 2);
    await page.click('#save');
    assert.deepEqual(await page.locator('#save-side option').evaluateAll((all) => all.map(({ text }) => text)), ['96 × 72, as shown'],
      'the quick painting in another size is no substitute');
    assert.match(await page.textContent('#save-how'), /^A refined painting is saved in the size in which it was refined/);
    assert.match(await page.textContent('#command'), /--refine \\/);
    await page.keyboard.press('Escape');
    await page.click('#undo');
    await painted(page);
    assert.equal(await meanDifference((await download(page, 'page-undone.png')).file, quick.file), 0);
    assert.ok(await page.isEnabled('#refine'));
    await page.click('#redo');
    await painted(page);
    assert.equal(await meanDifference((await download(page, 'page-redone.png')).file, refined.file), 0);
    // Another look is painted quickly again.
    await page.fill('#strength', '60');
    await painted(page);
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 3);
    assert.ok(await page.isEnabled('#refine'));
  });
});

test('stop keeps what there is of a refined painting, or brings back the quick one', async () => {
  await onPage({ query: '?engine=cpu&size=96', prepare: patched('cpu', SLOWLY) }, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const quick = await download(page, 'stop-quick.png');
    await page.click('#refine');
    await page.waitForSelector('#work:not([hidden])');
    await page.click('#stop');
    await painted(page);
    assert.equal(await meanDifference((await download(page, 'stop-at-once.png')).file, quick.file), 0);
    await page.click('#refine');
    await page.evaluate(() => {
      const { drawImage } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.drawImage = function (...all) {
        if (this.canvas.id === 'painting') window.drawn = (window.drawn ?? 0) + 1;
        return drawImage.apply(this, all);
      };
    });
    await page.waitForFunction(() => window.drawn >= 1);
    await page.click('#stop');
    await page.waitForFunction(() => /^Stopped after \d+ steps?\. What there is stays\.$/.test(document.getElementById('status').textContent));
    const kept = await download(page, 'stop-kept.png');
    assert.ok(await meanDifference(quick.file, kept.file) > 0.5);
    await page.click('#undo');
    await painted(page);
    assert.equal(await meanDifference((await download(page, 'stop-undone.png')).file, quick.file), 0);
  });
});

test('what there is stays when the engine breaks off, and is painted again after', async () => {
  const breaking = `${SLOWLY}
    let steps = 0;
    const slow = Refining.prototype.step;
    Refining.prototype.step = function () {
      if (++steps > 6) setTimeout(() => { throw new Error('the device was lost'); });
      return steps > 6 ? new Promise(() => {}) : slow.call(this);
    };`;
  await onPage({ query: '?size=96', mayComplain: true, prepare: (page) => pretendGpu(page, { code: breaking }) }, async (page) => {
    await page.waitForSelector('#engine[data-kind=webgpu]');
    await give(page, { photo: files.photo, style: files.style });
    const { file: quick } = await download(page, 'lost-quick.png');
    await page.click('#refine');
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /could not be refined further \(it broke off\)\. What there is stays/);
    const { file } = await download(page, 'lost-kept.png');
    assert.ok(await meanDifference(quick, file) > 0.5);
    await page.click('#undo');
    await page.fill('#strength', '50');
    await painted(page);
    assert.equal((await pixels(page)).width, 96);
  });
});

test('where the network does not come the page says so, and the quick painting stays', async () => {
  await onPage({ query: '?engine=cpu&size=64', mayComplain: true, prepare: (page) => page.route(NETWORK, (route) => route.fulfill({ status: 404, body: '' })) }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const { file: quick } = await download(page, 'no-network-quick.png');
    await page.click('#refine');
    await page.waitForSelector('#error:not([hidden])');
    await painted(page);
    assert.match(await page.textContent('#error'), /could not be refined further \(.*answered 404\)/);
    assert.equal(await meanDifference((await download(page, 'no-network.png')).file, quick), 0);
  });
});

test('there is no refining where the photo stays as it is', async () => {
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.fill('#strength', '0');
    await painted(page);
    assert.ok(await page.isDisabled('#refine'));
    await page.fill('#strength', '100');
    await painted(page);
    assert.ok(await page.isEnabled('#refine'));
  });
});

test('what is painted around a region is refined, and a region without a style stays the photo', async () => {
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    await give(page, { photo: files.photo });
    await page.click('#add-region');
    await page.selectOption('#region-style', '');
    await slide(page, '#region-brush', 40);
    await slide(page, '#region-soft', 0);
    await page.focus('#mask');
    await page.keyboard.press('Space');
    await page.click('#region-done');
    await painted(page);
    const quick = await download(page, 'regions-quick.png');
    await page.click('#refine');
    await rests(page);
    const refined = await download(page, 'regions-refined.png');
    const [before, after] = [await decoded(page, quick.file), await decoded(page, refined.file)];
    // In the middle, where a mask's brush is at first.
    const middle = [before.width >> 1, before.height >> 1];
    assert.deepEqual(after.at(...middle), before.at(...middle), 'the photo stays');
    assert.ok(await meanDifference(quick.file, refined.file) > 1, 'the rest is refined');
    const command = await page.textContent('#command');
    assert.match(command, /--mask \S+=none/);
    assert.match(command, /--refine \\/);
  });
});

const rests = (page) => page.waitForFunction(() => /^Refined, 64 × 48/.test(document.getElementById('status').textContent));

test('a painting gets better by itself while it is looked at', async () => {
  await onPage({ query: '?engine=cpu&size=64&improve=always' }, async (page, requests) => {
    await give(page, { photo: files.photo, style: files.style });
    await page.waitForFunction(() => /^Painted \d/.test(document.getElementById('status').textContent));
    const quick = await download(page, 'improve-quick.png');
    await rests(page);
    const better = await download(page, 'improve-better.png');
    assert.ok(await meanDifference(quick.file, better.file) > 3);
    assert.equal(networkLoads(requests), 1);
    assert.ok(await page.isDisabled('#refine'), 'it is refined');
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 2);
    await page.click('#results .pick >> nth=1');
    await painted(page);
    assert.equal(await meanDifference((await download(page, 'improve-back.png')).file, quick.file), 0, 'the quick one is still there');
    // Not where the visitor does not want it.
    await page.click('#engine');
    assert.ok(await page.isChecked('#improve'));
    await page.uncheck('#improve');
    await page.keyboard.press('Escape');
    await page.fill('#strength', '60');
    await painted(page);
    await page.waitForTimeout(2500);
    assert.match(await page.textContent('#status'), /^Painted \d/);
    await page.reload();
    await page.click('#engine');
    assert.ok(!(await page.isChecked('#improve')), 'nor at the next visit');
  });
});

test('what gets better by itself stops at once when something changes, and never complains', async () => {
  const failing = `${SLOWLY}
    const { refine } = Engine.prototype;
    Engine.prototype.refine = function (...all) {
      if (all[2] < 0.5) throw new Error('memory access out of bounds');
      return refine.apply(this, all);
    };`;
  await onPage({ query: '?engine=cpu&size=64&improve=always', prepare: patched('cpu', failing), mayComplain: true }, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    await page.waitForFunction(() => /getting better by itself/.test(document.getElementById('status').textContent));
    assert.ok(await page.isHidden('#work'), 'nothing has to be waited for');
    await page.fill('#strength', '80');
    await page.waitForFunction(() => /^Painted \d/.test(document.getElementById('status').textContent));
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 2);
    await page.fill('#strength', '40');
    await painted(page);
    await page.waitForFunction(() => localStorage.getItem('impasto-improve') === 'failed');
    assert.ok(await page.isHidden('#error'));
    assert.match(await page.textContent('#status'), /^Painted \d/);
    assert.ok(await page.isEnabled('#save'));
    // It does not try again.
    await page.fill('#strength', '90');
    await painted(page);
    await page.waitForTimeout(2500);
    assert.match(await page.textContent('#status'), /^Painted \d/);
  });
});

test('where the network does not come nothing gets better at this visit, and all is as before at the next', async () => {
  const prepare = (page) => page.route(NETWORK, (route) => route.fulfill({ status: 404, body: '' }));
  await onPage({ query: '?engine=cpu&size=64&improve=always', mayComplain: true, prepare }, async (page, requests) => {
    await give(page, { photo: files.photo, style: files.style });
    while (!networkLoads(requests)) await page.waitForTimeout(100);
    await page.waitForTimeout(500);
    assert.match(await page.textContent('#status'), /^Painted \d/);
    assert.ok(await page.isHidden('#error'));
    assert.equal(await page.evaluate(() => localStorage.getItem('impasto-improve')), null);
    const asked = networkLoads(requests);
    await page.fill('#strength', '90');
    await painted(page);
    await page.waitForTimeout(2500);
    assert.equal(networkLoads(requests), asked);
  });
});
