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

/** Where things are, in whole pixels. */
const boxes = (page, selector = 'photo-stylizer') => page.evaluate((which) => {
  const element = document.querySelector(which);
  const round = ({ x, y, width, height }) => ({ x, y, width, height: Math.round(height) });
  const words = element.shadowRoot.querySelector('p');
  return { element: round(element.getBoundingClientRect()), words: round(words.getBoundingClientRect()), said: words.innerText };
}, selector);
/** A page whose engine does not come until `come()` is called. */
const slowEngine = () => {
  let come;
  const there = new Promise((done) => { come = done; });
  return { come, prepare: (page) => page.route('**/engine/cpu/impasto_bg.wasm', async (route) => { await there; await route.continue(); }) };
};
const script = '<script type="module" src="../www/photo-stylizer.js"></script>';

test('the photo is there before the engine is, and keeps its place', async () => {
  const { come, prepare } = slowEngine();
  const html = `<p id="above">Text above</p>${script}
    <photo-stylizer src="photo.png" style-src="style.png" size="96" engine="cpu" alt="A field"></photo-stylizer>`;
  await onBlank({ html, prepare }, async (page) => {
    const shown = page.getByRole('img', { name: 'A field' });
    await page.waitForFunction(() => document.querySelector('photo-stylizer').getBoundingClientRect().width === 400);
    const before = await boxes(page);
    assert.equal(before.element.height, 300);
    assert.equal(await shown.evaluate((image) => image.naturalWidth), 400);
    assert.equal(before.said, 'Loading…');
    assert.ok(before.words.width === 400 && before.words.height < 40, 'a line of words, as wide as the photo');
    const covered = () => page.evaluate(() => document.querySelector('photo-stylizer').shadowRoot.querySelector('canvas').hidden);
    assert.equal(await covered(), true);

    come();
    await state(page, 'photo-stylizer', 'painted');
    const { element } = await boxes(page);
    assert.deepEqual(element, before.element, 'a painting of another size takes the same place');
    assert.equal(await covered(), false);
    assert.equal(await shown.evaluate((canvas) => canvas.width), 96);

    // A photo that is no address.
    await page.evaluate(async () => {
      const one = document.querySelector('photo-stylizer');
      one.photo = await createImageBitmap(await (await fetch('small.png')).blob());
    });
    await page.waitForFunction(() => document.querySelector('photo-stylizer').getBoundingClientRect().width === 96);
    await state(page, 'photo-stylizer', 'painted');
    assert.equal((await boxes(page)).element.height, 72);
  });
});

test('before the photo is there, it has the place that it was given, and words no column', async () => {
  const html = `<p id="above">Text above</p>${script}
    <photo-stylizer id="bare" style-src="style.png"></photo-stylizer>
    <photo-stylizer id="given" style-src="style.png" width="200" height="150"></photo-stylizer>`;
  await onBlank({ html }, async (page) => {
    await page.route('**/never.png', () => {}); // and never an answer
    await page.evaluate(() => { for (const one of document.querySelectorAll('photo-stylizer')) one.setAttribute('src', 'never.png'); });
    await state(page, '#given', 'loading');
    const { element: given } = await boxes(page, '#given');
    assert.deepEqual([given.width, given.height], [200, 150]);
    const { element: bare, words, said } = await boxes(page, '#bare');
    assert.equal(said, 'Loading…');
    assert.ok(words.width > 40 && words.height < 40, `words in a line: ${words.width} × ${words.height}`);
    assert.ok(words.y >= bare.y, 'words are not over the text above');
    assert.deepEqual([words.width, words.height], [bare.width, bare.height]);
  });
});

