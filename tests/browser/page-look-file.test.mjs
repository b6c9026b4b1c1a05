// A look as a file: what it holds, how it comes back, and that nothing of a damaged or foreign one is used.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { decoded, files, folder, give, hand, onPage, otherLook, painted, pick } from './visit.mjs';

const AT_64 = { query: '?engine=cpu&size=64' };

const look = (page) => page.evaluate(() => ({
  styles: [...document.querySelectorAll('#gallery .pick[aria-pressed=true]')].map((one) => one.ariaLabel),
  weights: [...document.querySelectorAll('#mix:not([hidden]) input')].map((one) => one.value),
  strength: document.getElementById('strength').value,
  colours: document.querySelector('input[name=colours]:checked').value,
  brush: document.getElementById('brush').value,
  size: document.getElementById('size').value,
}));

/** Saves the look, and gives the file and its content. */
async function saved(page, name) {
  await page.click('#save');
  if (name !== undefined) await page.fill('#look-name', name);
  const [event] = await Promise.all([page.waitForEvent('download'), page.click('#save-look')]);
  const suggested = event.suggestedFilename();
  const file = join(folder, suggested);
  await event.saveAs(file);
  await page.keyboard.press('Escape');
  return { file, suggested, content: JSON.parse(await readFile(file, 'utf8')) };
}

/** A look of the page's own styles. */
const WHOLE = {
  format: 'impasto look', version: 1, name: 'Mine', styles: [{ id: 'blue-town', weight: 40 }, { id: 'neon-currents', weight: 60 }],
  strength: 70, colours: 'luminance', brush: 256, size: 64,
};
const written = async (name, content) => {
  const file = join(folder, name);
  await writeFile(file, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return file;
};

test('a look that was saved comes back at another visit, with the styles that are one’s own, and undo takes it back', async () => {
  let first;
  let before;
  let picture;
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    await pick(page, 'many', 'mix');
    await otherLook(page);
    first = await saved(page, 'Evening: blue/gold');
    assert.equal(first.suggested, 'Evening- blue-gold.look.json');
    const { styles, ...rest } = first.content;
    assert.deepEqual(rest, { format: 'impasto look', version: 1, name: 'Evening: blue/gold', strength: 85, colours: 'photo', brush: 640, size: 64 });
    assert.deepEqual(styles.map(({ id, name, weight }) => [id ?? name, weight]), [['style', 50], ['blue-town', 20]]);
    ({ picture } = styles[0]);
    assert.ok(picture.length < 600_000);
    const copy = await decoded(page, await written('copy.png', Buffer.from(picture.split(',')[1], 'base64')));
    assert.deepEqual([copy.width, copy.height], [320, 320]);
    before = await look(page);
  });
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const was = await look(page);
    await page.setInputFiles('#another-file', first.file);
    await page.waitForSelector('#linked:not([hidden])');
    assert.equal(await page.textContent('#linked'), 'This is the look “Evening: blue/gold”, from a file.');
    await painted(page);
    assert.deepEqual(await look(page), before);
    assert.equal(await page.locator('#photos .pick').count(), 1);
    // Saved again it is the same, and opened again it adds no style.
    const again = await saved(page);
    assert.equal(again.suggested, first.suggested);
    assert.deepEqual(again.content, first.content);
    const styles = await page.locator('#gallery .pick').count();
    await page.click('#undo');
    await painted(page);
    assert.deepEqual(await look(page), { ...was, weights: ['50'] }, 'mixing goes on');
    assert.ok(await page.isHidden('#linked'));
    await hand(page, [again.file], 'drop', '#styles');
    await page.waitForSelector('#linked:not([hidden])');
    await painted(page);
    assert.deepEqual(await look(page), before);
    assert.equal(await page.locator('#gallery .pick').count(), styles);
    // It is kept as any style of the visitor's own.
    await page.reload();
    await page.waitForSelector('#gallery .remove');
  });
});

test('a look without a name is called after its styles, in the language of the page', async () => {
  await onPage({ query: `${AT_64.query}&lang=zh` }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('#save');
    const name = await page.getAttribute('#look-name', 'placeholder');
    await page.keyboard.press('Escape');
    const { content, suggested } = await saved(page);
    assert.equal(content.name, name);
    assert.equal(suggested, `${name}.look.json`);
    await hand(page, [await written('mine.look.json', WHOLE)], 'drop', '#stage');
    await page.waitForSelector('#linked:not([hidden])');
    assert.equal(await page.textContent('#linked'), '这是文件里的效果“Mine”。');
  });
});

