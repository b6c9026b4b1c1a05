// The page can be rendered at any moment, and nothing is lost by it: not the focus, a stroke, what a slider is being
// dragged to, an open menu, what is being typed, or any order. A visit goes the same way whether it is left alone or
// rendered over and over at random moments, also while another engine takes over.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { files, give, onPage, painted, pick, pretendGpu, slide } from './visit.mjs';

/** Random numbers from 0 to 1, the same for the same seed. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * What renders a page at random moments; without a seed, never. Everything that is seen depends on the language: it is
 * switched there and back before the browser draws, so that nothing moves.
 */
async function shaker(page, seed) {
  if (seed === undefined) return async () => {};
  await page.evaluate(([source, seed]) => {
    const next = (0, eval)(`(${source})`)(seed);
    window.renders = 0;
    window.shake = async () => {
      for (let i = 0; i < 2; i++) {
        document.getElementById('language').click();
        await undefined;
        await undefined;
      }
      window.renders++;
    };
    const again = () => {
      window.shake();
      setTimeout(again, 40 + 260 * next());
    };
    again();
  }, [random.toString(), seed]);
  const next = random(seed);
  return async () => {
    for (let n = Math.floor(3 * next()); n > 0; n--) await page.evaluate(() => window.shake());
  };
}

/** Notes which element has the focus. */
const hold = (page) => page.evaluate(() => { window.held = document.activeElement; });
/** Whether it still has it. */
const isHeld = (page) => page.evaluate(() => window.held !== document.body && document.activeElement === window.held);

/** Drags the mouse along points of an element, from 0 to 1, and calls back between its moves. */
async function drag(page, selector, points, between) {
  const seen = [];
  const box = await page.locator(selector).boundingBox();
  for (const [i, [x, y]] of points.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    if (i === 0) await page.mouse.down();
    seen.push(await between());
  }
  await page.mouse.up();
  seen.push(await between());
  return seen;
}

/** Drags a slider, and notes what it says after each move. */
async function dragSlider(page, selector, shake) {
  const y = 0.5;
  await page.locator(selector).scrollIntoViewIfNeeded();
  const at = await page.evaluate((which) => {
    const { value, min, max } = document.querySelector(which);
    return (value - min) / (max - min);
  }, selector);
  const values = await drag(page, selector, [[0.02 + 0.96 * at, y], [0.75, y], [0.55, y], [0.3, y], [0.35, y]], async () => {
    await shake();
    return page.inputValue(selector);
  });
  return { values, focus: await page.evaluate((which) => document.activeElement === document.querySelector(which), selector) };
}

/** What is painted of a region: how many pixels, and a number that is another where others are. */
const mask = (page) => page.evaluate(() => {
  const canvas = document.getElementById('mask');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let [pixels, sum] = [0, 0];
  for (let i = 3; i < data.length; i += 4) {
    if (data[i] > 80) pixels++;
    sum = (31 * sum + data[i]) % 1e9;
  }
  return { pixels, sum };
});

const STROKE = [[0.2, 0.3], [0.3, 0.35], [0.45, 0.4], [0.6, 0.6], [0.5, 0.75], [0.3, 0.7]];

/** Marks what lists hold, and says later whether it is still the same, in the same order. */
const LISTS = ['#gallery', '#photos', '#results', '#mix', '#region-list', '#size', '#region-style'];
const mark = (page) => page.evaluate((lists) => {
  window.marked = lists.map((list) => [...document.querySelector(list).children]);
}, LISTS);
const kept = (page) => page.evaluate((lists) => lists.filter((list, i) => {
  const now = [...document.querySelector(list).children];
  return now.length !== window.marked[i].length || now.some((one, n) => one !== window.marked[i][n]);
}), LISTS);

const order = (page) => page.evaluate(() => ({
  styles: [...document.querySelectorAll('#gallery .pick')].map((one) => one.dataset.style),
  chosen: [...document.querySelectorAll('#gallery .tile[data-order]:not([data-order=""])')].map((one) => one.dataset.order),
  mixed: [...document.querySelectorAll('#mix input')].map((one) => `${one.dataset.style} ${one.value}`),
  photos: [...document.querySelectorAll('#photos .pick')].map((one) => `${one.title} ${one.ariaCurrent}`),
  sizes: [...document.querySelectorAll('#size option')].map((one) => one.value),
  strength: document.getElementById('strength').value,
}));

