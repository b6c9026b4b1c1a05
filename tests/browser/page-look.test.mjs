// How a photo is painted: styles, sliders, regions, sizes; each compared with the command line.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { meanDifference } from './pictures.mjs';
import {
  assertAlike, download, files, folder, give, move, native, onPage, painted, pick, pixels, slide,
} from './visit.mjs';

const AT_128 = { query: '?engine=cpu&size=128' };

test('styles are mixed by their weights, as on the command line', async (t) => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo });
    await pick(page, 'many', 'mix');
    await page.click('[data-style=neon-currents].pick');
    await painted(page);
    const even = await download(page, 'even.png');
    await slide(page, '#weight-neon-currents', 100);
    await slide(page, '#weight-starry-impasto', 25);
    await painted(page);
    assert.deepEqual(await page.locator('#mix output').allTextContents(), ['20 %', '80 %']);
    const uneven = await download(page, 'uneven.png');
    assert.ok(await meanDifference(even.file, uneven.file) > 1, 'weights change nothing');
    await assertAlike(t, uneven.file, await native('uneven-native.png', files.photo, '--size', '128',
      '--style', 'starry-impasto=25', '--style', 'neon-currents=100'));
  });
});

test('at most four styles, at least one', async () => {
  await onPage(AT_128, async (page) => {
    await pick(page, 'many', 'mix');
    const tiles = page.locator('#gallery .pick');
    for (const i of [1, 2, 3, 4]) await tiles.nth(i).click();
    const chosen = () => page.locator('#gallery .pick[aria-pressed=true]').count();
    assert.equal(await chosen(), 4);
    assert.match(await page.textContent('#status'), /at most 4 styles/);
    for (const i of [1, 2, 3]) await tiles.nth(i).click();
    assert.equal(await chosen(), 1);
    await tiles.nth(0).click();
    assert.equal(await chosen(), 1, 'the last one stays');
    assert.ok(await page.isDisabled('#mix button'));
  });
});

test('while a slider moves a small preview follows it, and the full size comes when it rests', async (t) => {
  await onPage({ query: '?engine=cpu&size=640' }, async (page) => {
    await give(page, { photo: files.largePhoto, style: files.style });
    const full = await download(page, 'strength-full.png');
    await page.evaluate(() => {
      window.widths = [];
      const { drawImage } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.drawImage = function (picture, ...rest) {
        if (this.canvas.id === 'painting') window.widths.push(picture.width);
        return drawImage.call(this, picture, ...rest);
      };
    });
    for (const value of ['90', '70', '50']) {
      await move(page, '#strength', value);
      await page.waitForFunction((n) => window.widths.length >= n, { 90: 1, 70: 2, 50: 3 }[value]);
    }
    assert.deepEqual(await page.evaluate(() => [...new Set(window.widths)]), [256], 'only previews while it moves');
    assert.ok(await page.isDisabled('#save'), 'a preview is not for saving');
    await page.dispatchEvent('#strength', 'change');
    await painted(page);
    assert.equal((await page.evaluate(() => window.widths)).at(-1), 640);
    assert.equal(await page.textContent('#strength-value'), '50 %');
    const half = await download(page, 'strength-half.png');
    assert.ok(await meanDifference(full.file, half.file) > 2, 'half strength looks like full strength');
    await assertAlike(t, half.file, await native('strength-native.png', files.largePhoto, '--size', '640',
      '--style', files.style, '--strength', '0.5'));
  });
});

test('the photo can keep its colours, in two ways', async (t) => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const seen = [await download(page, 'colours-style.png')];
    for (const colours of ['photo', 'luminance']) {
      await pick(page, 'colours', colours);
      await painted(page);
      const { file } = await download(page, `colours-${colours}.png`);
      for (const other of seen) assert.ok(await meanDifference(other.file, file) > 2, `${colours} looks like another`);
      seen.push({ file });
      await assertAlike(t, file, await native(`colours-${colours}-native.png`, files.photo, '--size', '128',
        '--style', files.style, '--colours', colours));
    }
  });
});

test('the brush is the size of the style picture', async (t) => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const medium = await download(page, 'brush-medium.png');
    await slide(page, '#brush', 128);
    await painted(page);
    assert.equal(await page.textContent('#brush-value'), 'fine');
    const fine = await download(page, 'brush-fine.png');
    assert.ok(await meanDifference(medium.file, fine.file) > 0.5, 'the brush changes nothing');
    await assertAlike(t, fine.file, await native('brush-native.png', files.photo, '--size', '128',
      '--style', files.style, '--style-size', '128'));
  });
});

