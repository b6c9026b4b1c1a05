// A visit outlives a reload and a crash, until the visitor starts afresh; where the browser keeps nothing the page
// works as before, and says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { download, files, give, kept, onPage, otherLook, painted, pixels, slide } from './visit.mjs';

const AT_64 = { query: '?engine=cpu&size=64' };

/** Whether the page warns before one leaves it. */
const warns = (page) => page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));

/** How much is in the stores of visits. */
const stored = (page) => page.evaluate(() => new Promise((done, failed) => {
  const asked = indexedDB.open('impasto-visits');
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => {
    const database = asked.result;
    if (!database.objectStoreNames.length) return done([0, 0]);
    const change = database.transaction(['visits', 'pictures']);
    const counts = ['visits', 'pictures'].map((name) => change.objectStore(name).count());
    change.oncomplete = () => {
      database.close();
      done(counts.map(({ result }) => result));
    };
  };
}));

/** Changes what is stored: `change` gets the store and, one by one, its keys and values. */
const damage = (page, store, change) => page.evaluate(`new Promise((done, failed) => {
  const asked = indexedDB.open('impasto-visits');
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => {
    const database = asked.result;
    const transaction = database.transaction('${store}', 'readwrite');
    transaction.objectStore('${store}').openCursor().onsuccess = ({ target: { result: cursor } }) => {
      if (!cursor) return;
      (${change})(cursor.value, cursor);
      cursor.continue();
    };
    transaction.oncomplete = () => {
      database.close();
      done();
    };
  };
})`);

/** Paints a region in the middle. */
async function region(page) {
  await page.click('#add-region');
  await page.selectOption('#region-style', 'golden-mosaic');
  await page.focus('#mask');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Space');
  await page.click('#region-done');
  await painted(page);
}

test('a reload brings back photos, styles, settings, a region, paintings and the way back', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: [files.photo, files.tallPhoto], style: files.style });
    await page.click('#photos .pick >> nth=1');
    await painted(page);
    await otherLook(page);
    await region(page);
    await page.waitForFunction(() => document.querySelector('#results .pick').ariaCurrent === 'true');
    const look = () => page.evaluate(() => ({
      photos: [...document.querySelectorAll('#photos .pick')].map((one) => `${one.title} ${one.ariaCurrent}`),
      styles: [...document.querySelectorAll('#gallery .pick[aria-pressed=true]')].map((one) => one.title),
      many: document.querySelector('input[name=many]:checked').value,
      weights: [...document.querySelectorAll('#mix output')].map((one) => one.textContent),
      strength: document.getElementById('strength').value,
      brush: document.getElementById('brush').value,
      colours: document.querySelector('input[name=colours]:checked').value,
      size: document.getElementById('size').value,
      regions: [...document.querySelectorAll('#region-list .name')].map((one) => one.textContent),
      results: [...document.querySelectorAll('#results .pick')].map((one) => `${one.title} ${one.ariaCurrent}`),
      command: document.getElementById('command').textContent,
    }));
    const state = async () => {
      await page.click('#save');
      await page.selectOption('#save-side', 'painted');
      await page.keyboard.press('Escape');
      return look();
    };
    const [before, picture] = [await state(), await pixels(page)];
    assert.equal(before.regions.length, 1);
    await kept(page);
    await page.click('#engine');
    assert.match(await page.textContent('#kept-visit'), new RegExp(`photos: 2, paintings: ${before.results.length}, [\\d.]+ MB`));
    await page.reload();
    await painted(page);
    assert.match(await page.textContent('#status'), /^Painted before, 43 × 64/);
    assert.match(await page.textContent('#restored'), /^Your last visit is back/);
    assert.ok(await page.isVisible('#restored'));
    assert.deepEqual(await state(), before);
    const again = await pixels(page);
    for (const at of [[10, 10], [21, 32], [40, 60]]) assert.deepEqual(again.at(...at), picture.at(...at));
    assert.equal(await warns(page), false, 'nothing has changed since');
    // It goes on from there.
    await page.click('#undo');
    await painted(page);
    assert.equal(await page.locator('#region-list li').count(), 0);
    assert.ok(await page.isEnabled('#undo'));
    await page.click('#redo');
    await painted(page);
    assert.equal(await page.locator('#region-list li').count(), 1);
    await give(page, { photo: files.smallPhoto });
    assert.ok(await page.isHidden('#restored'));
    assert.equal(await page.locator('#photos .pick').count(), 3);
    await kept(page);
    await page.reload();
    await painted(page);
    assert.equal(await page.locator('#photos .pick').count(), 3);
  });
});

