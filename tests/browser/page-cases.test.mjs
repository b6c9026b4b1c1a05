// Ordinary pictures with one property each that cameras, phones and other programs give to pictures: page and command
// line make the same of them, and the right thing. Everything is painted at strength 0, which gives the photo back.

import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';

import { meanDifference } from './pictures.mjs';
import { decoded, download, files, folder, give, impasto, native, onPage, painted, pick, root, run, save, slide } from './visit.mjs';

const [WIDTH, HEIGHT] = [400, 300];
const QUERY = { query: '?engine=cpu&size=400' };
const AT_0 = ['--style', 'starry-impasto', '--strength', '0'];

const file = async (name, ...parts) => {
  const path = join(folder, name);
  await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return path;
};
const uint = (value, little) => {
  const bytes = Buffer.alloc(4);
  bytes[little ? 'writeUInt32LE' : 'writeUInt32BE'](value);
  return bytes;
};
/** The photo of the tests in another format, by the command line, which has tests of its own for that. */
const photoAs = async (ending) => readFile(await native(`upright.${ending}`, files.photo, ...AT_0, '--force'));

/** A picture of one colour, or two. @param {(x: number, y: number) => number[]} pixel RGBA */
const plain = (name, pixel, [width, height] = [48, 32]) => save(name, {
  width, height, data: Array.from({ length: width * height }, (_, i) => pixel(i % width, Math.floor(i / width))).flat(),
});
const inDisc = (x, y) => (x - 24) ** 2 + (y - 16) ** 2 < 144;

/** With a chunk behind the header. */
function withChunk(png, name, content) {
  const named = Buffer.concat([Buffer.from(name), content]);
  let sum = -1;
  for (const byte of named) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return Buffer.concat([png.subarray(0, 33), uint(content.length), named, uint(~sum >>> 0), png.subarray(33)]);
}

/** An ICC profile: three primaries and a gamma (Display P3's, nearly). */
function wideProfile() {
  const fixed = (...values) => Buffer.concat(values.map((value) => uint(Math.round(value * 65536) >>> 0)));
  const colour = (...values) => Buffer.concat([Buffer.from('XYZ \0\0\0\0'), fixed(...values)]);
  const curve = Buffer.from('curv\0\0\0\0\0\0\0\x01\x02\x33\0\0', 'latin1');
  const text = Buffer.concat([Buffer.from('desc\0\0\0\0\0\0\0\x05wide\0'), Buffer.alloc(78)]);
  const tags = [
    ['desc', text], ['wtpt', colour(0.9642, 1, 0.8249)],
    ['rXYZ', colour(0.51512, 0.2412, -0.00105)], ['gXYZ', colour(0.29198, 0.69225, 0.04189)], ['bXYZ', colour(0.1571, 0.06657, 0.78407)],
    ['rTRC', curve], ['gTRC', curve], ['bTRC', curve],
  ].map(([tag, value]) => [tag, Buffer.concat([value, Buffer.alloc((4 - (value.length % 4)) % 4)])]);
  let at = 128 + 4 + 12 * tags.length;
  const table = tags.map(([tag, value]) => {
    const entry = Buffer.concat([Buffer.from(tag), uint(at), uint(value.length)]);
    at += value.length;
    return entry;
  });
  const head = Buffer.alloc(128);
  head.writeUInt32BE(at, 0);
  head.writeUInt32BE(0x02100000, 8);
  head.write('mntrRGB XYZ ', 12);
  head.write('acsp', 36);
  fixed(0.9642, 1, 0.8249).copy(head, 68);
  return Buffer.concat([head, uint(tags.length), ...table, ...tags.map(([, value]) => value)]);
}

/** What a camera says of a photo that lies on its side (a quarter turn). */
const TURNED = Buffer.from('4d4d002a00000008000101120003000000010006000000000000', 'hex');

/** An extended WebP file: with flags, and chunks behind the pixels. */
function extendedWebp(webp, flags, [width, height], ...chunks) {
  const header = Buffer.concat([Buffer.from('VP8X'), uint(10, true), Buffer.from([flags, 0, 0, 0]),
    uint(width - 1, true).subarray(0, 3), uint(height - 1, true).subarray(0, 3)]);
  const body = Buffer.concat([Buffer.from('WEBP'), header, webp.subarray(12),
    ...chunks.map(([name, content]) => Buffer.concat([Buffer.from(name), uint(content.length, true), content, Buffer.alloc(content.length % 2)]))]);
  return Buffer.concat([Buffer.from('RIFF'), uint(body.length, true), body]);
}

