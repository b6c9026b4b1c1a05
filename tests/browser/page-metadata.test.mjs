// What a camera wrote into a photo, in the paintings that the page and the command line save.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import ExifReader from 'exifreader';
import { unzipSync } from 'fflate';

import { metadataOf, withMetadata } from '../../www/page/metadata.js';
import { decoded, download, files, folder, give, impasto, native, onPage, run } from './visit.mjs';

const AT_64 = { query: '?engine=cpu&size=64' };

/**
 * EXIF data as cameras write them, made here byte by byte: of a photo that lies on its side, with a date, a camera, a
 * copyright, a maker's note, a place (also in the XMP data), and a small picture.
 * @param {boolean} little the order of bytes
 */
function exifData(little) {
  const [BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED] = [1, 2, 3, 4, 5, 7];
  const text = (words) => [ASCII, words.length + 1, Buffer.from(`${words}\0`)];
  const numbers = (type, ...values) => {
    const bytes = Buffer.alloc(values.length * (type === SHORT ? 2 : 4));
    for (const [i, value] of values.entries()) {
      if (type === SHORT) bytes[little ? 'writeUInt16LE' : 'writeUInt16BE'](value, 2 * i);
      else bytes[little ? 'writeUInt32LE' : 'writeUInt32BE'](value, 4 * i);
    }
    return [type, type === RATIONAL ? values.length / 2 : values.length, bytes];
  };
  const raw = (type, words) => [type, words.length, Buffer.from(words)];
  const chunks = [];
  let end = 8;
  const put = (bytes) => {
    const at = end;
    chunks.push(bytes, Buffer.alloc(bytes.length % 2));
    end += bytes.length + (bytes.length % 2);
    return at;
  };
  const directory = (fields, next = 0) => {
    const head = Buffer.alloc(2 + 12 * fields.length + 4);
    const [two, four] = little ? ['writeUInt16LE', 'writeUInt32LE'] : ['writeUInt16BE', 'writeUInt32BE'];
    head[two](fields.length, 0);
    for (const [i, [tag, [type, count, bytes]]] of fields.entries()) {
      const at = 2 + 12 * i;
      head[two](tag, at);
      head[two](type, at + 2);
      head[four](count, at + 4);
      if (bytes.length <= 4) bytes.copy(head, at + 8);
      else head[four](put(bytes), at + 8);
    }
    head[four](next, 2 + 12 * fields.length);
    return put(head);
  };
  const exchange = directory([[0x0001, text('R98')]]);
  const photo = directory([
    [0x829a, numbers(RATIONAL, 1, 250)], [0x9003, text('2026:05:01 12:00:00')], [0x927c, raw(UNDEFINED, 'note 52.5N 13.4E')],
    [0xa001, numbers(SHORT, 65535)], [0xa002, numbers(LONG, 4000)], [0xa003, numbers(LONG, 3000)], [0xa005, numbers(LONG, exchange)],
  ]);
  const place = directory([[0x0001, text('N')], [0x0002, numbers(RATIONAL, 52, 1, 31, 1, 12, 1)]]);
  const small = directory([[0x010f, text('of the small picture')]]);
  const image = directory([
    [0x0100, numbers(LONG, 4000)], [0x010f, text('Kamera & Co')], [0x0112, numbers(SHORT, 6)],
    [0x02bc, raw(BYTE, '<exif:GPSLatitude>52,31.2N')], [0x8298, text('(c) Somebody')],
    [0x8769, numbers(LONG, photo)], [0x8825, numbers(LONG, place)],
  ], small);
  const start = Buffer.from(little ? 'II*\0\0\0\0\0' : 'MM\0*\0\0\0\0', 'latin1');
  start[little ? 'writeUInt32LE' : 'writeUInt32BE'](image, 4);
  return Buffer.concat([start, ...chunks]);
}