test('to start afresh removes all of it from the page and the device, but no styles', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: [files.smallPhoto, files.tallPhoto], style: files.style });
    await slide(page, '#strength', 50);
    await painted(page);
    await kept(page);
    assert.notDeepEqual(await stored(page), [0, 0]);
    await page.click('#afresh');
    await page.click('#afresh-dialog button[value=close]');
    assert.equal(await page.locator('#photos .pick').count(), 2, 'not without being asked');
    await page.click('#afresh');
    await page.click('#afresh-yes');
    await page.waitForSelector('#invitation:not([hidden])');
    assert.ok(await page.isHidden('#strips'));
    assert.equal(await page.inputValue('#strength'), '100');
    assert.ok(await page.evaluate(() => document.getElementById('undo').disabled));
    assert.equal(await warns(page), false);
    await page.waitForFunction(async () => (await navigator.locks.query()).held.length <= 1);
    for (let counts = await stored(page); counts.some((count) => count); counts = await stored(page)) await page.waitForTimeout(20);
    await page.reload();
    await page.waitForSelector('#gallery .remove');
    assert.ok(await page.isVisible('#invitation'));
    assert.equal(await page.locator('#photos .pick').count(), 0);
    // And the next visit is kept again.
    await give(page, { photo: files.smallPhoto });
    await kept(page);
    await page.reload();
    await painted(page);
    assert.equal(await page.locator('#photos .pick').count(), 1);
    await page.hover('#photos .tile >> nth=0');
    await page.click('#photos .remove');
    await kept(page);
    for (let counts = await stored(page); counts.some((count) => count); counts = await stored(page)) await page.waitForTimeout(20);
  });
});

test('what is kept stays kept while it is restored, however long that takes', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.waitForSelector('#results .pick');
    await kept(page);
    const before = await stored(page);
    await page.addInitScript(() => {
      const { createImageBitmap } = window;
      window.createImageBitmap = async (...all) => {
        await new Promise((done) => { window.goOn = done; });
        return createImageBitmap(...all);
      };
    });
    await page.reload();
    await page.waitForFunction(() => window.goOn);
    await page.click('.pick[data-style=blue-town]'); // what makes the page render
    await page.waitForTimeout(1500);
    assert.deepEqual(await stored(page), before);
    assert.ok(await page.isVisible('#invitation'));
    await page.evaluate(() => { const go = setInterval(() => window.goOn(), 20); setTimeout(() => clearInterval(go), 20_000); });
    await painted(page);
    assert.equal(await page.locator('#photos .pick').count(), 1);
  });
});