test('what is set before the element is defined counts, and another alt repaints nothing', async () => {
  const html = '<photo-stylizer engine="cpu" size="64"></photo-stylizer>';
  await onBlank({ html }, async (page) => {
    await page.evaluate(async () => {
      const get = async (name) => (await fetch(name)).blob();
      const one = document.querySelector('photo-stylizer');
      Object.assign(one, { photo: await get('small.png'), layers: [{ picture: await get('style.png') }] });
      window.painted = 0;
      one.addEventListener('painted', () => { window.painted++; });
      await import('../www/photo-stylizer.js');
    });
    await state(page, 'photo-stylizer', 'painted');
    const states = await page.evaluate(async () => {
      const one = document.querySelector('photo-stylizer');
      const seen = [];
      const watch = new MutationObserver(() => seen.push(one.state));
      watch.observe(one, { attributeFilter: ['state'] });
      one.setAttribute('alt', 'A small field');
      one.setAttribute('width', '48');
      await new Promise((done) => { setTimeout(done); });
      const quiet = [...seen];
      one.setAttribute('strength', '0.5');
      await new Promise((done) => { one.addEventListener('painted', done, { once: true }); });
      return { quiet, after: seen.length, painted: window.painted };
    });
    assert.deepEqual(states.quiet, []);
    assert.ok(states.after > 0);
    assert.equal(states.painted, 2);
    assert.equal(await page.getByRole('img', { name: 'A small field' }).count(), 1);
    assert.equal((await boxes(page)).element.width, 48);
  });
});

test('an engine that paints nothing is ended, and another one starts when it is wanted', async () => {
  const html = `${script}
    <photo-stylizer id="one" src="small.png" style-src="style.png" size="64" engine="cpu"></photo-stylizer>
    <photo-stylizer id="two" src="small.png" style-src="style.png" size="64" engine="cpu" strength="0.5"></photo-stylizer>`;
  await onBlank({ html }, async (page, requests) => {
    const loads = () => requests.filter((url) => url.endsWith('impasto_bg.wasm')).length;
    await page.evaluate(() => customElements.whenDefined('photo-stylizer').then((element) => { element.idle = 1; }));
    await state(page, '#one', 'painted');
    await state(page, '#two', 'painted');
    const ended = async () => {
      while (page.workers().length) await new Promise((done) => { setTimeout(done, 20); });
    };
    await ended();
    assert.equal(loads(), 1, 'both shared it');
    const again = (id, strength) => page.evaluate(([id, strength]) => new Promise((done) => {
      const one = document.getElementById(id);
      one.addEventListener('painted', () => done('painted'), { once: true });
      one.addEventListener('failed', ({ detail }) => done(detail.name), { once: true });
      one.setAttribute('strength', strength);
    }), [id, strength]);
    assert.equal(await again('one', '0.7'), 'painted');
    assert.equal(loads(), 2);

    await page.evaluate(() => { customElements.get('photo-stylizer').idle = Infinity; });
    assert.equal(await again('one', '0.8'), 'painted');
    assert.equal(page.workers().length, 1);
    const told = await page.evaluate(() => new Promise((done) => {
      const one = document.getElementById('one');
      one.addEventListener('failed', ({ detail }) => done(detail.name), { once: true });
      one.setAttribute('strength', '0.9');
      setTimeout(() => customElements.get('photo-stylizer').dispose());
    }));
    assert.equal(told, 'AbortError');
    await ended();
    assert.equal(await again('one', '1'), 'painted');
  });
});

test('words of one’s own go into slots', async () => {
  const { come, prepare } = slowEngine();
  const html = `${script}<photo-stylizer src="small.png" style-src="style.png" size="64" engine="cpu">
    <span slot="loading">Einen Augenblick</span><span slot="failed">Das ging nicht</span><b slot="painted">Gemalt</b></photo-stylizer>`;
  await onBlank({ html, prepare }, async (page) => {
    await page.getByText('Einen Augenblick').waitFor();
    assert.equal(await page.getByText('Loading…').isVisible(), false);
    come();
    await page.getByText('Gemalt').waitFor();
    await page.evaluate(() => { document.querySelector('photo-stylizer').photo = new Blob(['nothing']); });
    await page.getByText('Das ging nicht').waitFor();
    assert.equal(await page.getByText('Gemalt').isVisible(), false);
  });
});
