// What leaves the page, and looking at it: compare, zoom, files, clipboard, command line, ZIP; undo
// and earlier paintings.

import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { unzipSync } from 'fflate';

import { meanDifference } from './pictures.mjs';
import {
  assertAlike, download, files, folder, give, hand, impasto, kept, move, native, onPage, otherLook, painted, patched, pick, pixels, root,
  run, slide,
} from './visit.mjs';

/** Width and height of a PNG file. */
const sizeOf = async (file) => {
  const bytes = await readFile(file);
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
};

/** The pixels of a PNG file, made smaller by the browser. */
const shrunk = async (page, file, width, height) => page.evaluate(async ({ png, width, height }) => {
  const image = Object.assign(new Image(), { src: `data:image/png;base64,${png}` });
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  return [...context.getImageData(0, 0, width, height).data];
}, { png: (await readFile(file)).toString('base64'), width, height });
const apart = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / (0.75 * a.length);

const AT_64 = { query: '?engine=cpu&size=64' };
const AT_128 = { query: '?engine=cpu&size=128' };

test('a line between photo and painting can be moved by pointer and keyboard', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo });
    const clip = () => page.evaluate(() => document.getElementById('painting').style.clipPath);
    const at = async () => Number((await clip()).match(/([\d.]+)%\)/)[1]);
    assert.equal(await clip(), '');
    await page.click('#compare');
    assert.equal(await at(), 50);
    const box = await page.locator('#sheet').boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 3, { steps: 5 });
    await page.mouse.up();
    assert.equal(await at(), 80);
    await page.keyboard.press('ArrowLeft');
    assert.equal(await at(), 79);
    await page.keyboard.press('Home');
    assert.equal(await clip(), '', 'all painting');
    await page.focus('#view');
    await page.keyboard.press('c');
    assert.ok(await page.isHidden('#divider'));
    assert.equal(await page.getAttribute('#compare', 'aria-pressed'), 'false');
  });
});

test('the picture can be zoomed and moved by buttons, wheel, keys and drag', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo });
    const box = () => page.locator('#sheet').boundingBox();
    const whole = await box();
    const view = await page.locator('#view').boundingBox();
    const middle = [view.x + view.width / 2, view.y + view.height / 2];
    const percent = (width) => `${Math.round((100 * width) / 128).toLocaleString('en')} %`;
    await page.click('#zoom-in');
    assert.equal(await page.textContent('#zoom-fit'), percent(1.5 * whole.width));
    await page.mouse.move(...middle);
    await page.mouse.wheel(0, -400);
    const zoomed = await box();
    assert.ok(zoomed.width > 2 * whole.width);
    await page.mouse.down();
    await page.mouse.move(middle[0] + 60, middle[1] + 40, { steps: 4 });
    await page.mouse.up();
    const moved = await box();
    assert.deepEqual([Math.round(moved.x - zoomed.x), Math.round(moved.y - zoomed.y)], [60, 40]);
    await page.focus('#view');
    await page.keyboard.press('ArrowRight');
    assert.equal(Math.round((await box()).x - moved.x), -60);
    // Its edge does not come inside the view.
    for (let i = 0; i < 60; i++) await page.keyboard.press('ArrowRight');
    const far = await box();
    assert.ok(far.x + far.width >= view.x + view.width - 1);
    await page.keyboard.press('0');
    assert.deepEqual(await box(), whole);
    await page.mouse.dblclick(...middle);
    assert.equal(await page.textContent('#zoom-fit'), percent(2.5 * whole.width));
    await page.click('#zoom-fit');
    assert.deepEqual(await box(), whole);
  });
});

test('two fingers zoom', async () => {
  await onPage({ ...AT_64, context: { hasTouch: true, viewport: { width: 390, height: 800 } } }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const view = await page.locator('#view').boundingBox();
    const whole = await page.locator('#sheet').boundingBox();
    const [x, y] = [view.x + view.width / 2, view.y + view.height / 2];
    const session = await page.context().newCDPSession(page);
    const touch = (type, apart) => session.send('Input.dispatchTouchEvent', {
      type, touchPoints: type === 'touchEnd' ? [] : [{ x: x - apart, y, id: 1 }, { x: x + apart, y, id: 2 }],
    });
    await touch('touchStart', 30);
    for (const apart of [40, 60, 80, 90]) await touch('touchMove', apart);
    await touch('touchEnd');
    const zoom = (await page.locator('#sheet').boundingBox()).width / whole.width;
    assert.ok(zoom > 2 && zoom < 4, `${zoom} times`);
  });
});