test('a style that is not known here is left out, with a word', async () => {
  await onPage(AT_64, async (page) => {
    await page.setInputFiles('#photo-file', await written('other.look.json', { ...WHOLE, styles: [{ id: 'nowhere', weight: 40 }, WHOLE.styles[1]] }));
    await page.waitForSelector('#linked:not([hidden])');
    assert.match(await page.textContent('#linked'), /“Mine”, from a file, as far as it can be had here/);
    assert.deepEqual((await look(page)).styles.length, 1);
    assert.equal((await look(page)).strength, '70');
  });
});

test('damaged, foreign and hostile files are refused as a whole, with a message that says why', async () => {
  const picture = `data:image/png;base64,${(await readFile(files.style)).toString('base64')}`;
  const own = (change) => ({ ...WHOLE, styles: [{ name: 'p', weight: 50, picture, ...change }] });
  const whole = JSON.stringify(WHOLE, null, 2);
  const damaged = /^“x\.look\.json” is a look that is damaged or cut off/;
  const foreign = /^“x\.look\.json” is no look that was saved on this page/;
  await onPage(AT_64, async (page) => {
    await page.setInputFiles('#style-file', await written('x.look.json', own({})));
    await page.waitForSelector('#linked:not([hidden])');
    const before = await look(page);
    const styles = await page.locator('#gallery .pick').count();
    for (const [content, told] of [
      ['', /is empty/],
      ['not JSON', foreign],
      ['[1, 2]', foreign],
      ['null', foreign],
      [{ name: 'a package', version: '1.0.0' }, foreign],
      [`${whole}${' '.repeat(9e6)}`, foreign],
      [whole.slice(0, -30), damaged],
      [{ ...WHOLE, version: 2 }, /newer version of this page/],
      [{ ...WHOLE, version: '1' }, damaged],
      [{ ...WHOLE, name: 7 }, damaged],
      [{ ...WHOLE, name: 'a\nb' }, damaged],
      [{ ...WHOLE, name: 'x'.repeat(81) }, damaged],
      [{ ...WHOLE, strength: 101 }, damaged],
      [{ ...WHOLE, strength: '70' }, damaged],
      [{ ...WHOLE, colours: 'red' }, damaged],
      [{ ...WHOLE, size: 1e9 }, damaged],
      [{ ...WHOLE, regions: [] }, damaged],
      [whole.replace('"strength"', '"__proto__"'), damaged],
      [{ ...WHOLE, styles: [] }, damaged],
      [{ ...WHOLE, styles: Array(5).fill(WHOLE.styles[0]) }, damaged],
      [{ ...WHOLE, styles: [{ id: 'blue-town', weight: -1 }] }, damaged],
      [{ ...WHOLE, styles: [{ id: '<b>', weight: 1 }] }, damaged],
      [{ ...WHOLE, styles: [null] }, damaged],
      [own({ picture: 'https://example.com/x.png' }), damaged],
      [own({ picture: 'data:image/svg+xml;base64,PHN2Zy8+' }), damaged],
      [own({ picture: picture.replace('png', 'jpeg') }), damaged],
      [own({ picture: picture.slice(0, 400) }), damaged],
      [own({ picture: `${picture}"` }), damaged],
    ]) {
      await page.setInputFiles('#style-file', await written('x.look.json', content));
      await page.waitForSelector('#error:not([hidden])');
      const says = JSON.stringify(content)?.slice(0, 200);
      assert.match(await page.textContent('#error'), told, says);
      assert.deepEqual(await look(page), before, says);
      assert.equal(await page.locator('#gallery .pick').count(), styles, says);
      // The way back and forth takes the complaint back.
      await page.keyboard.press('Control+z');
      await page.keyboard.press('Control+Shift+z');
      assert.ok(await page.isHidden('#error'));
    }
    await page.click('#language');
    await page.setInputFiles('#style-file', await written('x.look.json', whole.slice(40)));
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /^“x\.look\.json”不是在本页保存的效果/);
  });
});