/** What is done at a visit, by what must not be lost of it. */
const PARTS = {
  async 'the focus on a style, and the click that begins there'(page, shake) {
    const tile = page.locator('.pick[data-style=blue-town]');
    await tile.scrollIntoViewIfNeeded();
    const box = await tile.boundingBox();
    await page.mouse.move(box.x + 20, box.y + 20);
    await page.mouse.down();
    await shake();
    await page.mouse.up();
    await hold(page);
    await shake();
    return [await isHeld(page), await tile.getAttribute('aria-pressed')];
  },
  async 'the order of a mixture, and a weight that is dragged'(page, shake) {
    await pick(page, 'many', 'mix');
    for (const style of ['neon-currents', 'golden-mosaic']) {
      await page.click(`.pick[data-style=${style}]`);
      await shake();
    }
    const dragged = await dragSlider(page, '#weight-neon-currents', shake);
    await page.click('.pick[data-style=golden-mosaic]');
    await page.focus('#weight-blue-town');
    await hold(page);
    await page.keyboard.press('Control+z');
    await shake();
    return [dragged, await order(page), await isHeld(page)];
  },
  async 'a slider that is dragged'(page, shake) {
    return dragSlider(page, '#strength', shake);
  },
  async 'what is typed into the search'(page, shake) {
    await page.focus('#style-search');
    await hold(page);
    const seen = [];
    for (const key of ['t', 'w', 'n', 'ArrowLeft', 'ArrowLeft', 'o']) {
      await page.keyboard.press(key);
      await shake();
      seen.push(await page.evaluate(() => {
        const { value, selectionStart } = document.getElementById('style-search');
        return `${value} ${selectionStart}`;
      }));
    }
    const held = await isHeld(page);
    const found = await page.locator('#gallery .pick:visible').count();
    await page.keyboard.press('Escape');
    return { seen, held, found };
  },
  async 'a menu that is open'(page, shake) {
    await page.focus('#size');
    await hold(page);
    await page.keyboard.press('Space');
    await shake();
    await shake();
    const open = await page.evaluate(() => document.getElementById('size').matches(':open'));
    await page.keyboard.press('ArrowDown');
    await shake();
    await page.keyboard.press('Enter');
    await shake();
    return { open, value: await page.inputValue('#size'), held: await isHeld(page) };
  },
  async 'a stroke'(page, shake) {
    await page.click('#add-region');
    const brush = await dragSlider(page, '#region-brush', shake);
    const before = await mask(page);
    await drag(page, '#mask', STROKE, shake);
    const after = await mask(page);
    return { brush, before: before.pixels, after };
  },
  async 'a stroke that is undone before it ends: the way forth has it'(page, shake) {
    const before = await mask(page);
    const box = await page.locator('#mask').boundingBox();
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.6 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.7 * box.height);
    await shake();
    await page.keyboard.press('Control+z');
    await page.mouse.up();
    await shake();
    const undone = await mask(page);
    await page.keyboard.press('Control+Shift+z');
    await shake();
    const redone = await mask(page);
    await page.keyboard.press('Control+z');
    return { same: undone.sum === before.sum, more: redone.pixels > before.pixels, redone };
  },
  async 'what is chosen for a region, and the way back'(page, shake) {
    await page.selectOption('#region-style', 'golden-mosaic');
    await page.focus('#region-style');
    await hold(page);
    await shake();
    const held = await isHeld(page);
    await page.keyboard.press('Control+z');
    await shake();
    const undone = await page.inputValue('#region-style') !== 'golden-mosaic';
    await page.keyboard.press('Control+Shift+z');
    await shake();
    return { held, undone, style: await page.inputValue('#region-style'), mask: await mask(page) };
  },
  async 'the focus in the list of regions'(page, shake) {
    await page.click('#region-done');
    await page.focus('#region-list li button >> nth=0');
    await hold(page);
    await shake();
    await shake();
    return isHeld(page);
  },
  async 'a photo that comes while a stroke goes on: the stroke stays with its own'(page, shake) {
    await painted(page);
    await page.focus('#region-list li button >> nth=0');
    await page.keyboard.press('Enter');
    const before = await mask(page);
    const box = await page.locator('#mask').boundingBox();
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.2 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.9 * box.width, box.y + 0.3 * box.height);
    await page.setInputFiles('#another-file', files.smallPhoto);
    await page.waitForFunction(() => document.querySelectorAll('#photos .pick')[1]?.ariaCurrent === 'true');
    await shake();
    await page.mouse.up();
    await painted(page);
    await page.click('#photos .pick >> nth=0');
    await page.waitForSelector('#region-list li');
    await page.click('#region-list li button >> nth=0');
    const after = await mask(page);
    await page.click('#region-done');
    await painted(page);
    return { more: after.pixels > before.pixels, after };
  },
  async 'the dialog for saving, with what is chosen there'(page, shake) {
    await page.click('#save');
    await pick(page, 'format', 'jpeg');
    const quality = await dragSlider(page, '#quality', shake);
    await page.focus('#save-side');
    await hold(page);
    await shake();
    const seen = await page.evaluate(() => [
      document.getElementById('save-dialog').open, document.querySelector('input[name=format]:checked').value,
      document.getElementById('save-side').value,
    ]);
    const held = await isHeld(page);
    await page.keyboard.press('Escape');
    return { quality, seen, held };
  },
  async 'the way back and forth, on its buttons'(page, shake) {
    await page.focus('#undo');
    await hold(page);
    const seen = [];
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Enter');
      await shake();
      seen.push(await order(page));
    }
    const held = await isHeld(page);
    await page.focus('#redo');
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Enter');
      await shake();
    }
    await painted(page);
    return { seen, held, end: await order(page) };
  },
  async 'what lists hold'(page, shake) {
    await page.waitForSelector('#results [aria-current=true]');
    await mark(page);
    for (let i = 0; i < 5; i++) await shake();
    return kept(page);
  },
};