for (const [how, open] of [
  ['refuses', () => { IDBFactory.prototype.open = () => { throw new DOMException('not here', 'SecurityError'); }; }],
  ['never answers', () => { IDBFactory.prototype.open = () => new EventTarget(); }],
  ['fails', () => {
    IDBFactory.prototype.open = () => {
      const request = Object.assign(new EventTarget(), { error: new DOMException('no room', 'QuotaExceededError') });
      setTimeout(() => request.dispatchEvent(new Event('error')));
      return request;
    };
  }],
]) {
  test(`where the database ${how}, all is as before, and the page says that nothing is kept`, async () => {
    await onPage({ ...AT_64, prepare: (page) => page.addInitScript(open) }, async (page) => {
      await give(page, { photo: files.smallPhoto });
      await page.click('.pick[data-style=blue-town]');
      await painted(page);
      await page.click('#engine');
      await page.waitForFunction(() => /^This browser keeps nothing/.test(document.getElementById('kept-visit').textContent));
      await page.keyboard.press('Escape');
      assert.equal(await warns(page), true);
      await download(page, 'unkept.png');
      assert.equal(await warns(page), false, 'it is saved');
      await slide(page, '#strength', 50);
      await painted(page);
      assert.equal(await warns(page), true);
      await page.reload();
      await page.waitForSelector('#gallery .pick[aria-pressed=true]');
      assert.ok(await page.isVisible('#invitation'));
      assert.ok(await page.isHidden('#error'));
      await give(page, { photo: files.smallPhoto });
    });
  });
}

test('what is kept and cannot be read is dropped, and the rest comes back', async () => {
  await onPage(AT_64, async (page) => {
    const again = async (photos) => {
      await page.reload();
      await page.waitForSelector('#gallery .pick[aria-pressed=true]');
      if (photos) await painted(page);
      assert.equal(await page.locator('#photos .pick').count(), photos);
    };
    await give(page, { photo: [files.smallPhoto, files.tallPhoto] });
    await region(page);
    await page.waitForSelector('#results .pick');
    await kept(page);
    // A picture that is none any more, a mask of another size, a painting without its picture.
    await damage(page, 'pictures', (value, cursor) => {
      if (value.name === 'tall photo.png') cursor.update(new File(['?'], 'tall photo.png'));
    });
    await damage(page, 'visits', (value, cursor) => {
      value.looks.now.regions[0].mask.width = 7;
      value.looks.past.push({ styles: 'none' }, null);
      value.results[0].picture = 'x';
      cursor.update(value);
    });
    await again(1);
    assert.match(await page.textContent('#error'), /^1 photo of your last visit could not be read/);
    assert.equal(await page.locator('#region-list li').count(), 0);
    await slide(page, '#strength', 60);
    await painted(page);
    await kept(page);
    await damage(page, 'visits', (value, cursor) => cursor.update({ ...value, looks: { now: { strength: 'much' } } }));
    await again(0);
    await give(page, { photo: files.smallPhoto });
    await kept(page);
    await damage(page, 'visits', (value, cursor) => cursor.update({ id: value.id, format: 99, photos: 'all' }));
    await again(0);
    await give(page, { photo: files.smallPhoto });
    await kept(page);
    assert.deepEqual((await stored(page))[0], 1, 'the foreign one is gone');
    await damage(page, 'pictures', (value, cursor) => cursor.delete());
    await again(0);
    await give(page, { photo: files.smallPhoto });
  });
});

test('each window has its own visit, and what a crash left behind comes back in the next', async () => {
  await onPage(AT_64, async (page) => {
    const context = page.context();
    const url = page.url();
    await give(page, { photo: files.smallPhoto });
    await kept(page);
    const other = await context.newPage();
    await other.goto(url);
    await other.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.ok(await other.isVisible('#invitation'), 'that visit is in use');
    await give(other, { photo: files.tallPhoto });
    await kept(other);
    for (const one of [page, other]) {
      await one.reload();
      await painted(one);
    }
    assert.equal(await page.getAttribute('#photos .pick', 'aria-label'), 'small.png');
    assert.equal(await other.getAttribute('#photos .pick', 'aria-label'), 'tall photo.png');
    const session = await context.newCDPSession(page);
    session.send('Page.crash').catch(() => {});
    await page.waitForEvent('crash');
    const third = await context.newPage();
    await third.goto(url);
    await painted(third);
    assert.equal(await third.getAttribute('#photos .pick', 'aria-label'), 'small.png');
  });
});

