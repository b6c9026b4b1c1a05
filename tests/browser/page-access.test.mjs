// For everybody: keyboard, screen readers (axe-core), small screens, dark and light, both languages.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { en } from '../../www/page/words-en.js';
import { zh } from '../../www/page/words-zh.js';
import { files, give, kept, onFresh, onPage, painted, pick, root, slide } from './visit.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const AT_64 = '?engine=cpu&size=64';
const NARROW = { width: 360, height: 740 };

async function assertAccessible(page, where) {
  // The page's policy forbids scripts from elsewhere; what the test evaluates is not bound by it.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  assert.deepEqual(found, [], where);
}

/** Nothing sticks out to the right. */
async function assertFits(page, where) {
  const out = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(out <= 0, `${where}: ${out} pixels too wide`);
}

for (const [colorScheme, locale, viewport] of [
  ['light', 'en-US', { width: 1440, height: 900 }],
  ['dark', 'zh-CN', { width: 768, height: 1024 }],
  ['dark', 'en-US', NARROW],
  ['light', 'zh-CN', NARROW],
]) {
  test(`axe-core finds nothing, and all fits: ${colorScheme}, ${locale}, ${viewport.width} pixels wide`, async () => {
    await onPage({ query: AT_64, context: { colorScheme, locale, viewport, reducedMotion: 'reduce' } }, async (page) => {
      const check = async (where) => {
        await assertFits(page, where);
        await assertAccessible(page, where);
      };
      await page.waitForSelector('.sample');
      await check('at the beginning');
      await page.click('#camera');
      await page.waitForFunction(() => !/…$/.test(document.getElementById('camera-words').textContent));
      await check('without a camera');
      await page.keyboard.press('Escape');
      await give(page, { photo: [files.smallPhoto, files.tallPhoto], style: files.style });
      await check('painted');
      for (const text of ['wood', 'no such style']) {
        await page.fill('#style-search', text);
        await check('finding a style');
      }
      await page.fill('#style-search', '');
      const rename = (name) => page.evaluate((to) => {
        const element = document.getElementById('engine-name');
        const was = element.textContent;
        element.textContent = to;
        return was;
      }, name);
      const name = await rename('Loading 100 % of an adapter with a long name');
      await assertFits(page, 'with a long name of the engine');
      await rename(name);
      await page.click('#compare');
      await pick(page, 'many', 'mix');
      await page.click('.pick[data-style=blue-town]');
      await painted(page);
      await check('mixing and comparing');
      await page.click('#add-region');
      await page.keyboard.press('Space');
      await check('painting a region');
      await page.click('#region-done');
      await painted(page);
      await page.click('#save');
      await pick(page, 'format', 'jpeg');
      await check('saving');
      await page.keyboard.press('Escape');
      await page.click('#afresh');
      await check('before all is removed');
      await page.keyboard.press('Escape');
      await kept(page);
      await page.click('#engine');
      await check('about');
      await page.keyboard.press('Escape');
      await page.setInputFiles('#another-file', files.text);
      await page.waitForSelector('#error:not([hidden])');
      await check('a complaint');
    });
  });
}

test('axe-core finds nothing on the self-test page, and all fits', async () => {
  for (const [colorScheme, locale] of [['light', 'en-US'], ['dark', 'zh-CN']]) {
    await onFresh({ context: { colorScheme, locale, viewport: NARROW } }, async (page) => {
      await page.goto(`${page.site}www/self-test.html`);
      await page.waitForSelector('html[data-done]');
      await assertFits(page, locale);
      await assertAccessible(page, locale);
    });
  }
});

