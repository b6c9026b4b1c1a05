// What comes into the page: photos and styles, by every way.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';

import { meanDifference } from './pictures.mjs';
import { CAMERA, download, files, folder, give, hand, onPage, painted, pixels, root, slide } from './visit.mjs';

const SMALL = { query: '?engine=cpu&size=64' };
const photoNames = (page) => page.locator('#photos .pick').evaluateAll((tiles) => tiles.map((tile) => tile.ariaLabel));

test('a sample photo is one click away from a painting', async () => {
  await onPage(SMALL, async (page) => {
    await page.waitForSelector('.sample');
    assert.ok(await page.locator('.sample').count() >= 3);
    for (const hint of await page.locator('.sample').evaluateAll((all) => all.map((one) => one.title))) {
      assert.match(hint, /\n.*(CC0|public domain)/, 'says where it comes from');
    }
    await page.click('.sample');
    await painted(page);
    assert.match(await page.textContent('#status'), /^Painted 64 × 43 in \d/);
  });
});

test('several photos can be chosen, gone through and removed', async () => {
  await onPage(SMALL, async (page) => {
    await page.setInputFiles('#photo-file', [files.smallPhoto, files.tallPhoto, files.photo]);
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick').length === 3);
    await painted(page);
    assert.deepEqual(await photoNames(page), ['small.png', 'tall photo.png', 'photo.png']);
    assert.equal(await page.getAttribute('#photos .pick >> nth=0', 'aria-current'), 'true');
    await page.click('#photos .pick >> nth=1');
    await painted(page);
    const { width, height } = await pixels(page);
    assert.deepEqual([width, height], [43, 64]);
    await page.hover('#photos .tile >> nth=1');
    await page.click('#photos .remove >> nth=1');
    await painted(page);
    assert.deepEqual(await photoNames(page), ['small.png', 'photo.png']);
    assert.equal(await page.getAttribute('#photos .pick >> nth=1', 'aria-current'), 'true');
    for (const left of [1, 0]) {
      await page.focus('#photos .remove');
      await page.keyboard.press('Enter');
      await page.waitForFunction((n) => document.querySelectorAll('#photos .pick').length === n, left);
    }
    assert.ok(await page.isVisible('#invitation'), 'back at the beginning');
  });
});

test('photos and styles can be dropped and pasted, several at once', async () => {
  await onPage(SMALL, async (page) => {
    const styles = await page.locator('#gallery .pick').count();
    await hand(page, [files.photo, files.tallPhoto], 'drop', '#stage');
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick').length === 2);
    await painted(page);
    await hand(page, [files.style], 'drop', '#gallery');
    await page.waitForFunction((n) => document.querySelectorAll('#gallery .pick').length === n + 1, styles);
    assert.equal(await page.textContent('#style-title'), 'style');
    await painted(page);
    await hand(page, [files.smallPhoto], 'paste', 'body');
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick').length === 3);
    await painted(page);
    assert.equal(await page.getAttribute('#photos .pick >> nth=2', 'aria-current'), 'true');
    // With the focus among the styles, what is pasted is a style.
    await page.focus('#gallery .pick');
    await hand(page, [files.smallPhoto], 'paste', '#gallery .pick');
    await page.waitForFunction((n) => document.querySelectorAll('#gallery .pick').length === n + 2, styles);
    assert.equal(await page.locator('#photos .pick').count(), 3);
  });
});

