// The main ways through the page, and the element, in Firefox and in WebKit. Chromium has all the other tests.

import assert from 'node:assert/strict';
import { readFile, symlink, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PNG } from 'pngjs';

import { en } from '../../www/page/words-en.js';
import { zh } from '../../www/page/words-zh.js';
import { firefox, until, webkit, whyNoFirefox, whyNoWebKit } from './others.mjs';
import { serve } from './server.mjs';
import { assertAlike, files, native, root, save } from './visit.mjs';

const SIZE = ['--size', '64'];

for (const [name, start, why] of [['Firefox', firefox, await whyNoFirefox()], ['WebKit', webkit, await whyNoWebKit()]]) {
  describe(name, { skip: why }, () => {
    /** @type {import('./others.mjs').Session} */
    let session;
    before(async () => { session = await start(); });
    after(() => session?.close());

    const exists = (selector) => until(session, (which) => Boolean(document.querySelector(which)), selector);
    const painted = () => until(session, () => !document.getElementById('save').disabled);
    const shownStyles = (count) => until(session, (n) => document.querySelectorAll('#gallery .pick[aria-pressed=true]').length === n, count);
    const status = () => session.evaluate(() => document.getElementById('status').textContent);
    const canvas = () => session.evaluate(() => {
      const one = document.getElementById('painting');
      const { width, height } = one;
      return { width, height, data: [...one.getContext('2d').getImageData(0, 0, width, height).data] };
    });
    const pictureOf = async (label, pixels) => save(`${name}-${label}.png`, pixels);
    const slide = (selector, value) => session.evaluate((which, to) => {
      const slider = document.querySelector(which);
      slider.value = to;
      for (const type of ['input', 'change']) slider.dispatchEvent(new Event(type, { bubbles: true }));
    }, selector, String(value));

    async function openPage(url, query = '?engine=cpu&size=64') {
      await session.open(`${url}${query}&improve=never`);
      await exists('#gallery .pick[aria-pressed=true]');
      await session.evaluate(() => {
        window.complaints = [];
        addEventListener('error', ({ message }) => window.complaints.push(message));
        addEventListener('unhandledrejection', ({ reason }) => window.complaints.push(String(reason)));
      });
    }

    /** Runs `use` on the page of a site of its own, so with nothing kept of the test before. */
    async function onPage(use, query) {
      const site = await serve(join(root, 'dist'), { prefix: '/some/where/' });
      try {
        await openPage(site.url, query);
        await use(site);
        assert.deepEqual(await session.evaluate(() => window.complaints), []);
        await session.open('about:blank');
      } finally {
        await site.close();
      }
    }

    async function choose(photo = files.smallPhoto) {
      await session.choose('#photo-file', [photo]);
      await painted();
    }

    test('a photo is chosen and painted in a style of the page, as by the command line', async (t) => {
      t.diagnostic(session.version);
      await onPage(async () => {
        await choose();
        await session.click('.pick[data-style=blue-town]');
        await painted();
        assert.match(await status(), /64 × 48/);
        await assertAlike(t, await pictureOf('chosen', await canvas()), await native(`${name}-chosen-native.png`, files.smallPhoto, '--style', 'blue-town', ...SIZE));
      });
    });

    test('a style picture of one’s own, its strength and the photo’s colours', async (t) => {
      await onPage(async () => {
        await choose();
        await session.choose('#style-file', [files.style]);
        await exists('#gallery .pick[data-style^=own-][aria-pressed=true]');
        await painted();
        await slide('#strength', 60);
        await session.click('label:has(> input[name=colours][value=photo])');
        await painted();
        await assertAlike(t, await pictureOf('own', await canvas()),
          await native(`${name}-own-native.png`, files.smallPhoto, '--style', files.style, '--strength', '0.6', '--colours', 'photo', ...SIZE));
      });
    });

    test('styles are mixed by weight', async (t) => {
      await onPage(async () => {
        await choose();
        await session.click('label:has(> input[name=many][value=mix])');
        const first = await session.evaluate(() => document.querySelector('#gallery .pick[aria-pressed=true]').dataset.style);
        await session.click('.pick[data-style=blue-town]');
        await shownStyles(2);
        await slide('#weight-blue-town', 20);
        await painted();
        await assertAlike(t, await pictureOf('mixed', await canvas()),
          await native(`${name}-mixed-native.png`, files.smallPhoto, '--style', `${first}=50`, '--style', 'blue-town=20', ...SIZE));
      });
    });

    test('a region is painted in another style', async () => {
      await onPage(async () => {
        await choose();
        const before = await canvas();
        await session.click('#add-region');
        await session.evaluate(() => document.getElementById('mask').focus());
        await session.press('ArrowRight');
        await session.press(' ');
        await session.click('#region-done');
        await painted();
        const { data } = await canvas();
        const changed = data.filter((value, i) => Math.abs(value - before.data[i]) > 8).length / data.length;
        assert.ok(changed > 0.005 && changed < 0.6, `${changed} of the painting changed`);
      });
    });

    test('undo and redo, by keys and by buttons', async () => {
      await onPage(async () => {
        await choose();
        const before = await canvas();
        await session.click('.pick[data-style=blue-town]');
        await painted();
        const after = await canvas();
        assert.notDeepEqual(after, before);
        const shows = async (picture) => {
          await painted();
          assert.deepEqual(await canvas(), picture);
        };
        await session.press('z', { ctrl: true });
        await shows(before);
        await session.press('y', { ctrl: true });
        await shows(after);
        await session.click('#undo');
        await shows(before);
        await session.click('#redo');
        await shows(after);
      });
    });

    test('the painting is saved as PNG and as JPEG, named after photo and style', async (t) => {
      await onPage(async () => {
        await choose();
        await session.click('.pick[data-style=blue-town]');
        await painted();
        // What is to be downloaded, in place of the browser's own way of doing it.
        await session.evaluate(() => {
          window.saved = [];
          HTMLAnchorElement.prototype.click = async function () {
            const bytes = new Uint8Array(await (await fetch(this.href)).arrayBuffer());
            window.saved.push([this.download, btoa(String.fromCharCode(...bytes))]);
          };
          // The page's policy lets it fetch from itself only.
          const { createObjectURL } = URL;
          const blobs = new Map();
          URL.createObjectURL = (blob) => { const url = createObjectURL(blob); blobs.set(url, blob); return url; };
          window.fetch = async (url) => new Response(blobs.get(url));
        });
        await session.click('#save');
        await session.evaluate(() => {
          const side = document.getElementById('save-side');
          side.value = 'painted';
          side.dispatchEvent(new Event('change', { bubbles: true }));
        });
        await session.click('#download');
        const [[pngName, png]] = await until(session, () => window.saved.length === 1 && window.saved);
        assert.equal(pngName, 'small-in-blue-town.png');
        const { width, height, data } = PNG.sync.read(Buffer.from(png, 'base64'));
        await assertAlike(t, await pictureOf('saved', { width, height, data }), await pictureOf('shown', await canvas()));
        await session.click('label:has(> input[name=format][value=jpeg])');
        await session.click('#download');
        const [, [jpegName, jpeg]] = await until(session, () => window.saved.length === 2 && window.saved);
        assert.equal(jpegName, 'small-in-blue-town.jpg');
        assert.deepEqual([...Buffer.from(jpeg, 'base64').subarray(0, 3)], [0xff, 0xd8, 0xff]);
      });
    });

    test('without a network it opens and paints', async () => {
      await onPage(async (site) => {
        await choose();
        await until(session, (words) => document.getElementById('offline').textContent === words, en['offline.ready']);
        await site.close();
        await openPage(site.url);
        await painted(); // the visit comes back
        await session.click('.pick[data-style=blue-town]');
        await painted();
        assert.match(await status(), /64 × 48/);
      });
    });

    test('a visit comes back after a reload', async () => {
      await onPage(async (site) => {
        await choose();
        await session.click('.pick[data-style=blue-town]');
        await painted();
        const before = await canvas();
        await until(session, () => dispatchEvent(new Event('beforeunload', { cancelable: true })));
        await openPage(site.url);
        await painted();
        assert.deepEqual(await canvas(), before);
        assert.equal(await session.evaluate(() => document.getElementById('restored').hidden), false);
      });
    });

    test('a file that is no picture is refused in words', async () => {
      await onPage(async () => {
        await session.choose('#photo-file', [files.text]);
        await until(session, () => !document.getElementById('error').hidden);
        assert.match(await session.evaluate(() => document.getElementById('error').textContent), /notes\.txt/);
        await choose();
        assert.equal(await session.evaluate(() => document.getElementById('error').hidden), true);
      });
    });

    test('in Chinese', async () => {
      await onPage(async (site) => {
        await choose();
        await session.click('#language');
        const words = () => session.evaluate(() => [document.documentElement.lang, document.querySelector('#save span').textContent]);
        assert.deepEqual(await words(), ['zh-CN', zh.save]);
        assert.match(await status(), /64 × 48/);
        await openPage(site.url);
        assert.deepEqual(await words(), ['zh-CN', zh.save]);
      });
    });

    test('where no engine is asked for, one is found that paints', async () => {
      await onPage(async () => {
        await choose();
        assert.match(await session.evaluate(() => document.getElementById('engine').dataset.kind), /^(cpu|webgpu)$/);
        assert.match(await status(), /64 × 48/);
      }, '?size=64');
    });

    test('the element paints, and so do the functions', async (t) => {
      // A page of somebody's own, with the files of the site beside it.
      const own = await mkdtemp(join(tmpdir(), 'impasto-own-'));
      for (const part of ['www', 'engine', 'models']) await symlink(join(root, 'dist', part), join(own, part));
      for (const [file, path] of [['photo.png', files.smallPhoto], ['style.png', files.style]]) await writeFile(join(own, file), await readFile(path));
      await writeFile(join(own, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><title>Test</title>
        <script type="module" src="www/photo-stylizer.js"></script>
        <photo-stylizer src="photo.png" style-src="style.png" size="64" engine="cpu" alt="A field"></photo-stylizer>`);
      const site = await serve(own);
      try {
        await session.open(site.url);
        await exists('photo-stylizer[state=painted]');
        const element = await session.evaluate(() => {
          const one = document.querySelector('photo-stylizer');
          const inside = one.shadowRoot.querySelector('canvas');
          const { width, height } = inside;
          const data = [...inside.getContext('2d').getImageData(0, 0, width, height).data];
          return { picture: { width, height, data }, shown: [one.clientWidth, one.clientHeight] };
        });
        assert.deepEqual(element.shown, [96, 72], 'as large as the photo');
        const wanted = await native(`${name}-element-native.png`, files.smallPhoto, '--style', files.style, ...SIZE);
        await assertAlike(t, await pictureOf('element', element.picture), wanted);

        const pixels = await session.evaluate(async () => {
          const { Stylizer } = await import('./www/stylizer.js');
          const get = async (file) => (await fetch(file)).blob();
          const stylizer = await Stylizer.load({ engine: 'cpu' });
          const { ok } = await stylizer.selfTest();
          const style = await stylizer.encodeStyle(await get('style.png'));
          const bitmap = await stylizer.stylizeToBitmap(await get('photo.png'), [{ style }], { size: 64 });
          const { width, height } = bitmap;
          const canvas = Object.assign(document.createElement('canvas'), { width, height });
          canvas.getContext('2d').drawImage(bitmap, 0, 0);
          const ended = await stylizer.stylize(await get('photo.png'), [{ style }], { signal: AbortSignal.abort() }).catch((error) => error.name);
          stylizer.dispose();
          return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data], ended, ok };
        });
        assert.equal(pixels.ok, true, 'the known painting is as it should be');
        assert.equal(pixels.ended, 'AbortError');
        await assertAlike(t, await pictureOf('functions', pixels), wanted);
        await session.open('about:blank');
      } finally {
        await site.close();
        await rm(own, { recursive: true });
      }
    });
  });
}