/** A visit, with what was seen of each part. */
async function visit(seed) {
  const seen = {};
  await onPage({ query: '?engine=cpu&size=64' }, async (page) => {
    await give(page, { photo: files.photo });
    const shake = await shaker(page, seed);
    for (const [name, part] of Object.entries(PARTS)) {
      seen[name] = await part(page, shake).catch((error) => `${error}`);
    }
    if (seed !== undefined) assert.ok(await page.evaluate(() => window.renders) > 50);
  });
  return seen;
}

test('a visit that is rendered at random moments loses nothing', async (t) => {
  const still = await visit();
  assert.ok(still['a stroke'].after.pixels > 1000);
  const { same, more } = still['a stroke that is undone before it ends: the way forth has it'];
  assert.ok(same && more);
  assert.ok(still['a menu that is open'].open);
  assert.ok(still['a photo that comes while a stroke goes on: the stroke stays with its own'].more);
  assert.deepEqual(still['what lists hold'], []);
  for (const seed of [1, 2]) {
    const shaken = await visit(seed);
    for (const name of Object.keys(PARTS)) {
      await t.test(`${name} (seed ${seed})`, () => assert.deepEqual(shaken[name], still[name]));
    }
  }
});

test('an engine that takes over loses nothing of what the visitor is at', async (t) => {
  const atTakeover = async (begin, use) => {
    let release;
    const prepare = (page) => pretendGpu(page, { ready: new Promise((done) => { release = done; }) });
    await onPage({ query: '', prepare }, async (page) => {
      await page.waitForSelector('#engine[data-kind=cpu]');
      await give(page, { photo: files.widePhoto });
      const takeOver = async () => {
        release();
        await page.waitForSelector('#engine[data-kind=webgpu]');
      };
      await begin(page);
      await use(page, takeOver);
    });
  };
  await t.test('a stroke', () => atTakeover((page) => page.click('#add-region'), async (page, takeOver) => {
    await drag(page, '#mask', [[0.2, 0.5], [0.4, 0.5]], async () => {});
    const first = await mask(page);
    let taken = false;
    await drag(page, '#mask', [[0.6, 0.2], [0.65, 0.8], [0.8, 0.8], [0.8, 0.2]], async () => {
      if (!taken && (taken = true)) await takeOver();
    });
    const both = await mask(page);
    assert.ok(both.pixels > 1.8 * first.pixels);
    await page.keyboard.press('Control+z');
    assert.deepEqual(await mask(page), first, 'it is a step of its own');
    await page.keyboard.press('Control+Shift+z');
    assert.deepEqual(await mask(page), both);
  }));
  await t.test('a menu', () => atTakeover((page) => page.focus('#size'), async (page, takeOver) => {
    await page.keyboard.press('Space');
    await takeOver();
    assert.ok(await page.evaluate(() => document.getElementById('size').matches(':open')));
    await page.keyboard.press('Escape');
    assert.equal(await page.inputValue('#size'), '1280');
  }));
  await t.test('the line between photo and painting, and the focus', () => atTakeover(async (page) => {
    await page.click('#compare');
    await page.focus('#divide');
    await slide(page, '#divide', 20);
    await page.focus('#save');
    await hold(page);
  }, async (page, takeOver) => {
    await takeOver();
    await page.waitForFunction(() => document.getElementById('painting').width === 1280);
    await painted(page);
    assert.equal(await page.inputValue('#divide'), '20');
    assert.ok(await isHeld(page), 'the button that waited has it again');
  }));
});
