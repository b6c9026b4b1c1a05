// A look as a link: what it holds, and what the page takes from one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { files, give, onPage, otherLook, painted, pick } from './visit.mjs';

const CLIPBOARD = { permissions: ['clipboard-read', 'clipboard-write'] };
const AT_64 = '?engine=cpu&size=64';

const copied = async (page) => {
  await page.click('#save');
  const told = await page.textContent('#link-hint');
  await page.click('#copy-link');
  await page.waitForFunction(() => document.getElementById('link-hint').textContent.startsWith('Copied.'));
  await page.keyboard.press('Escape');
  return { link: new URL(await page.evaluate(() => navigator.clipboard.readText())), told };
};
const look = (page) => page.evaluate(() => ({
  styles: [...document.querySelectorAll('#gallery .pick[aria-pressed=true]')].map((one) => one.dataset.style),
  weights: [...document.querySelectorAll('#mix:not([hidden]) input')].map((one) => one.value),
  strength: document.getElementById('strength').value,
  colours: document.querySelector('input[name=colours]:checked').value,
  brush: document.getElementById('brush').value,
  size: document.getElementById('size').value,
}));

test('a copied link brings the look to another visit, and undo brings back the one before', async () => {
  let link;
  let before;
  await onPage({ query: AT_64, context: CLIPBOARD }, async (page) => {
    await give(page, { photo: files.photo });
    await otherLook(page);
    const { link: url, told } = await copied(page);
    assert.match(told, /holds no picture/);
    assert.equal(url.search, '', 'what the address had is not for others');
    ({ hash: link } = url);
    before = await look(page);
  });
  assert.equal(link, '#look=starry-impasto:50,blue-town:20&strength=85&colours=photo&brush=640&size=64');
  await onPage({ query: `?engine=cpu&improve=never${link}` }, async (page) => {
    await page.waitForSelector('#linked:not([hidden])');
    assert.match(await page.textContent('#linked'), /^This is the look of the link that you opened\.$/);
    assert.equal(await page.evaluate(() => location.href), `${page.site}?engine=cpu&improve=never`);
    await give(page, { photo: files.photo });
    assert.deepEqual(await look(page), before);
    assert.ok(await page.isHidden('#linked'));
    // A link that is opened where the page is open already.
    await page.evaluate(() => { location.hash = 'look=neon-currents:50&strength=50'; });
    await page.waitForSelector('#linked:not([hidden])');
    await painted(page);
    assert.deepEqual(await look(page), { ...before, styles: ['neon-currents'], weights: [], strength: '50' });
    assert.equal(await page.evaluate(() => location.hash), '');
    await page.click('#undo');
    await painted(page);
    assert.deepEqual(await look(page), before);
    assert.ok(await page.isHidden('#linked'));
  });
});

test('own styles and regions are left out of the link, and the page says so', async () => {
  await onPage({ query: AT_64, context: CLIPBOARD }, async (page) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    const alone = await copied(page);
    assert.match(alone.told, /Your own styles and your regions stay here/);
    assert.equal(alone.link.hash, '#look=&strength=100&colours=style&brush=384&size=64');
    await pick(page, 'many', 'mix');
    await page.click('.pick[data-style=blue-town]');
    await painted(page);
    const mixed = await copied(page);
    assert.match(mixed.told, /Your own styles/);
    assert.equal(mixed.link.hash, '#look=blue-town:50&strength=100&colours=style&brush=384&size=64');
    await page.click('#undo');
    await pick(page, 'many', 'one');
    await page.click('.pick[data-style=blue-town]');
    await painted(page);
    await page.click('#add-region');
    await page.focus('#mask');
    await page.keyboard.press('Space');
    await page.click('#region-done');
    await painted(page);
    const region = await copied(page);
    assert.match(region.told, /your regions stay here/);
    assert.equal(region.link.hash, mixed.link.hash);
  });
});

test('where the browser does not allow copying, the link is shown', async () => {
  const prepare = (page) => page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'clipboard', { value: { writeText: async () => { throw new Error('no'); } } });
  });
  await onPage({ query: AT_64, prepare }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('#save');
    await page.click('#copy-link');
    await page.waitForSelector('#save-error:not([hidden])');
    assert.match(await page.textContent('#save-error'), /This is the link: http.*#look=starry-impasto:50&strength=100/);
  });
});

test('foreign and damaged values of a link are left out, with a word', async () => {
  const usual = { styles: ['starry-impasto'], weights: [], strength: '100', colours: 'style', brush: '384', size: '64' };
  for (const [hash, change, told] of [
    ['look=blue-town:50,nowhere:50&strength=70', { styles: ['blue-town'], strength: '70' }, /unknown, or damaged/],
    ['look=blue-town:500&strength=40&toString=1', { strength: '40' }, /unknown, or damaged/],
    ['look=blue-town:50&strength=101&colours=red&brush=1e9&size=9999999&refined=true', { styles: ['blue-town'] }, /unknown, or damaged/],
    ['look=blue-town:1,blue-town:2,neon-currents:0,%00:1,a:b:c&strength=own', { styles: ['blue-town'] }, /unknown, or damaged/],
    ['look=own-1-2:50&strength=%3Cb%3E', {}, /has no look/],
    ['look', {}, /has no look/],
  ]) {
    await onPage({ query: `${AT_64}&improve=never#${hash}` }, async (page) => {
      await page.waitForSelector('#linked:not([hidden])');
      assert.match(await page.textContent('#linked'), told, hash);
      assert.deepEqual(await look(page), { ...usual, ...change }, hash);
      assert.equal(await page.evaluate(() => location.hash), '');
    });
  }
  await onPage({ query: `${AT_64}&improve=never#elsewhere` }, async (page) => {
    assert.ok(await page.isHidden('#linked'));
    assert.equal(await page.evaluate(() => location.hash), '#elsewhere', 'that is no look');
  });
});