test('paintings are saved as PNG, JPEG and WebP, the last two in a chosen quality', async () => {
  await onPage(AT_128, async (page) => {
    await give(page, { photo: files.photo });
    const bytes = async (format, quality) => {
      await page.click('#save');
      await pick(page, 'format', format);
      if (quality) await slide(page, '#quality', quality);
      await page.keyboard.press('Escape');
      const { file, suggested } = await download(page, `saved-${quality}.${format}`);
      return { content: await readFile(file), suggested };
    };
    const png = await bytes('png');
    assert.equal(png.content.subarray(1, 4).toString(), 'PNG');
    assert.equal(png.suggested, 'photo-in-starry-impasto.png');
    const fine = await bytes('jpeg', 95);
    const coarse = await bytes('jpeg', 40);
    assert.equal(fine.content.readUInt16BE(0), 0xffd8);
    assert.equal(fine.suggested, 'photo-in-starry-impasto.jpg');
    assert.ok(coarse.content.length < fine.content.length / 1.5);
    const webp = await bytes('webp', 80);
    assert.equal(webp.content.subarray(8, 12).toString(), 'WEBP');
    assert.equal(webp.suggested, 'photo-in-starry-impasto.webp');
    await page.click('#save');
    await page.selectOption('#save-side', 'painted');
    await page.waitForFunction(() => /128 × 96 pixels, [\d.]+ MB/.test(document.getElementById('save-size').textContent));
  });
});

test('a painting is saved as large as its photo, and as it would be painted in that size', async (t) => {
  await onPage({ query: '?engine=cpu&size=256' }, async (page) => {
    await give(page, { photo: files.largePhoto, style: files.style });
    const small = await download(page, 'full-small.png');
    assert.deepEqual(await sizeOf(small.file), [256, 192]);
    await page.click('#save');
    assert.deepEqual(await page.locator('#save-side option').evaluateAll((all) => all.map(({ value, text }) => [value, text])), [
      ['own', '1600 × 1200, as the photo'], ['between', '768 × 576'], ['painted', '256 × 192, as shown'],
    ]);
    await page.selectOption('#save-side', 'own');
    assert.equal(await page.textContent('#save-size'), '1600 × 1200 pixels, 1.9 million');
    assert.match(await page.textContent('#save-how'), /^It is painted in this size when you download it/);
    assert.match(await page.textContent('#command'), / --size 1600 /);
    await page.keyboard.press('Escape');
    const full = await download(page, 'full.png', undefined, 'own');
    assert.deepEqual(await sizeOf(full.file), [1600, 1200]);
    assert.equal(full.suggested, 'large-in-style.png');
    const between = await download(page, 'full-between.png', undefined, 'between');
    assert.deepEqual(await sizeOf(between.file), [768, 576]);
    // The painting on the stage is what it was.
    assert.deepEqual(await page.evaluate(() => document.getElementById('painting').width), 256);
    assert.equal(await page.locator('#results .pick').count(), 1);
    // The same painting: nearer to a smaller one than to the photo, or to one in another style. (Strokes have the same
    // proportion from 768 pixels on; on the stage they are coarser here.)
    const seen = async (file) => shrunk(page, file, 256, 192);
    const [smaller, saved, photo] = [await seen(between.file), await seen(full.file), await seen(files.largePhoto)];
    await page.click('.pick[data-style=blue-town]');
    await painted(page);
    const other = await seen((await download(page, 'full-other.png')).file);
    const [alike, toPhoto, toOther] = [apart(smaller, saved), apart(photo, saved), apart(other, saved)];
    t.diagnostic(`mean absolute differences: ${alike.toFixed(1)}, to the photo ${toPhoto.toFixed(1)}, to another style ${toOther.toFixed(1)}`);
    assert.ok(alike < toPhoto / 2 && alike < toOther / 2);
    await page.click('#undo');
    await page.selectOption('#size', 'own');
    await painted(page);
    await page.click('#save');
    assert.deepEqual(await page.locator('#save-side option').evaluateAll((all) => all.map(({ value }) => value)), ['painted']);
    await page.keyboard.press('Escape');
    assert.equal(await meanDifference(full.file, (await download(page, 'full-stage.png')).file), 0);
  });
});

