// <photo-stylizer>, under a policy without inline styles.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAlike, files, folder, native, onBlank } from './visit.mjs';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';

const html = `<meta http-equiv="Content-Security-Policy" content="default-src 'self' data:; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:">
  <script type="module" src="../www/photo-stylizer.js"></script>
  <photo-stylizer id="one" src="photo.png" style-src="style.png" size="96" engine="cpu" alt="A painted field"></photo-stylizer>`;
const state = (page, selector, wanted) => page.waitForSelector(`${selector}[state=${wanted}]`);

test('the element paints, and follows its attributes and properties', async (t) => {
  await onBlank({ html }, async (page, requests) => {
    await state(page, '#one', 'painted');
    const save = async (name) => {
      const url = await page.evaluate(() => document.querySelector('#one').shadowRoot.querySelector('canvas').toDataURL());
      const file = join(folder, name);
      await writeFile(file, Buffer.from(url.split(',')[1], 'base64'));
      return file;
    };
    const size = ['--size', '96'];
    await assertAlike(t, await save('element.png'), await native('element-native.png', files.photo, '--style', files.style, ...size));
    assert.equal(await page.getByRole('img', { name: 'A painted field' }).count(), 1);

    // Several changes at once are one painting.
    const events = await page.evaluate(() => new Promise((done) => {
      const one = document.querySelector('#one');
      let count = 0;
      one.addEventListener('painted', ({ detail }) => { count++; setTimeout(() => done([count, detail.width]), 300); });
      one.setAttribute('strength', '0.5');
      one.setAttribute('colours', 'photo');
      one.setAttribute('size', '64');
    }));
    assert.deepEqual(events, [1, 64]);
    await assertAlike(t, await save('changed.png'),
      await native('changed-native.png', files.photo, '--style', files.style, '--size', '64', '--strength', '0.5', '--colours', 'photo'));

    const failed = await page.evaluate(() => new Promise((done) => {
      const one = document.querySelector('#one');
      one.addEventListener('failed', ({ detail }) => done(detail.name), { once: true });
      one.photo = new Blob(['nothing']);
    }));
    assert.equal(failed, 'BadPicture');
    assert.match(await page.getByRole('status').textContent(), /could not be painted/);

    // A second element shares the engine; pictures by property, mixed with weights.
    await page.evaluate(async () => {
      const get = async (name) => (await fetch(name)).blob();
      const two = Object.assign(document.createElement('photo-stylizer'), { id: 'two' });
      two.setAttribute('engine', 'cpu');
      two.photo = await createImageBitmap(await get('small.png'));
      two.layers = [{ picture: await get('style.png'), weight: 3 }, { picture: 'small.png', weight: 1 }];
      document.body.append(two);
    });
    await state(page, '#two', 'painted');
    await page.evaluate(() => document.querySelector('#two').setAttribute('refine', '4'));
    const refined = await page.evaluate(() => new Promise((done) => {
      document.querySelector('#two').addEventListener('refined', ({ detail }) => done(detail.width), { once: true });
    }));
    assert.equal(refined, 96);
    assert.equal(await page.getAttribute('#two', 'state'), 'painted');
    await page.evaluate(() => document.querySelector('#two').removeAttribute('refine'));
    await page.evaluate(() => document.querySelector('#two').removeAttribute('alt'));
    await page.evaluate(() => { document.querySelector('#two').layers = []; });
    await state(page, '#two', 'empty');
    assert.equal(requests.filter((url) => url.endsWith('impasto_bg.wasm')).length, 1);
  });
});