/** What the page gives back of a photo, as a file. */
async function byPage(page, photo, name, format) {
  await give(page, { photo });
  if (await page.inputValue('#strength') !== '0') {
    await slide(page, '#strength', 0);
    await painted(page);
  }
  return (await download(page, name, format)).file;
}
const rgba = async (path) => PNG.sync.read(await readFile(path));
/** The colour of a pixel, with its opacity. */
const at = ({ width, data }, x, y) => [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4)];
const near = (found, expected, by, about) =>
  assert.ok(expected.every((value, i) => Math.abs(value - found[i]) <= by), `${about}: ${found}, not ${expected}`);

test('page and command line read the same of ordinary pictures', async (t) => {
  const jpeg = await photoAs('jpg');
  const webp = await photoAs('webp');
  const turned = [HEIGHT, WIDTH];
  const promised = (flags) => extendedWebp(webp, flags, [WIDTH, HEIGHT]);
  const side = (block) => extendedWebp(webp, 0x08, [WIDTH, HEIGHT], ['EXIF', block]);
  const cases = {
    'upright.jpg': [await file('upright.jpg', jpeg), [WIDTH, HEIGHT]],
    'no-end-marker.jpg': [await file('no-end-marker.jpg', jpeg.subarray(0, -2)), [WIDTH, HEIGHT]],
    'trailer.jpg': [await file('trailer.jpg', jpeg.subarray(0, -2), 'SEFH', Buffer.alloc(40), 'SEFT'), [WIDTH, HEIGHT]],
    'one-scan-a-component.jpg': [join(root, 'tests/data/scan-a-component.jpg'), [32, 16]],
    'turned.webp': [await file('turned.webp', side(TURNED)), turned],
    'turned-prefix.webp': [await file('turned-prefix.webp', side(Buffer.concat([Buffer.from('Exif\0\0'), TURNED]))), turned],
    'promises-exif.webp': [await file('promises-exif.webp', promised(0x08)), [WIDTH, HEIGHT]],
    'promises-xmp.webp': [await file('promises-xmp.webp', promised(0x04)), [WIDTH, HEIGHT]],
  };
  await onPage(QUERY, async (page) => {
    for (const [name, [photo, size]] of Object.entries(cases)) {
      const there = await native(`there-${name}.png`, photo, ...AT_0);
      const { width, height } = await rgba(there);
      assert.deepEqual([width, height], size, name);
      const here = await byPage(page, photo, `here-${name}.png`);
      const apart = await meanDifference(here, there);
      t.diagnostic(`${name}: ${apart.toFixed(2)} of 255`);
      assert.ok(apart < 3, `${name}: ${apart}`);
    }
    const [upright, marker, trailer, promises] = await Promise.all(['upright.jpg', 'no-end-marker.jpg', 'trailer.jpg', 'promises-exif.webp']
      .map((name) => readFile(join(folder, `there-${name}.png`))));
    assert.ok(upright.equals(marker) && upright.equals(trailer), 'every pixel is there');
    assert.ok(await meanDifference(join(folder, 'there-promises-exif.webp.png'), files.photo) < 1, `${promises.length} bytes`);
    // What lacks more is refused, by both.
    const before = await page.locator('#photos .pick').count();
    for (const part of [0.5, 0.9, 0.98]) {
      const name = `cut-${part}.jpg`;
      const cut = await file(name, jpeg.subarray(0, Math.floor(part * jpeg.length)));
      await assert.rejects(run(impasto, ['stylize', cut, ...AT_0, '-o', join(folder, 'x.png')]), /damaged or incomplete/);
      await page.setInputFiles('#another-file', cut);
      await page.waitForFunction((which) => document.getElementById('error').textContent.includes(which), name);
    }
    assert.equal(await page.locator('#photos .pick').count(), before);
  });
});

test('colours of a profile, and of a gamma, are the same in the page', async () => {
  // (234, 51, 35) of Display P3 is the red of sRGB.
  const there = await readFile(await plain('p3.png', (x) => (x < 24 ? [234, 51, 35, 255] : [100, 150, 200, 255])));
  const wide = await file('wide.png', withChunk(there, 'iCCP', Buffer.concat([Buffer.from('wide\0\0'), deflateSync(wideProfile())])));
  const broken = await file('broken-profile.png', withChunk(there, 'iCCP', Buffer.concat([Buffer.from('wide\0\0'), deflateSync(Buffer.from('no profile'))])));
  const grey = await readFile(await plain('grey.png', () => [51, 51, 51, 255]));
  const linear = await file('linear.png', withChunk(grey, 'gAMA', uint(100_000)));
  await onPage(QUERY, async (page) => {
    for (const [photo, left, right] of [
      [wide, [255, 0, 0], [83, 152, 205]], [broken, [234, 51, 35], [100, 150, 200]], [linear, [124, 124, 124], [124, 124, 124]],
    ]) {
      const name = photo.split('/').at(-1);
      const pictures = [await native(`there-${name}`, photo, ...AT_0), await byPage(page, photo, `here-${name}`)];
      for (const [i, picture] of pictures.entries()) {
        const found = await rgba(picture);
        near(at(found, 8, 16), left, 6, `${name}, ${i ? 'page' : 'command line'}`);
        near(at(found, 40, 16), right, 6, `${name}, ${i ? 'page' : 'command line'}`);
      }
    }
  });
});