test('a painting for the file can be stopped, and ends with the dialog', async () => {
  // Paintings for the file wait until the test lets them go on: none is done before it is stopped.
  const prepare = patched('cpu', `
    const { stylize } = Engine.prototype;
    const held = new BroadcastChannel('held');
    Engine.prototype.stylize = async function (content, ...more) {
      if (content.width > 300) await new Promise((done) => { held.onmessage = done; });
      return stylize.call(this, content, ...more);
    };`);
  // Not much smaller than the photo, or a slow machine would expect the photo's size to take too long to be chosen.
  await onPage({ query: '?engine=cpu&size=256', prepare }, async (page) => {
    await give(page, { photo: files.photo });
    let downloads = 0;
    page.on('download', () => { downloads++; });
    const begin = async () => {
      await page.click('#download');
      await page.waitForSelector('#save-work:not([hidden])');
    };
    const goOn = () => page.evaluate(() => {
      window.going = setInterval(() => new BroadcastChannel('held').postMessage('go on'), 50);
    });
    const ends = async () => {
      await goOn();
      await page.waitForSelector('#save-work', { state: 'hidden' });
      await page.evaluate(() => clearInterval(window.going));
    };
    await page.click('#save');
    assert.equal(await page.inputValue('#save-side'), 'own', 'as large as the photo, unless one chooses another');
    await begin();
    await page.click('#download'); // a second click begins nothing
    await page.click('#save-stop');
    await ends();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'download');
    await begin();
    await page.keyboard.press('Escape');
    await ends();
    await page.click('#save');
    await begin();
    await page.selectOption('#save-side', 'painted');
    await ends();
    await page.keyboard.press('Escape');
    await goOn();
    await page.click('.pick[data-style=blue-town]');
    await painted(page);
    assert.equal(downloads, 0);
    const { file } = await download(page, 'after-stops.png', undefined, 'own');
    assert.deepEqual(await sizeOf(file), [400, 300]);
    assert.equal(downloads, 1);
    assert.ok(await page.isHidden('#error'));
  });
});

test('what goes wrong while saving is said in the dialog', async () => {
  const prepare = patched('cpu', `
    const { photo } = Engine.prototype;
    Engine.prototype.photo = function (width, height, rgba, size) {
      if (size > 750) throw new Error('memory access out of bounds');
      return photo.call(this, width, height, rgba, size);
    };`);
  await onPage({ query: '?engine=cpu&size=64', prepare, mayComplain: true }, async (page) => {
    await give(page, { photo: files.widePhoto });
    const saved = await download(page, 'save-smaller.png', undefined, 'own');
    assert.deepEqual(await sizeOf(saved.file), [704, 88]);
    await page.click('#save');
    assert.deepEqual(await page.locator('#save-side option').evaluateAll((all) => all.map(({ text }) => text)),
      ['704 × 88, the largest here', '512 × 64', '64 × 8, as shown'], 'what failed is not offered again');
    await page.selectOption('#save-side', 'painted');
    await page.evaluate(() => { HTMLCanvasElement.prototype.toBlob = (done) => done(null); });
    await pick(page, 'format', 'jpeg');
    await page.waitForSelector('#save-error:not([hidden])');
    assert.match(await page.textContent('#save-error'), /^It could not be saved \(.+\)\. Try another format/);
    await page.click('#download');
    await page.waitForSelector('#save-error:not([hidden])');
  });
});