test('a tuned style is a style wherever it is dropped, is kept, and one for other weights is painted from its picture', async () => {
  const bytes = await readFile(join(root, 'models/tuned/blue-town.style'));
  const names = { good: 'mine.style', other: 'older.style' };
  await writeFile(join(folder, names.good), bytes);
  await writeFile(join(folder, names.other), Buffer.from(bytes.toString('latin1').replace(/"tuned_from":"./, '"tuned_from":"x'), 'latin1'));
  await onPage(SMALL, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const titles = () => page.locator('#gallery .tile:has(.remove) .pick').evaluateAll((all) => all.map((one) => one.ariaLabel));
    await hand(page, [join(folder, names.good)], 'drop', '#stage');
    await page.waitForSelector('#gallery .remove');
    await painted(page);
    assert.deepEqual(await titles(), ['Blue town']);
    assert.equal(await page.locator('#photos .pick').count(), 1);
    const tuned = await download(page, 'own-tuned.png');
    await page.click('#gallery [data-style=blue-town]');
    await painted(page);
    const bundled = await download(page, 'bundled-tuned.png');
    assert.ok(await meanDifference(tuned.file, bundled.file) < 0.5, 'it is the one that comes with the page');
    await give(page, { style: join(folder, names.other) });
    await page.waitForFunction(() => /another version/.test(document.getElementById('error').textContent));
    const untuned = await download(page, 'untuned.png');
    assert.ok(await meanDifference(tuned.file, untuned.file) > 1, 'tuning changes nothing');
    await page.reload();
    // They get their names after their places.
    await page.waitForFunction(() => [...document.querySelectorAll('#gallery .tile:has(.remove) .pick')]
      .filter((one) => one.ariaLabel === 'Blue town').length === 2);
  });
});

test('a style that comes with the page is tuned, and painted from its picture where that does not come', async () => {
  const gone = (page) => page.route('**/models/tuned/**', (route) => route.abort());
  const paintings = [];
  for (const prepare of [undefined, gone]) {
    await onPage({ ...SMALL, prepare, mayComplain: true }, async (page) => {
      await give(page, { photo: files.smallPhoto });
      assert.ok(await page.isHidden('#error'));
      paintings.push(await download(page, `bundled-${paintings.length}.png`));
    });
  }
  assert.ok(await meanDifference(paintings[0].file, paintings[1].file) > 1, 'tuning changes nothing');
});

test('a file that hovers shows where it would go', async () => {
  await onPage(SMALL, async (page) => {
    const hover = (selector) => page.evaluate((where) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'x.png', { type: 'image/png' }));
      document.querySelector(where).dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: data }));
      return [...document.querySelectorAll('.target')].map(({ id }) => id);
    }, selector);
    assert.deepEqual(await hover('#view'), ['stage']);
    assert.deepEqual(await hover('#gallery'), ['styles']);
  });
});

test('the camera takes a photo', async () => {
  await onPage({ ...SMALL, flags: CAMERA, context: { permissions: ['camera'] } }, async (page) => {
    await page.click('#camera');
    await page.waitForSelector('#camera-take:enabled');
    await page.click('#camera-take');
    await painted(page);
    assert.match((await photoNames(page))[0], /^camera-.*\.jpg$/);
    const live = await page.evaluate(() => document.getElementById('camera-video').srcObject);
    assert.equal(live, null, 'the camera is off again');
  });
});

test('the camera takes a style too', async () => {
  await onPage({ ...SMALL, flags: CAMERA, context: { permissions: ['camera'] } }, async (page) => {
    await page.click('#gallery button.add');
    await page.waitForSelector('#camera-take:enabled');
    await page.click('#camera-take');
    await page.waitForSelector('#gallery .tile:has(.remove) .pick[aria-pressed=true]');
    assert.match(await page.textContent('#style-title'), /^camera-/);
  });
});

test('without a camera the page says so', async () => {
  await onPage(SMALL, async (page) => {
    await page.click('#camera');
    await page.waitForFunction(() => /camera/i.test(document.getElementById('camera-words').textContent)
      && !document.getElementById('camera-words').textContent.startsWith('Starting'));
    assert.ok(await page.isDisabled('#camera-take'));
    await page.keyboard.press('Escape');
    assert.ok(await page.isHidden('#camera-dialog'));
  });
});