test('everything from the photo to the file works by keyboard', async () => {
  await onPage({ query: AT_64 }, async (page) => {
    await page.waitForSelector('.sample');
    /** Presses Tab until the focus is there, and sees that it shows. */
    const tabTo = async (selector) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        const found = await page.evaluate((wanted) => {
          const now = document.activeElement;
          if (!now.matches(wanted)) return undefined;
          const shows = (element) => getComputedStyle(element).outlineStyle !== 'none' && Number(getComputedStyle(element).opacity) > 0;
          return shows(now) || [now.parentElement, now.nextElementSibling, now.parentElement.querySelector('.knob')].some((one) => one && shows(one));
        }, selector);
        if (found !== undefined) {
          assert.ok(found, `the focus on ${selector} does not show`);
          return;
        }
      }
      assert.fail(`Tab does not reach ${selector}`);
    };
    /** The toolbar is one stop; arrow keys, Home and End go through it. */
    const toSave = async () => {
      await page.keyboard.press('End');
      assert.equal(await page.evaluate(() => document.activeElement.id), 'save');
    };
    await tabTo('.sample');
    await page.keyboard.press('Enter');
    await painted(page);
    await page.focus('h1 ~ .tools button');
    await tabTo('#compare');
    await page.keyboard.press('Enter');
    await toSave();
    await page.focus('#language');
    await tabTo('#divide');
    await page.keyboard.press('End');
    await tabTo('#style-search');
    await tabTo('#surprise');
    await tabTo('#gallery .pick');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await painted(page);
    assert.equal(await page.getAttribute('#gallery .pick[aria-pressed=true]', 'data-style'),
      await page.evaluate(() => document.activeElement.dataset.style));
    await tabTo('#strength');
    await page.keyboard.press('ArrowLeft');
    await painted(page);
    assert.equal(await page.textContent('#strength-value'), '99 %');
    await tabTo('#brush');
    await tabTo('input[name=colours]');
    await tabTo('#size');
    await tabTo('#add-region');
    await page.focus('#compare');
    await toSave();
    await page.keyboard.press('Enter');
    await tabTo('#download');
    const [event] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.equal(event.suggestedFilename(), 'cat-in-dotted-wood.png');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'save', 'the focus comes back');
  });
});

test('what happens is told to screen readers', async () => {
  await onPage({ query: AT_64 }, async (page) => {
    assert.equal(await page.getAttribute('#status', 'role'), 'status');
    assert.equal(await page.getAttribute('#error', 'role'), 'alert');
    await give(page, { photo: files.smallPhoto });
    assert.equal(await page.getAttribute('#painting', 'aria-label'), 'The painting of small.png');
    await pick(page, 'many', 'mix');
    await page.click('.pick[data-style=blue-town]');
    await slide(page, '#brush', 640);
    const values = await page.locator('#controls .group:not(#film) input[type=range]').evaluateAll((all) => all.map((one) => [one.id, one.ariaValueText]));
    assert.deepEqual(values.slice(0, 4), [
      ['weight-starry-impasto', '50 %'], ['weight-blue-town', '50 %'], ['strength', '100 %'], ['brush', 'broad'],
    ]);
    const names = await page.locator('#gallery .pick').evaluateAll((all) => all.map((one) => one.ariaLabel));
    assert.ok(names.every((name) => name), 'a style without a name');
  });
});

test('with reduced motion nothing moves by itself', async () => {
  await onPage({ query: AT_64, context: { reducedMotion: 'reduce' } }, async (page) => {
    const animation = await page.evaluate(() => {
      document.getElementById('work').hidden = false;
      document.getElementById('progress').classList.add('unknown');
      return getComputedStyle(document.querySelector('#progress span')).animationName;
    });
    assert.equal(animation, 'none');
  });
});

test('the page speaks the language of the browser, and the other one when asked', async () => {
  await onPage({ query: AT_64, context: { locale: 'zh-TW' } }, async (page) => {
    assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN');
    assert.equal(await page.textContent('#invitation h2'), zh.invite);
    await give(page, { photo: files.smallPhoto });
    assert.match(await page.textContent('#status'), /^画好了，64 × 48，用时 .* 秒。$/);
    assert.equal(await page.getAttribute('#gallery .pick', 'aria-label'), '星夜厚涂');
    await page.click('#language');
    assert.match(await page.textContent('#status'), /^Painted 64 × 48 in/);
    assert.equal(await page.getAttribute('#gallery .pick', 'aria-label'), 'Starry impasto');
    await page.reload();
    await page.waitForFunction((text) => document.querySelector('#invitation h2').textContent === text, en.invite);
  });
});

