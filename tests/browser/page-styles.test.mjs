// Finding a style: by its name, by a word, by chance; and dragging it onto the photo.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { files, give, kept, onPage, painted, pick } from './visit.mjs';

const AT_64 = { query: '?engine=cpu&size=64' };

const chosen = (page) => page.locator('#gallery .pick[aria-pressed=true]').evaluateAll((all) => all.map((one) => one.dataset.style));
const visible = (page) => page.locator('#gallery .pick:visible').evaluateAll((all) => all.map((one) => one.dataset.style));
/** What the Tab key finds among the styles. */
const stops = (page) => page.locator('#gallery .pick:visible').evaluateAll((all) =>
  all.flatMap((one) => (one.tabIndex === 0 ? one.dataset.style : [])));

test('each style has its name below it, in one line', async () => {
  for (const [locale, name] of [['en-US', 'Palette-knife sky'], ['zh-CN', '刮刀蓝天']]) {
    for (const width of [360, 768, 1000, 1440]) {
      await onPage({ ...AT_64, context: { locale, viewport: { width, height: 800 } } }, async (page) => {
        const one = page.locator('[data-style=palette-knife-sky]');
        assert.equal(await one.locator('.name').textContent(), name);
        assert.match(await one.getAttribute('title'), new RegExp(`^${name}\n`));
        const lines = await page.locator('#gallery .name').evaluateAll((all) => new Set(all.map((each) => each.offsetHeight)).size);
        assert.equal(lines, 1, 'all are as high');
        const square = await one.locator('img').boundingBox();
        assert.ok(Math.abs(square.width - square.height) < 1);
      });
    }
  }
});

test('styles are found by name in either language, and by what they are; the chosen ones stay chosen', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    const all = (await visible(page)).length;
    const before = await chosen(page);
    const find = async (text, ...found) => {
      await page.fill('#style-search', text);
      assert.deepEqual(await visible(page), found, text);
    };
    await find('NÉON', 'neon-currents');
    await find('霓虹', 'neon-currents');
    await find('woodcut', 'red-sky-woodcut', 'night-woodcut');
    await find('woodcut night', 'night-woodcut');
    assert.equal(await page.textContent('#styles-found'), '1 style found.');
    await find('impasto', 'starry-impasto');
    await find('style', before[0]);
    await find('  night  ', 'night-woodcut');
    assert.deepEqual(await chosen(page), before);
    assert.deepEqual(await stops(page), ['night-woodcut'], 'one stop of the Tab key');
    await page.focus('#style-search');
    await find('xyz');
    assert.equal(await page.textContent('#styles-found'), 'No style is found for “xyz”.');
    await page.click('#language');
    assert.equal(await page.textContent('#styles-found'), '没有找到与“xyz”相符的风格。');
    assert.equal(await page.getAttribute('#style-search', 'placeholder'), '查找风格');
    await page.click('#language');
    await page.focus('#style-search');
    await page.keyboard.press('Escape');
    assert.equal(await page.inputValue('#style-search'), '');
    assert.equal(await page.textContent('#styles-found'), '');
    assert.equal((await visible(page)).length, all);
    assert.deepEqual(await stops(page), before, 'the chosen one is the stop again');
    await find('woodcut', 'red-sky-woodcut', 'night-woodcut');
    await page.focus('[data-style=red-sky-woodcut]');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await painted(page);
    assert.deepEqual(await chosen(page), ['night-woodcut']);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.style), 'night-woodcut');
    // A style that is added is seen.
    await give(page, { style: files.photo });
    assert.equal((await visible(page)).length, all + 1);
  });
});

test('a surprise is another style, or two, and undo brings back what was before', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    const first = await chosen(page);
    await page.click('#surprise');
    assert.match(await page.textContent('#status'), /^Chosen by chance: \w/);
    await painted(page);
    const [one, ...more] = await chosen(page);
    assert.deepEqual(more, []);
    assert.notEqual(one, first[0]);
    await page.click('#surprise');
    await painted(page);
    assert.notEqual((await chosen(page))[0], one);
    await page.click('#undo');
    await page.click('#undo');
    await painted(page);
    assert.deepEqual(await chosen(page), first);
    await pick(page, 'many', 'mix');
    await page.focus('#surprise');
    await page.keyboard.press('Enter');
    await painted(page);
    const two = await chosen(page);
    assert.equal(two.length, 2);
    assert.ok(!two.includes(first[0]));
    assert.deepEqual(await page.locator('#mix output').allTextContents(), ['50 %', '50 %']);
  });
});

test('a style dragged onto the photo is chosen, or added to the mixture', async () => {
  await onPage({ ...AT_64, context: { viewport: { width: 1440, height: 900 } } }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const drag = (style, to) => page.dragAndDrop(`[data-style=${style}]`, to);
    await drag('blue-town', '#view');
    await painted(page);
    assert.deepEqual(await chosen(page), ['blue-town']);
    assert.equal(await page.locator('#photos .pick').count(), 1);
    assert.equal(await page.locator('.target').count(), 0);
    await pick(page, 'many', 'mix');
    await drag('neon-currents', '#view');
    await painted(page);
    assert.deepEqual((await chosen(page)).sort(), ['blue-town', 'neon-currents']);
    await drag('neon-currents', '#view');
    assert.equal((await chosen(page)).length, 2, 'it is not taken out');
    await drag('golden-mosaic', '#strength');
    assert.equal((await chosen(page)).length, 2, 'that is not the photo');
  });
});

test('favourites come first, also at the next visit, by a star or by F', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    const [own, ...bundled] = await visible(page);
    const star = (id) => page.locator(`.tile:has([data-style=${id}]) .star`);
    await page.hover('[data-style=blue-town]');
    await star('blue-town').click();
    const rest = bundled.filter((id) => id !== 'blue-town');
    assert.deepEqual(await visible(page), ['blue-town', own, ...rest]);
    assert.equal(await star('blue-town').getAttribute('aria-pressed'), 'true');
    assert.equal(await star('blue-town').getAttribute('aria-label'), 'The style Blue town among the first');
    assert.equal((await chosen(page))[0], own, 'another order is no other look');

    await page.focus(`[data-style=${rest.at(-1)}]`);
    await page.keyboard.press('f');
    const first = ['blue-town', rest.at(-1)].sort((a, b) => bundled.indexOf(a) - bundled.indexOf(b));
    assert.deepEqual((await visible(page)).slice(0, 3), [...first, own]);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.style), rest.at(-1), 'the focus goes with it');

    await kept(page);
    await page.reload();
    await painted(page);
    await page.waitForSelector(`[data-style=${own}]`);
    assert.deepEqual((await visible(page)).slice(0, 3), [...first, own]);
    await page.focus('[data-style=blue-town]');
    await page.keyboard.press('f');
    assert.deepEqual((await visible(page)).slice(0, 2), [rest.at(-1), own]);
  });
});