test('files are what their first bytes say, and what cannot be opened is explained', async () => {
  const file = async (name, bytes) => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };
  const heic = await file('IMG_1.HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'));
  // 17,000 × 17,000 pixels, in a header and nothing else.
  const bomb = Buffer.alloc(64);
  bomb.set(Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'));
  bomb.writeUInt32BE(17000, 16);
  bomb.writeUInt32BE(17000, 20);
  const huge = await file('bomb.png', bomb);
  // 48 × 32, made with Pillow; some sites give AVIF under any name.
  const avif = await file('an avif.jpg', Buffer.from('AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAALgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAMAAAACAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAANm1kYXQSAAoJGBUv+0QENBoQMh9GUeHhiGHnnnmgAADcrAapC/oXu0Kprc1NXMpiN+Aw', 'base64'));
  const bytes = await readFile(avif);
  const claim = bytes.indexOf('ispe') + 8;
  bytes.writeUInt32BE(17000, claim);
  bytes.writeUInt32BE(17000, claim + 4);
  const hugeAvif = await file('bomb.avif', bytes);
  await onPage(SMALL, async (page) => {
    const refused = async (path, reason) => {
      await page.setInputFiles('#photo-file', path);
      await page.waitForFunction((source) => new RegExp(source).test(document.getElementById('error').textContent), reason.source);
    };
    await page.evaluate(() => {
      window.decoded = 0;
      const { createImageBitmap } = window;
      window.createImageBitmap = (...all) => { window.decoded++; return createImageBitmap(...all); };
    });
    await refused(huge, /bomb\.png.*too large/);
    await refused(hugeAvif, /bomb\.avif.*too large/);
    assert.equal(await page.evaluate(() => window.decoded), 0, 'they were measured before they were decoded');
    await refused(heic, /IMG_1\.HEIC.*is a HEIC photo.*Most Compatible/);
    await give(page, { photo: avif });
    await page.click('#save');
    assert.match(await page.textContent('#command'), /'an avif\.png'/, 'the command line cannot read it');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-masks')]);
    assert.equal(saved.suggestedFilename(), 'an avif.png');
    const { width, height, data } = PNG.sync.read(await readFile(await saved.path()));
    assert.deepEqual([width, height], [48, 32]);
    const near = [200, 90, 40].every((value, i) => Math.abs(data[4 * (16 * 48 + 4) + i] - value) < 16);
    assert.ok(near, 'its colours');
  });
});

test('dropped folders give their pictures, and dropped links lead nowhere', async () => {
  await onPage(SMALL, async (page) => {
    const taken = await page.evaluate(() => {
      const data = new DataTransfer();
      data.setData('text/uri-list', 'https://example.org/');
      const events = ['dragover', 'drop'].map((type) => new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
      return events.map((event) => !document.querySelector('#stage').dispatchEvent(event));
    });
    assert.deepEqual(taken, [true, true], 'the browser does not follow it');
    // A script cannot make a folder to be dropped: this stands in for one.
    const bytes = (await readFile(files.smallPhoto)).toString('base64');
    await page.evaluate((photo) => {
      const content = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
      const leaf = (name, type) => ({ name, isDirectory: false, file: (done) => done(new File([content], name, { type })) });
      const branch = (name, entries) => ({
        name, isDirectory: true,
        // In portions, as browsers give them.
        createReader: () => ({ readEntries: (done) => done(entries.splice(0, 2)) }),
      });
      const below = branch('below', [leaf('c.png', 'image/png')]);
      const top = branch('holiday', [leaf('b.png', 'image/png'), leaf('notes.txt', 'text/plain'), leaf('.hidden.png', 'image/png'), leaf('a.png', 'image/png'), below]);
      DataTransferItem.prototype.webkitGetAsEntry = () => top;
      const data = new DataTransfer();
      data.items.add(new File([content], 'holiday'));
      document.querySelector('#stage').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
    }, bytes);
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick').length === 3);
    await painted(page);
    assert.deepEqual(await photoNames(page), ['a.png', 'b.png', 'c.png']);
  });
});

test('a photo that lies on its side in the file stands upright', async () => {
  await onPage(SMALL, async (page) => {
    const plain = Buffer.from(await page.evaluate(async () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 90, height: 60 });
      canvas.getContext('2d').fillRect(0, 0, 45, 60);
      return canvas.toDataURL('image/jpeg').split(',')[1];
    }), 'base64');
    // EXIF, big-endian: one entry, orientation (0x0112) = 6, a quarter turn.
    const tiff = Buffer.from('4d4d002a00000008000101120003000000010006000000000000', 'hex');
    const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
    const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
    const file = join(folder, 'turned.jpg');
    await writeFile(file, Buffer.concat([plain.subarray(0, 2), head, exif, plain.subarray(2)]));
    await give(page, { photo: file });
    const { width, height } = await pixels(page);
    assert.deepEqual([width, height], [43, 64]);
  });
});