test('that there is not enough memory is said in the dialog', async () => {
  const prepare = patched('cpu', `
    const { stylize } = Engine.prototype;
    Engine.prototype.stylize = async function (content, ...more) {
      if (content.width > 700) throw new Error('memory access out of bounds');
      if (content.width > 400) await new Promise((done) => { setTimeout(done, 500); });
      return stylize.call(this, content, ...more);
    };`);
  await onPage({ query: '?engine=cpu&size=64', prepare, mayComplain: true }, async (page) => {
    await give(page, { photo: files.widePhoto });
    await page.click('#save');
    await page.selectOption('#save-side', 'own');
    const [event] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    await event.delete();
    assert.equal(await page.textContent('#save-error'), 'There is not enough memory for 1600 pixels, so the painting has 512.');
    await page.waitForFunction(() => /^512 × 64 pixels, [\d.]+ MB$/.test(document.getElementById('save-size').textContent));
    assert.ok(await page.isHidden('#error'), 'and not behind it');
  });
});

test('a painting is written as a file once', async () => {
  const prepare = (page) => page.addInitScript(() => {
    window.written = [];
    const { toBlob } = HTMLCanvasElement.prototype;
    HTMLCanvasElement.prototype.toBlob = function (done, type, quality) {
      if (this.width > 1) window.written.push(`${type} ${this.width}`);
      return toBlob.call(this, done, type, quality);
    };
  });
  await onPage({ ...AT_64, prepare, context: { permissions: ['clipboard-read', 'clipboard-write'] } }, async (page) => {
    await give(page, { photo: files.photo });
    await page.waitForSelector('#results .pick');
    await page.click('#copy');
    await page.waitForFunction(() => document.getElementById('status').textContent === 'Copied.');
    await download(page, 'once.png');
    await download(page, 'twice.png');
    await download(page, 'once.jpg', 'jpeg');
    await download(page, 'twice.jpg', 'jpeg');
    const of64 = (await page.evaluate(() => window.written)).filter((one) => one.endsWith(' 64'));
    assert.deepEqual(of64, ['image/png 64', 'image/jpeg 64']);
  });
});

test('the picture and the command go to the clipboard', async () => {
  const context = { permissions: ['clipboard-read', 'clipboard-write'] };
  await onPage({ ...AT_64, context }, async (page) => {
    await give(page, { photo: files.photo });
    await page.click('#copy');
    await page.waitForFunction(() => document.getElementById('status').textContent === 'Copied.');
    const size = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await item.getType('image/png'));
      return [bitmap.width, bitmap.height];
    });
    assert.deepEqual(size, [64, 48]);
    await page.click('#save');
    await page.click('#copy-command');
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('impasto stylize'));
  });
});