/** Drags over the mask, from one place to another, as parts of the photo. */
async function stroke(page, ...points) {
  const box = await page.locator('#mask').boundingBox();
  for (const [i, [x, y]] of points.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 8 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

const apart = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

/** What the photo itself has on the canvas's pixels. */
const photoPixels = (page) => page.evaluate(async () => {
  const { width, height } = document.getElementById('painting');
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(document.getElementById('photo'), 0, 0, width, height);
  return { width, data: [...context.getImageData(0, 0, width, height).data] };
}).then(({ width, data }) => ({ at: (x, y) => data.slice(4 * (y * width + x), 4 * (y * width + x) + 3) }));

test('a painted region keeps the photo, or takes another style, with a soft edge', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const before = await pixels(page);
    const original = await photoPixels(page);
    await page.click('#add-region');
    await page.selectOption('#region-style', '');
    await slide(page, '#region-brush', 40);
    await stroke(page, [0.1, 0.5], [0.3, 0.5]);
    await page.click('#region-done');
    await painted(page);
    const after = await pixels(page);
    const [inside, outside] = [[25, 48], [118, 48]];
    assert.ok(apart(after.at(...inside), original.at(...inside)) <= 12, 'inside is the photo');
    assert.ok(apart(before.at(...inside), original.at(...inside)) > 20, 'where the painting was different');
    assert.ok(apart(after.at(...outside), before.at(...outside)) <= 2, 'outside is as it was');

    // Another style in the same place.
    await page.click('#region-list button:has-text("Change")');
    await page.selectOption('#region-style', 'neon-currents');
    await page.click('#region-done');
    await painted(page);
    const other = await pixels(page);
    assert.ok(apart(other.at(...inside), original.at(...inside)) > 20);
    assert.ok(apart(other.at(...inside), before.at(...inside)) > 10);
    assert.ok(apart(other.at(...outside), before.at(...outside)) <= 2);

    // Undo goes back stroke by stroke, and the pictures come back without painting.
    await page.keyboard.press('Control+z');
    await painted(page);
    assert.deepEqual((await pixels(page)).at(...inside), after.at(...inside));
    await page.click('#region-list button[aria-label^=Remove]');
    await painted(page);
    assert.deepEqual((await pixels(page)).at(...inside), before.at(...inside));
  });
});

test('a region can be painted, inverted and erased by keyboard alone', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    const covered = () => page.evaluate(() => {
      const canvas = document.getElementById('mask');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      // The mask is red; the ring of the keyboard's brush is black and white.
      for (let i = 3; i < data.length; i += 4) sum += data[i] > 80 && data[i - 3] > data[i - 2] + 80 ? 1 : 0;
      return sum / (data.length / 4);
    });
    await page.focus('#add-region');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'mask');
    await page.keyboard.press('Space');
    const dab = await covered();
    assert.ok(dab > 0.005 && dab < 0.05, `a dab covers ${dab}`);
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Space');
    assert.ok(await covered() > 1.5 * dab);
    await page.focus('#region-invert');
    await page.keyboard.press('Enter');
    assert.ok(await covered() > 0.8);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    assert.ok(Math.abs(await covered() - dab) < 0.003, 'undone to the first dab');
    await page.focus('input[name=tool][value=paint]');
    await page.keyboard.press('ArrowRight');
    await page.focus('#mask');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Space');
    assert.ok(await covered() < dab / 4, 'erased');
  });
});

test('a region belongs to its photo', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: [files.photo, files.smallPhoto], style: files.style });
    await page.click('#add-region');
    await stroke(page, [0.5, 0.5], [0.6, 0.5]);
    await page.click('#region-done');
    await painted(page);
    assert.equal(await page.locator('#region-list li').count(), 1);
    await page.click('#photos .pick >> nth=1');
    await painted(page);
    assert.equal(await page.locator('#region-list li').count(), 0);
    await page.click('#photos .pick >> nth=0');
    await painted(page);
    assert.equal(await page.locator('#region-list li').count(), 1);
    // A region without a stroke leaves nothing behind.
    await page.click('#add-region');
    await page.click('#region-done');
    assert.equal(await page.locator('#region-list li').count(), 1);
  });
});

test('sizes go up to the photo’s own, and large ones come with a warning', async () => {
  await onPage({}, async (page) => {
    await give(page, { photo: files.photo });
    assert.deepEqual(await page.locator('#size option').allTextContents(), ['All of it: 400 × 300']);
    assert.equal((await pixels(page)).width, 400);
    await page.setInputFiles('#another-file', files.largePhoto);
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick').length === 2);
    await page.selectOption('#size', '512');
    await painted(page);
    assert.equal((await pixels(page)).width, 512);
    assert.deepEqual(await page.locator('#size option').allTextContents(),
      ['512 pixels', '768 pixels', '1024 pixels', '1536 pixels', 'All of it: 1600 × 1200']);
    // A photo of 7000 × 3400 pixels, of which 6144 are painted at most.
    const file = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(7000, 3400);
      canvas.getContext('2d').fillRect(0, 0, 2500, 3400);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer());
      return [...bytes];
    });
    await give(page, { photo: { name: 'huge.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(file) } });
    assert.equal(await page.locator('#size option').last().textContent(), 'All of it: 6144 × 2984');
    assert.doesNotMatch(await page.textContent('#size-hint'), /memory/);
    await page.selectOption('#size', 'own');
    assert.match(await page.textContent('#size-hint'), /more memory than the browser has/);
    await page.click('#stop');
    await page.selectOption('#size', '512');
    await painted(page);
  });
});

test('where there is not enough memory, a smaller size is painted', async () => {
  // The engine dies of every picture above 600 pixels, as it does for want of memory.
  const prepare = (page) => page.route('**/engine/cpu/impasto.js', async (route) => {
    const response = await route.fetch();
    const dying = `const photo = Engine.prototype.photo;
      Engine.prototype.photo = function (width, height, rgba, size) {
        if (size > 600) throw new Error('memory access out of bounds');
        return photo.apply(this, arguments);
      };`;
    await route.fulfill({ response, body: `${await response.text()}\n${dying}` });
  });
  await onPage({ query: '?engine=cpu', prepare, mayComplain: true }, async (page) => {
    await give(page, { photo: files.largePhoto });
    assert.match(await page.textContent('#error'), /not enough memory for 768 pixels, so the painting has 512/);
    assert.equal((await pixels(page)).width, 512);
  });
});