/** The names in braces of a text in all its forms. */
const blanks = (text) => [...new Set(Object.values(typeof text === 'string' ? { text } : text)
  .flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)))].sort();

test('both catalogues say the same things', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  for (const key of Object.keys(en)) {
    assert.deepEqual(blanks(zh[key]), blanks(en[key]), key);
    for (const text of [en[key], zh[key]]) assert.ok(typeof text === 'string' ? text : text.other, key);
  }
});

test('every word of index.html is in the catalogues, and no text is left out of them', async () => {
  const html = await readFile(join(root, 'index.html'), 'utf8');
  const used = [...html.matchAll(/data-(?:words|label)="([^"]+)"/g)].map(([, key]) => key);
  assert.ok(used.length > 40);
  for (const key of used) assert.ok(key in en, key);
  await onPage({ query: AT_64, context: { locale: 'zh-CN' } }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('#save');
    await page.keyboard.press('Escape');
    await page.click('#engine');
    const english = await page.evaluate(() => {
      const texts = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        if (!walker.currentNode.parentElement.closest('noscript, pre, kbd, [lang=en]')) texts.push(walker.currentNode.data.trim());
      }
      for (const element of document.querySelectorAll('[aria-label], [title]')) texts.push(element.ariaLabel, element.title.split('\n')[0]);
      return texts.filter((text) => text && /[a-z]{3}/i.test(text) && !/[\u4e00-\u9fff]/.test(text));
    });
    const names = /^(PNG|JPEG|WebP|WebM|small\.png|ZIP)$/;
    assert.deepEqual(english.filter((text) => !names.test(text)), []);
  });
});

test('the toolbar is one stop of the Tab key; arrow keys go from one tool to the next', async () => {
  await onPage({ query: AT_64 }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    const usable = await page.locator('#toolbar button:visible:enabled').evaluateAll((all) => all.map(({ id }) => id));
    assert.ok(usable.length > 5 && usable[0] !== 'undo', 'nothing is to be undone yet');
    const focused = () => page.evaluate(() => document.activeElement.id);
    const stops = () => page.locator('#toolbar button:visible:enabled').evaluateAll((all) => all.filter(({ tabIndex }) => tabIndex === 0).length);
    assert.equal(await stops(), 1);
    await page.focus(`#${usable[0]}`);
    for (const id of usable.slice(1)) {
      await page.keyboard.press('ArrowRight');
      assert.equal(await focused(), id);
    }
    await page.keyboard.press('Home');
    assert.equal(await focused(), usable[0]);
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await focused(), usable.at(-2));
    assert.equal(await stops(), 1);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.closest('#toolbar')), null);
    // A tool that becomes usable is reached as well.
    await slide(page, '#strength', 50);
    await painted(page);
    await page.focus(`#${usable[0]}`);
    await page.keyboard.press('Home');
    assert.equal(await focused(), 'undo');
  });
});

test('what can be done is said at the first painting, and never again once it is known', async () => {
  await onPage({ query: AT_64 }, async (page) => {
    const shown = () => page.locator('#first-hint').isVisible();
    assert.equal(await shown(), false);
    await give(page, { photo: files.smallPhoto });
    assert.equal(await shown(), true);
    await kept(page);
    await page.reload();
    await painted(page);
    await give(page, { photo: files.tallPhoto });
    assert.equal(await shown(), true, 'a reload is no answer');
    await page.click('#first-hint-done');
    assert.equal(await shown(), false);
    await kept(page);
    await page.reload();
    await painted(page);
    await give(page, { photo: files.smallPhoto });
    assert.equal(await shown(), false);
  });
  await onPage({ query: AT_64 }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await slide(page, '#strength', 50);
    await painted(page);
    assert.equal(await page.locator('#first-hint').isVisible(), false, 'who knows it need not be told');
  });
});