test('the command line is also there for PowerShell, which is remembered', async () => {
  await onPage(AT_64, async (page) => {
    const odd = join(folder, 'Jo’s, photo.png');
    await copyFile(files.photo, odd);
    await give(page, { photo: odd });
    await page.click('#save');
    assert.match(await page.textContent('#command'), / 'Jo’s, photo\.png' \\\n/);
    await pick(page, 'shell', 'powershell');
    const text = await page.textContent('#command');
    const begin = "impasto stylize `\n  'Jo’’s, photo.png' `\n  --style starry-impasto `\n";
    // The typographic apostrophe would end the string.
    assert.ok(text.startsWith(begin), text);
    assert.ok(!text.includes('\\'), text);
    await page.keyboard.press('Escape');
    await kept(page);
    await page.reload();
    await painted(page);
    await page.click('#save');
    const again = await page.textContent('#command');
    assert.ok(again.startsWith(begin), again);
  });
  await onPage({ ...AT_64, context: { userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' } }, async (page) => {
    await give(page, { photo: files.photo });
    await page.click('#save');
    assert.match(await page.textContent('#command'), / `\n/, 'on Windows it is what comes first');
  });
});

test('where the browser can share, the painting is shared as a file', async () => {
  const prepare = (page) => page.addInitScript(() => {
    navigator.canShare = ({ files }) => files.length === 1;
    navigator.share = async ({ files: [file] }) => {
      const bitmap = await createImageBitmap(file);
      window.shared = [file.name, file.type, bitmap.width];
    };
  });
  await onPage({ ...AT_64, prepare }, async (page) => {
    await give(page, { photo: files.photo });
    await page.click('#share');
    await page.waitForFunction(() => window.shared);
    assert.deepEqual(await page.evaluate(() => window.shared), ['photo-in-starry-impasto.png', 'image/png', 64]);
  });
});

test('what is to be shared is ready before the click, in any format', async () => {
  const prepare = (page) => page.addInitScript(() => {
    navigator.canShare = () => true;
    navigator.share = async ({ files: [file] }) => { window.shared = file.type; };
  });
  await onPage({ ...AT_64, prepare }, async (page) => {
    await give(page, { photo: files.photo });
    // Within the click: a permission that lasts for a moment would not outlast more.
    const sharedAtOnce = () => page.evaluate(() => {
      window.shared = 'not yet';
      document.getElementById('share').click();
      return window.shared;
    });
    const until = async (type) => {
      for (let n = 0; n < 200; n++) {
        const shared = await sharedAtOnce();
        if (shared === type) return;
        assert.equal(shared, 'not yet');
        // Not by these clicks, which also have it written.
        await page.waitForTimeout(20);
      }
      assert.fail(`${type} was never ready`);
    };
    await page.waitForSelector('#results .pick'); // its file is written
    assert.equal(await sharedAtOnce(), 'image/png');
    await page.click('#save');
    await pick(page, 'format', 'jpeg');
    await page.keyboard.press('Escape');
    await until('image/jpeg');
  });
});

test('the command line makes the same picture', async (t) => {
  await onPage(AT_128, async (page) => {
    // A folder like that of the project: the program, the styles, the visitor's pictures.
    const place = join(folder, 'at home');
    await mkdir(place);
    await symlink(join(root, 'www'), join(place, 'www'));
    await symlink(impasto, join(place, 'impasto'));
    for (const file of [files.tallPhoto, files.style]) await copyFile(file, join(place, file.split('/').at(-1)));
    await give(page, { photo: files.tallPhoto, style: files.style });
    await otherLook(page, 256);
    await page.click('#add-region');
    await page.selectOption('#region-style', 'golden-mosaic');
    await page.focus('#mask');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Space');
    await page.click('#region-done');
    await painted(page);
    const { file } = await download(page, 'by-page.png');
    await page.click('#save');
    const text = await page.textContent('#command');
    t.diagnostic(text.replaceAll(' \\\n  ', ' '));
    const [mask] = await Promise.all([page.waitForEvent('download'), page.click('#save-masks')]);
    await mask.saveAs(join(place, mask.suggestedFilename()));
    await run('/bin/sh', ['-c', text.replace(/^impasto stylize/, './impasto stylize --device cpu')], { cwd: place });
    await assertAlike(t, file, join(place, 'tall photo-in-style+blue-town.png'));
  });
});

test('the command line finds a sample photo, and a painting that had to be smaller', async () => {
  const prepare = (page) => patched('cpu', `
    const { photo } = Engine.prototype;
    Engine.prototype.photo = function (width, height, rgba, size) {
      if (size > 512) throw new Error('memory access out of bounds');
      return photo.call(this, width, height, rgba, size);
    };`)(page);
  await onPage({ query: '?engine=cpu&size=600', prepare, mayComplain: true }, async (page) => {
    await page.click('.sample >> nth=1');
    await painted(page);
    await page.click('#save');
    const text = await page.textContent('#command');
    assert.match(text, /^impasto stylize \\\s+www\/samples\/coffee\.jpg /);
    assert.match(text, / --size 512 /);
    assert.ok(await page.isHidden('#save-masks'), 'nothing to save for it');
  });
});

test('a pasted photo is saved for the command line', async () => {
  await onPage(AT_64, async (page) => {
    await hand(page, [files.photo], 'paste', 'body');
    await painted(page);
    await page.click('#save');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-masks')]);
    assert.equal(saved.suggestedFilename(), 'photo.png');
    assert.deepEqual(await readFile(await saved.path()), await readFile(files.photo));
  });
});

test('all photos are painted into one ZIP file', async (t) => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: [files.photo, files.tallPhoto, files.photo], style: files.style });
    assert.match(await page.textContent('#batch'), /Paint all 3 photos/);
    const [event] = await Promise.all([page.waitForEvent('download'), page.click('#batch')]);
    assert.equal(event.suggestedFilename(), 'impasto.zip');
    const file = join(folder, 'batch.zip');
    await event.saveAs(file);
    const contents = unzipSync(await readFile(file));
    assert.deepEqual(Object.keys(contents), ['photo-in-style.png', 'tall photo-in-style.png', 'photo-in-style-2.png']);
    const tall = join(folder, 'batch-tall.png');
    await writeFile(tall, contents['tall photo-in-style.png']);
    await assertAlike(t, tall, await native('batch-native.png', files.tallPhoto, '--size', '64', '--style', files.style));
    await page.waitForFunction(() => /Painted 3 photos/.test(document.getElementById('status').textContent));
  });
});

test('a ZIP file is never in memory as a whole', async () => {
  const { ZipFile } = await import('../../www/page/save.js');
  const zip = new ZipFile();
  const bytes = Buffer.alloc(100_000, 'picture');
  let largest = 0;
  const { Blob: Whole } = globalThis;
  globalThis.Blob = class extends Whole {
    constructor(parts, options) {
      for (const part of parts) largest = Math.max(largest, part.byteLength ?? 0);
      super(parts, options);
    }
  };
  try {
    for (let n = 0; n < 20; n++) await zip.add('a.PNG', new Whole([bytes]));
    const file = await zip.finish();
    assert.ok(largest <= 100_000, `a piece of ${largest} bytes`);
    const contents = unzipSync(new Uint8Array(await file.arrayBuffer()));
    assert.deepEqual(Object.keys(contents).slice(0, 3), ['a.PNG', 'a-2.PNG', 'a-3.PNG']);
    assert.equal(Object.keys(contents).length, zip.count);
    assert.ok(bytes.equals(contents['a-20.PNG']));
  } finally {
    globalThis.Blob = Whole;
  }
});

test('a batch can be stopped', async () => {
  await onPage({ query: '?engine=cpu&size=448' }, async (page) => {
    await give(page, { photo: [files.largePhoto, files.largePhoto, files.largePhoto] });
    await page.click('#batch');
    await page.waitForFunction(() => /Painting photo 1 of 3/.test(document.getElementById('work-words').textContent));
    await page.click('#stop');
    await page.waitForFunction(() => document.getElementById('status').textContent === 'Stopped.');
    await page.click('#gallery .pick >> nth=2');
    await painted(page);
  });
});

test('undo and redo go through the looks, and paint nothing twice', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.photo });
    const pressed = () => page.getAttribute('.pick[aria-pressed=true]', 'data-style');
    const first = (await pixels(page)).at(20, 20);
    await page.click('.pick[data-style=flung-colours]');
    await painted(page);
    const second = (await pixels(page)).at(20, 20);
    await move(page, '#strength', 80);
    await move(page, '#strength', 60);
    await slide(page, '#strength', 40);
    await painted(page);
    await page.click('#undo');
    assert.equal(await page.inputValue('#strength'), '100', 'one step for the whole move of a slider');
    await painted(page);
    assert.match(await page.textContent('#status'), /Painted before/);
    assert.deepEqual((await pixels(page)).at(20, 20), second);
    await page.keyboard.press('Control+z');
    await painted(page);
    assert.equal(await pressed(), 'starry-impasto');
    assert.deepEqual((await pixels(page)).at(20, 20), first);
    assert.ok(await page.isDisabled('#undo'));
    await page.keyboard.press('Control+Shift+z');
    await page.click('#redo');
    await painted(page);
    assert.equal(await page.inputValue('#strength'), '40');
    assert.ok(await page.isDisabled('#redo'));
    await page.keyboard.press('Control+z');
    await page.click('.pick[data-style=blue-town]');
    assert.ok(await page.isDisabled('#redo'), 'a new look ends the way forward');
  });
});

test('earlier paintings of the visit come back with a click', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.photo });
    const first = (await pixels(page)).at(20, 20);
    await page.click('.pick[data-style=flung-colours]');
    await painted(page);
    await give(page, { photo: files.tallPhoto });
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 3);
    await page.click('#results .pick >> nth=2');
    await painted(page);
    assert.match(await page.textContent('#status'), /Painted before, 64 × 48/);
    assert.deepEqual((await pixels(page)).at(20, 20), first);
    assert.equal(await page.getAttribute('.pick[aria-pressed=true]', 'data-style'), 'starry-impasto');
    assert.equal(await page.getAttribute('#photos .pick >> nth=0', 'aria-current'), 'true');
  });
});