test('what is transparent in a photo is so in its painting, and is no part of a style', async () => {
  const photo = await plain('disc.png', (x, y) => (inDisc(x, y) ? [200, 30, 26, x < 24 ? 255 : 128] : [9, 9, 9, 0]));
  const style = await plain('style-cut-out.png', (x, y) => (inDisc(x, y) ? [200, 30, 26, 255] : [255, 255, 255, 0]));
  const whole = await plain('style-whole.png', () => [200, 30, 26, 255]);
  await onPage(QUERY, async (page) => {
    await give(page, { photo });
    await slide(page, '#strength', 0);
    await painted(page);
    for (const [format, ending] of [['png', 'png'], ['webp', 'webp']]) {
      const here = (await download(page, `disc-here.${ending}`, format)).file;
      const there = await native(`disc-there.${ending}`, photo, ...AT_0);
      for (const [i, saved] of [here, there].entries()) {
        const { at: pixel } = await decoded(page, saved);
        const about = `${format}, ${i ? 'command line' : 'page'}`;
        assert.equal(pixel(1, 1)[3], 0, about);
        near(pixel(18, 16), [200, 30, 26, 255], 12, about);
        near(pixel(30, 16), [200, 30, 26, 128], 12, about);
      }
    }
    await page.click('#save');
    assert.ok(await page.isHidden('#on-white'));
    await pick(page, 'format', 'jpeg');
    await page.waitForSelector('#on-white:not([hidden])');
    await page.keyboard.press('Escape');
    const jpeg = (await download(page, 'disc.jpg', 'jpeg')).file;
    const white = await rgba(await native('disc-on-white.png', jpeg, ...AT_0));
    near(at(white, 2, 2), [255, 255, 255], 4, 'JPEG');
  });
  await onPage(QUERY, async (page) => {
    const made = {};
    for (const [name, picture] of Object.entries({ cut: style, whole })) {
      await give(page, { photo: files.smallPhoto, style: picture });
      made[name] = [(await download(page, `style-${name}-here.png`)).file,
        await native(`style-${name}-there.png`, files.smallPhoto, '--style', picture)];
    }
    for (const i of [0, 1]) {
      const apart = await meanDifference(made.cut[i], made.whole[i]);
      assert.ok(apart < 12, `${i ? 'command line' : 'page'}: ${apart}`);
    }
  });
});

test('a mask is where it is opaque, or white', async () => {
  const masks = {
    black: await plain('mask-black.png', (x, y) => (inDisc(x, y) ? [255, 255, 255, 255] : [0, 0, 0, 255])),
    clear: await plain('mask-clear.png', (x, y) => [255, 255, 255, inDisc(x, y) ? 255 : 0]),
  };
  const [black, clear] = await Promise.all(Object.entries(masks).map(async ([name, mask]) =>
    readFile(await native(`by-${name}.png`, files.smallPhoto, '--style', files.style, '--mask', `${mask}=1`))));
  assert.ok(black.equals(clear));
});

test('a folder as people have it: pictures are painted, what is none is named', async () => {
  const place = join(folder, 'as people have it');
  await mkdir(place);
  const jpeg = await photoAs('jpg');
  for (const name of ['a.jpg', 'b.jfif', 'c.JPE']) await writeFile(join(place, name), jpeg);
  await copyFile(files.smallPhoto, join(place, 'g.png'));
  await copyFile(join(root, 'tests/data/cut-out.jxl'), join(place, 'i.jxl'));
  await writeFile(join(place, 'h.avif'), 'not read by the command line');
  await writeFile(join(place, '._a.jpg'), '\0\x05\x16\x07');
  const out = join(folder, 'painted');
  const { stdout, stderr } = await run(impasto, ['stylize', place, '--device', 'cpu', '--style', files.style, '--size', '32', '-o', out]);
  assert.match(stdout, /5 of 5 pictures painted/);
  assert.match(stderr, /not read in .*: h\.avif\n/);
});

test('a browser that gives back noise for pixels is found out', async () => {
  const prepare = (page) => page.addInitScript(() => {
    const { getImageData } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.getImageData = function (...all) {
      const found = getImageData.apply(this, all);
      for (let i = 0; i < found.data.length; i++) if (i % 4 < 3) found.data[i] ^= (i * 2654435761) >>> 24;
      return found;
    };
  });
  await onPage({ ...QUERY, prepare }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    assert.match(await page.textContent('#error'), /^This browser changes the pixels/);
  });
  await onPage(QUERY, async (page) => {
    await give(page, { photo: files.smallPhoto });
    assert.ok(await page.isHidden('#error'));
  });
});