test('a drawing without pixels is a photo too', async () => {
  await onPage(SMALL, async (page) => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"><rect width="15" height="20" fill="red"/></svg>';
    await page.setInputFiles('#photo-file', { name: 'flag.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) });
    await painted(page);
    assert.deepEqual(await photoNames(page), ['flag.png']);
    const { width, height } = await pixels(page);
    assert.deepEqual([width, height], [64, 43]);
    // The command line cannot read it: the page gives what it drew.
    await page.click('#save');
    const [drawn] = await Promise.all([page.waitForEvent('download'), page.click('#save-masks')]);
    assert.equal(drawn.suggestedFilename(), 'flag.png');
  });
});

test('formats that the command line reads too are given to it as they are', async () => {
  await onPage(SMALL, async (page) => {
    // Two pixels, red and blue, as a BMP.
    const bmp = Buffer.from('424d3e000000000000003600000028000000020000000100000001001800000000000800000000000000000000000000000000000000'
      + '0000ffff00000000', 'hex');
    await page.setInputFiles('#photo-file', { name: 'two.bmp', mimeType: 'image/bmp', buffer: bmp });
    await painted(page);
    assert.deepEqual(await photoNames(page), ['two.bmp']);
    await page.click('#save');
    assert.match(await page.textContent('#command'), /^impasto stylize \\\s+two\.bmp /);
    assert.ok(await page.isHidden('#save-masks'), 'there is nothing to be saved for it');
  });
});

test('files that are no pictures are refused in words, and nothing is lost', async () => {
  await onPage(SMALL, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    for (const [input, file, words] of [
      ['#another-file', files.text, /“notes.txt” is not a picture/],
      ['#another-file', files.empty, /“empty.jpg” is empty/],
      ['#style-file', files.broken, /“broken.png” cannot be read as a picture/],
    ]) {
      await page.setInputFiles(input, file);
      await page.waitForFunction(
        (name) => document.getElementById('error').textContent.includes(name), file.split('/').at(-1));
      assert.match(await page.textContent('#error'), words);
    }
    assert.ok(await page.isVisible('#painting'), 'the painting is still there');
    assert.equal(await page.textContent('#style-title'), 'style');
    await page.click('#gallery .pick >> nth=3');
    await painted(page);
    assert.ok(await page.isHidden('#error'));
  });
});

test('at least 24 styles come with the page, with titles, thumbnails and provenance', async () => {
  await onPage(SMALL, async (page) => {
    const tiles = await page.locator('#gallery .pick').evaluateAll((all) =>
      all.map((one) => ({ label: one.ariaLabel, title: one.title, thumb: one.querySelector('img').src })));
    assert.ok(tiles.length >= 24, `${tiles.length} styles`);
    assert.equal(new Set(tiles.map(({ label }) => label)).size, tiles.length, 'two styles of one name');
    for (const { label, title, thumb } of tiles) {
      assert.match(title, new RegExp(`^${label}\n.*CC0`));
      assert.equal((await page.request.get(thumb)).status(), 200, thumb);
      const picture = thumb.replace('/thumbs/', '/');
      const response = await page.request.get(picture);
      assert.equal(response.status(), 200, picture);
      assert.ok((await response.body()).length < 160_000, `${picture} is large`);
    }
  });
});

test('own styles are kept on the device until removed', async () => {
  await onPage(SMALL, async (page) => {
    await give(page, { photo: files.smallPhoto, style: [files.style, files.photo] });
    const own = () => page.locator('#gallery .tile:has(.remove) .pick').evaluateAll((all) => all.map((one) => one.ariaLabel));
    assert.deepEqual((await own()).sort(), ['photo', 'style']);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('#gallery .remove').length === 2);
    await page.click('#gallery .pick[aria-label=style]');
    await give(page, { photo: files.smallPhoto });
    await page.focus('#gallery .remove[aria-label*="style style"]');
    await page.keyboard.press('Enter');
    await painted(page);
    assert.deepEqual(await own(), ['photo']);
    assert.equal(await page.locator('#gallery .pick[aria-pressed=true]').count(), 1, 'another style took its place');
    await page.click('#engine');
    assert.match(await page.textContent('#kept'), /1 style of your own/);
    await page.click('#forget');
    await page.waitForSelector('#forget', { state: 'hidden' });
    assert.deepEqual(await own(), []);
    await page.reload();
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.deepEqual(await own(), []);
  });
});

test('nothing is stored before the visitor gives something', async () => {
  await onPage(SMALL, async (page) => {
    await page.click('#gallery .pick >> nth=2');
    await slide(page, '#strength', 70);
    await page.click('#engine');
    const stored = await page.evaluate(async () => ({
      databases: (await indexedDB.databases()).length, local: localStorage.length, session: sessionStorage.length, cookies: document.cookie,
    }));
    assert.deepEqual(stored, { databases: 0, local: 0, session: 0, cookies: '' });
  });
});