test('whoever wants nothing kept has nothing kept', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await kept(page);
    await page.click('#engine');
    await page.uncheck('#keep');
    assert.match(await page.textContent('#kept-visit'), /^Nothing of this visit is kept/);
    for (let counts = await stored(page); counts.some((count) => count); counts = await stored(page)) await page.waitForTimeout(20);
    assert.equal(await warns(page), true);
    await page.keyboard.press('Escape');
    await slide(page, '#strength', 50);
    await painted(page);
    await page.waitForTimeout(1000);
    assert.deepEqual(await stored(page), [0, 0]);
    await page.reload();
    await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    assert.ok(await page.isVisible('#invitation'));
    await give(page, { photo: files.smallPhoto });
    await page.click('#engine');
    assert.equal(await page.isChecked('#keep'), false);
    await page.check('#keep');
    await kept(page);
    assert.match(await page.textContent('#kept-visit'), /^Kept on this device now/);
  });
});

test('as much is kept as there is room for, the photo on the stage first', async () => {
  const prepare = (page) => page.addInitScript(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (value, ...key) {
      if (value instanceof Blob && value.name !== 'tall photo.png') throw new DOMException('full', 'QuotaExceededError');
      return put.call(this, value, ...key);
    };
  });
  await onPage({ ...AT_64, prepare }, async (page) => {
    await give(page, { photo: [files.photo, files.tallPhoto] });
    await page.click('#photos .pick >> nth=1');
    await painted(page);
    await page.click('#engine');
    await page.waitForFunction(() => /^There is not enough room/.test(document.getElementById('kept-visit').textContent));
    await page.keyboard.press('Escape');
    assert.equal(await warns(page), true);
    await page.reload();
    await painted(page);
    assert.deepEqual(await page.locator('#photos .pick').evaluateAll((all) => all.map((one) => one.title)), ['tall photo.png']);
  });
});

test('a visit that broke the page twice is not restored a third time', async () => {
  await onPage(AT_64, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.selectOption('#size', 'own');
    await painted(page);
    await kept(page);
    const after = async (tries) => {
      // The note is written on leaving: a page that crashes leaves what is there.
      await page.addInitScript((n) => { if (n) localStorage.setItem('impasto-restoring', n); else localStorage.removeItem('impasto-restoring'); }, tries);
      await page.reload();
      await page.waitForSelector('#gallery .pick[aria-pressed=true]');
    };
    await after('1');
    await painted(page);
    assert.equal(await page.inputValue('#size'), '64', 'smaller, to be safe');
    await after('2');
    assert.ok(await page.isVisible('#invitation'));
    await after('');
    await painted(page);
  });
});

test('where the browser stores no blobs, as WebKit in private windows, their bytes are kept', async () => {
  const prepare = (page) => page.addInitScript(() => {
    const { put } = IDBObjectStore.prototype;
    window.refused = 0;
    IDBObjectStore.prototype.put = function (value, ...key) {
      if (!(value instanceof Blob)) return put.call(this, value, ...key);
      window.refused++;
      // A request that fails, which ends its transaction.
      put.call(this, 0, ...key);
      const asked = this.add(0, ...key);
      Object.defineProperty(asked, 'error', { value: new DOMException('Error preparing Blob/File data to be stored in object store', 'UnknownError') });
      return asked;
    };
  });
  await onPage({ ...AT_64, prepare }, async (page) => {
    await give(page, { photo: files.photo });
    await slide(page, '#strength', 70);
    await painted(page);
    await kept(page);
    assert.ok(await page.evaluate(() => window.refused) > 0);
    const before = await pixels(page);
    await page.reload();
    await painted(page);
    assert.equal(await page.inputValue('#strength'), '70');
    const after = await pixels(page);
    assert.deepEqual([after.width, after.at(10, 10), after.at(50, 40)], [before.width, before.at(10, 10), before.at(50, 40)]);
    assert.equal(await page.locator('#photos .pick').count(), 1);
  });
});
