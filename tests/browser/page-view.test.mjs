// Looking at the picture: the photo alone while something is held, and the scale in which it is shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { files, give, onPage, painted, pixels } from './visit.mjs';

const AT_64 = { query: '?engine=cpu&size=64' };

/** What is seen: how much of the painting is cut off, and whether the line is there. */
const seen = (page) => page.evaluate(() => {
  const line = document.querySelector('#divider .line');
  return [document.getElementById('painting').style.clipPath, line.getClientRects().length > 0];
});
const PHOTO = ['inset(0px 0px 0px 100%)', false];
const PAINTING = ['', false];
const BOTH = ['inset(0px 0px 0px 50%)', true];
const sees = async (page, what) => {
  await page.waitForFunction((clip) => document.getElementById('painting').style.clipPath === clip, what[0]);
  assert.deepEqual(await seen(page), what);
};
const middle = async (page, selector) => {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  return [x + width / 2, y + height / 2];
};

test('the photo alone is seen while the compare button is held, and a click still draws the line', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.mouse.move(...await middle(page, '#compare'));
    await page.mouse.down();
    await sees(page, PHOTO);
    await page.mouse.up();
    await sees(page, PAINTING);
    assert.equal(await page.getAttribute('#compare', 'aria-pressed'), 'false', 'that was no click');
    await page.click('#compare');
    await sees(page, BOTH);
    await page.mouse.down();
    await sees(page, PHOTO);
    await page.mouse.move(...await middle(page, '#view'));
    await page.mouse.up();
    await sees(page, BOTH);
    await page.focus('#compare');
    await page.keyboard.press('Enter');
    await sees(page, PAINTING);
    await page.keyboard.press('Space');
    await sees(page, BOTH);
  });
});

test('it ends when the page loses the pointer, the focus, or the window', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.mouse.move(...await middle(page, '#compare'));
    for (const end of [
      () => dispatchEvent(new PointerEvent('pointercancel')),
      () => document.getElementById('compare').blur(),
      () => dispatchEvent(new Event('blur')),
    ]) {
      await page.mouse.down();
      await sees(page, PHOTO);
      await page.evaluate(end);
      await sees(page, PAINTING);
      await page.mouse.up();
      assert.deepEqual(await seen(page), PAINTING);
    }
  });
});

test('a finger holds the compare button too', async () => {
  await onPage({ ...AT_64, context: { hasTouch: true, viewport: { width: 360, height: 740 } } }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const [x, y] = await middle(page, '#compare');
    const session = await page.context().newCDPSession(page);
    const touch = (type, ...touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints });
    await touch('touchStart', { x, y });
    await sees(page, PHOTO);
    // It may slip.
    await touch('touchMove', { x, y: y - 60 });
    assert.deepEqual(await seen(page), PHOTO);
    await touch('touchEnd');
    await sees(page, PAINTING);
    await page.tap('#compare');
    await sees(page, BOTH);
  });
});

test('V shows the photo while it is held, but not where one writes', async () => {
  await onPage(AT_64, async (page) => {
    await page.keyboard.down('v');
    await page.keyboard.up('v');
    await give(page, { photo: files.smallPhoto });
    for (const focus of ['#undo', '#strength', '#view']) {
      await page.locator(focus).focus();
      await page.keyboard.down('v');
      await page.keyboard.down('v'); // as a key does that is held
      await sees(page, PHOTO);
      await page.keyboard.up('v');
      await sees(page, PAINTING);
    }
    await page.keyboard.down('v');
    await page.keyboard.down('Shift');
    await sees(page, PAINTING);
    await page.keyboard.up('Shift');
    await page.keyboard.up('v');
    await page.focus('#size');
    await page.keyboard.down('v');
    assert.deepEqual(await seen(page), PAINTING);
    await page.keyboard.up('v');
    await page.keyboard.down('Control');
    await page.keyboard.down('v');
    assert.deepEqual(await seen(page), PAINTING);
  });
});

for (const deviceScaleFactor of [1, 2]) {
  test(`100 % is one device pixel for each pixel of the picture, with ${deviceScaleFactor} to a pixel of CSS`, async () => {
    await onPage({ query: '?engine=cpu&size=1600', context: { deviceScaleFactor } }, async (page) => {
      await give(page, { photo: files.widePhoto });
      const box = () => page.locator('#sheet').boundingBox();
      const read = async () => Number.parseInt((await page.textContent('#zoom-fit')).replace(',', ''), 10);
      const { width } = await pixels(page);
      assert.equal(width, 1600);
      const whole = await box();
      const fitted = Math.round((100 * whole.width * deviceScaleFactor) / 1600);
      assert.equal(await read(), fitted);
      const name = () => page.getAttribute('#zoom-fit', 'aria-label');
      assert.equal(await name(), `${fitted} %. Show it at 100 %, pixel by pixel`);
      await page.click('#zoom-fit');
      const actual = await box();
      assert.equal(actual.width, 1600 / deviceScaleFactor);
      assert.ok(Number.isInteger(actual.x * deviceScaleFactor), 'it lies between pixels');
      assert.equal(await page.textContent('#zoom-fit'), '100 %');
      assert.equal(await name(), '100 %. Show the whole picture');
      await page.click('#zoom-fit');
      assert.deepEqual(await box(), whole);
      await page.focus('#view');
      await page.keyboard.press('1');
      assert.deepEqual(await box(), actual);
      await page.keyboard.press('0');
      assert.deepEqual(await box(), whole);
      // A double click goes to 100 %, unless the whole picture is as large already.
      await page.mouse.dblclick(...await middle(page, '#view'));
      assert.equal(await read(), deviceScaleFactor === 1 ? 100 : Math.round((250 * whole.width * deviceScaleFactor) / 1600));
      await page.mouse.dblclick(...await middle(page, '#view'));
      assert.deepEqual(await box(), whole);
    });
  });
}

test('the scale is the painting’s, and the photo’s where that is seen; below the fitted size only 100 % leads', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.photo });
    const fitted = async (width) => {
      const sheet = await page.locator('#sheet').boundingBox();
      return `${Math.round((100 * sheet.width) / width).toLocaleString('en')} %`;
    };
    assert.equal(await page.textContent('#zoom-fit'), await fitted(64));
    await page.click('#add-region');
    assert.equal(await page.textContent('#zoom-fit'), await fitted(400));
    await page.click('#region-done');
    await painted(page);
    const whole = await page.locator('#sheet').boundingBox();
    await page.click('#zoom-out');
    assert.deepEqual(await page.locator('#sheet').boundingBox(), whole);
    await page.click('#zoom-fit');
    assert.equal((await page.locator('#sheet').boundingBox()).width, 64);
    await page.click('#zoom-out');
    assert.equal((await page.locator('#sheet').boundingBox()).width, 64);
    await page.click('#zoom-in');
    assert.equal((await page.locator('#sheet').boundingBox()).width, 96);
    await page.click('#zoom-fit');
    assert.deepEqual(await page.locator('#sheet').boundingBox(), whole);
  });
});