/** A JPEG file with that before everything else, as cameras have it. */
const asCamera = (jpeg, exif) => {
  const head = Buffer.from('\xff\xe1\0\0Exif\0\0', 'latin1');
  head.writeUInt16BE(head.length - 2 + exif.length, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
};

/** All that another reader finds, by names. */
function tagsOf(bytes) {
  const { exif, gps, thumbnail, ...others } = ExifReader.load(bytes, { expanded: true, includeUnknown: true });
  const found = Object.fromEntries(Object.entries({ ...exif }).filter(([name]) => !/IFD Pointer/.test(name))
    .map(([name, { value }]) => [name, JSON.stringify(value)]));
  return { exif: found, place: gps, thumbnail, xmp: others.xmp };
}

/** Two photos with that, one for each order of bytes, made when first asked for. */
let made;
const photos = () => {
  made ??= Promise.all([['little', true], ['big', false]].map(async ([name, little]) => {
    const plain = await native(`plain-${name}.jpg`, files.photo, '--style', files.style, '--strength', '0');
    const path = join(folder, `camera-${name}.jpg`);
    await writeFile(path, asCamera(await readFile(plain), exifData(little)));
    return [name, path];
  })).then(Object.fromEntries);
  return made;
};

/** Ticks what of the metadata is to be kept, in the dialog. */
async function keep(page, some, place) {
  await page.click('#save');
  await page.waitForSelector('#metadata-field:not([hidden])');
  await page.setChecked('#keep-metadata', some);
  if (some) await page.setChecked('#keep-place', place);
  await page.keyboard.press('Escape');
}

test('page and command line keep the same of what the camera wrote, if asked, in every format', async () => {
  await onPage(AT_64, async (page) => {
    for (const [order, photo] of Object.entries(await photos())) {
      await give(page, { photo });
      for (const [format, ending] of [['png', 'png'], ['jpeg', 'jpg'], ['webp', 'webp']]) {
        for (const [some, place] of [[false, false], [true, false], [true, true]]) {
          await keep(page, some, place);
          const saved = await readFile((await download(page, `kept.${ending}`, format)).file);
          const options = [...(some ? ['--keep-metadata'] : []), ...(place ? ['--keep-place'] : [])];
          const made = await readFile(await native(`kept-native.${ending}`, photo, '--style', files.style, '--size', '64', '--force', ...options));
          const [here, there] = [tagsOf(saved), tagsOf(made)];
          const about = `${order}, ${format}, ${some}, ${place}`;
          assert.deepEqual(here, there, about);
          assert.deepEqual([here.thumbnail, here.xmp], [undefined, undefined], about);
          assert.equal(Boolean(here.place), place, about);
          for (const secret of ['13.4E', 'GPSLatitude>', 'small picture']) assert.ok(!saved.includes(secret), about);
          if (!some) {
            assert.deepEqual(here.exif, {}, about);
            continue;
          }
          assert.equal(here.exif.Copyright, '["(c) Somebody"]', about);
          assert.equal(here.exif.Make, '["Kamera & Co"]', about);
          assert.equal(here.exif.DateTimeOriginal, '["2026:05:01 12:00:00"]', about);
          // It stands upright now: higher than wide.
          assert.deepEqual([here.exif.Orientation, here.exif.PixelXDimension, here.exif.PixelYDimension], ['1', '48', '64'], about);
          const { width, height } = await decoded(page, join(folder, `kept.${ending}`));
          assert.deepEqual([width, height], [48, 64], about);
        }
      }
    }
  });
});

test('what can be kept is offered where there is something, and is in the command line and in the ZIP file', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.photo, style: files.style });
    await page.click('#save');
    await page.waitForFunction(() => document.getElementById('command').textContent.includes('--size'));
    assert.ok(await page.isHidden('#metadata-field'), 'the photo says nothing');
    await page.keyboard.press('Escape');
    await give(page, { photo: (await photos()).little });
    await page.click('#save');
    await page.waitForSelector('#metadata-field:not([hidden])');
    assert.equal(await page.isChecked('#keep-metadata'), false);
    assert.match(await page.textContent('#metadata-hint'), /^Nothing of that is in the painting’s file/);
    assert.ok(await page.isDisabled('#keep-place'));
    assert.doesNotMatch(await page.textContent('#command'), /--keep/);
    await page.check('#keep-metadata');
    await page.waitForSelector('#metadata-hint', { state: 'hidden' });
    assert.equal(await page.isChecked('#keep-place'), false, 'the place is another question');
    assert.match(await page.textContent('#command'), /--keep-metadata \\\s+-o /);
    await page.check('#keep-place');
    await page.waitForFunction(() => /--keep-metadata \\\s+--keep-place \\\s+-o /.test(document.getElementById('command').textContent));
    await page.uncheck('#keep-metadata');
    await page.waitForFunction(() => !document.getElementById('command').textContent.includes('--keep'));
    await page.check('#keep-metadata');
    await page.uncheck('#keep-place');
    await page.keyboard.press('Escape');
    const [event] = await Promise.all([page.waitForEvent('download'), page.click('#batch')]);
    const file = join(folder, 'kept.zip');
    await event.saveAs(file);
    const contents = unzipSync(await readFile(file));
    const [plain, kept] = ['photo-in-style.png', 'camera-little-in-style.png'].map((name) => tagsOf(Buffer.from(contents[name])));
    assert.deepEqual(plain.exif, {});
    assert.equal(kept.exif.Make, '["Kamera & Co"]');
    assert.equal(kept.place, undefined);
  });
});

test('metadata that are damaged anywhere cost nothing but themselves', async () => {
  const whole = await readFile((await photos()).big);
  const end = whole.indexOf('JFIF');
  const kept = await metadataOf(new Blob([whole]));
  assert.ok(kept);
  for (let at = 2; at < end; at++) {
    for (const bytes of [whole.subarray(0, at), Buffer.from(whole)]) {
      if (bytes.length === whole.length) bytes[at] ^= 0x5a;
      const found = await metadataOf(new Blob([bytes]));
      if (found) await withMetadata(new Blob([whole.subarray(0, 2), whole.subarray(end - 6)]), found, { width: 9, height: 9, place: true });
    }
  }
  const none = Buffer.concat([whole.subarray(0, 2), whole.subarray(end - 6)]);
  assert.equal(await metadataOf(new Blob([none])), undefined);
  // The command line reads it on too, where all that is wrong is the metadata.
  const odd = join(folder, 'odd.jpg');
  const cut = Buffer.from(whole);
  cut.fill(0xff, 30, 60);
  await writeFile(odd, cut);
  await run(impasto, ['stylize', odd, '--device', 'cpu', '--style', files.style, '--size', '64', '--keep-metadata', '-o', join(folder, 'odd.png')]);
});
