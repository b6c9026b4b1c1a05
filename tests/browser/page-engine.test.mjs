// The page and its engines: the same pictures as the command line, honest words about what runs and
// what fails, progress, and stopping.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  assertAlike, download, engineLoads, files, give, hearCalls, move, native, onPage, painted, patched, pixels, pretendGpu,
  slide, TOLD, WEBGPU,
} from './visit.mjs';

test('the CPU engine paints what the command line paints', async (t) => {
  await onPage({ query: '?engine=cpu&size=256' }, async (page, requests) => {
    await give(page, { photo: files.photo, style: files.style });
    t.diagnostic(await page.textContent('#status'));
    const { file } = await download(page, 'cpu.png');
    await assertAlike(t, file, await native('cpu-native.png', files.photo, '--style', files.style, '--size', '256'));
    assert.deepEqual([engineLoads(requests, 'cpu'), engineLoads(requests, 'gpu')], [1, 0]);
    assert.equal(await page.textContent('#engine-name'), 'Processor');
  });
});

test('the WebGPU engine paints what the command line paints', async (t) => {
  await onPage({ query: '?engine=webgpu&size=64', flags: WEBGPU }, async (page, requests) => {
    await give(page, { photo: files.smallPhoto, style: files.style });
    assert.equal(await page.textContent('#error'), '');
    t.diagnostic(await page.textContent('#status'));
    const { file } = await download(page, 'gpu.png');
    await assertAlike(t, file, await native('gpu-native.png', files.smallPhoto, '--style', files.style, '--size', '64'));
    assert.deepEqual([engineLoads(requests, 'cpu'), engineLoads(requests, 'gpu')], [0, 1]);
    assert.match(await page.textContent('#engine-name'), /^Graphics: ./);
  });
});

test('without WebGPU the page says why, what to do, and how long the last picture took', async () => {
  await onPage({ query: '?size=64' }, async (page, requests) => {
    await give(page, { photo: files.smallPhoto });
    assert.equal(engineLoads(requests, 'gpu'), 0);
    await page.click('#engine');
    await page.waitForFunction(() => /WebGPU.*so the processor paints\. [A-Z]/s.test(document.getElementById('why').textContent));
    assert.match(await page.textContent('#about'), /Last picture took[\d.]+ s/);
    assert.match(await page.textContent('#about-dialog'), /sets no cookies/);
  });
});

test('a page that is not secure, and a browser that never answers, are told apart from one without WebGPU', async () => {
  for (const [gpu, secure, reason] of [[false, false, /Open the same address with https/], [true, true, /did not answer, so the processor paints/]]) {
    const prepare = (page) => page.addInitScript(({ gpu, secure }) => {
      Object.defineProperty(navigator, 'gpu', { value: gpu ? { requestAdapter: () => new Promise(() => {}) } : undefined });
      Object.defineProperty(window, 'isSecureContext', { value: secure });
    }, { gpu, secure });
    await onPage({ query: '?size=64', prepare }, async (page) => {
      await give(page, { photo: files.smallPhoto });
      await page.click('#engine');
      await page.waitForFunction((source) => new RegExp(source).test(document.getElementById('why').textContent), reason.source);
    });
  }
});

test('an emulated GPU is passed over for the CPU', async () => {
  await onPage({ query: '', flags: WEBGPU }, async (page, requests) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.click('#engine');
    await page.waitForFunction(() => /only emulated/.test(document.getElementById('why').textContent));
    assert.equal(engineLoads(requests, 'gpu'), 0);
  });
});

test('the CPU paints until the GPU is ready, which then paints larger', async () => {
  let release;
  const prepare = (page) => pretendGpu(page, { ready: new Promise((done) => { release = done; }) });
  await onPage({ query: '', prepare }, async (page, requests) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    await give(page, { photo: files.widePhoto });
    assert.equal((await pixels(page)).width, 768);
    await page.click('#engine');
    assert.match(await page.textContent('#why'), /is being made ready/);
    await page.keyboard.press('Escape');
    release();
    await page.waitForSelector('#engine[data-kind=webgpu]');
    assert.equal(await page.textContent('#engine-name'), 'Graphics: Pretended');
    await page.waitForFunction(() => document.getElementById('painting').width === 1280);
    await painted(page);
    await page.waitForFunction(() => document.querySelectorAll('#results .pick').length === 1);
    assert.ok(await page.isDisabled('#undo'), 'nothing that the visitor did');
    assert.deepEqual([engineLoads(requests, 'cpu'), engineLoads(requests, 'gpu')], [1, 1]);
    assert.equal(requests.filter((url) => url.endsWith('.safetensors')).length, 1);
  });
});

test('a size that the visitor chose stays when the GPU takes over, even within a picture', async () => {
  let release;
  const prepare = async (page) => {
    await pretendGpu(page, { ready: new Promise((done) => { release = done; }) });
    // The CPU never ends a picture of more than a preview.
    await patched('cpu', `
      const { stylize } = Engine.prototype;
      Engine.prototype.stylize = function (photo, ...all) {
        return photo.width > 400 ? new Promise(() => {}) : stylize.call(this, photo, ...all);
      };`)(page);
  };
  await onPage({ query: '?size=512', prepare }, async (page) => {
    await page.setInputFiles('#photo-file', files.widePhoto);
    await page.waitForSelector('#painting:not([hidden])');
    release();
    await painted(page);
    assert.equal((await pixels(page)).width, 512);
    assert.equal(await page.getAttribute('#engine', 'data-kind'), 'webgpu');
  });
});

test('a GPU that turns out not to work leaves the CPU painting, and the page says why', async () => {
  const prepare = (page) => pretendGpu(page, { code: "Engine.create = async () => { throw new Error('no memory'); };" });
  await onPage({ query: '?size=64', prepare }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('#engine');
    await page.waitForFunction(() => document.getElementById('why').textContent.startsWith('WebGPU failed (no memory)'));
    assert.equal(await page.getAttribute('#engine', 'data-kind'), 'cpu');
  });
});

test('a GPU that goes away over a large picture paints a smaller one, and stays', async () => {
  const code = `
    let lose;
    globalThis.GPUAdapter = class {
      async requestDevice() {
        return { lost: new Promise((done) => { lose = () => done({ message: 'gone' }); }) };
      }
    };
    const { create } = Engine;
    Engine.create = async (...all) => {
      await new GPUAdapter().requestDevice();
      return create.apply(Engine, all);
    };
    const { stylize } = Engine.prototype;
    Engine.prototype.stylize = function (photo, ...all) {
      if (photo.width < 600) return stylize.call(this, photo, ...all);
      lose();
      return new Promise(() => {});
    };`;
  await onPage({ query: '', prepare: (page) => pretendGpu(page, { code }) }, async (page, requests) => {
    await page.waitForSelector('#engine[data-kind=webgpu]');
    await give(page, { photo: files.widePhoto });
    assert.match(await page.textContent('#error'), /graphics processor went away over 1280 pixels, so the painting has 576/);
    assert.equal((await pixels(page)).width, 576);
    assert.equal(await page.getAttribute('#engine', 'data-kind'), 'webgpu');
    assert.equal(engineLoads(requests, 'gpu'), 1, 'what is compiled is kept');
    await slide(page, '#strength', 60);
    await painted(page);
    assert.equal((await pixels(page)).width, 576);
  });
});

test('a style and a photo are encoded once, whatever the sliders do', async () => {
  const prepare = async (page) => {
    await hearCalls(page);
    await patched('cpu', TOLD)(page);
  };
  await onPage({ query: '?engine=cpu&size=512', prepare }, async (page) => {
    await give(page, { photo: files.largePhoto, style: files.style });
    await slide(page, '#strength', 90);
    await painted(page);
    // There are two engines, one of them for previews.
    await page.waitForFunction(() => window.calls.filter((call) => call === 'style 384').length === 2);
    await page.waitForTimeout(2000); // whatever an engine was still asked for has been done
    await page.evaluate(() => { window.calls.length = 0; });
    for (const value of [80, 60, 40]) {
      await move(page, '#strength', value);
      await page.waitForFunction((n) => window.calls.length >= n, { 80: 1, 60: 2, 40: 3 }[value]);
    }
    await slide(page, '#strength', 30);
    await painted(page);
    const sliding = await page.evaluate(() => window.calls.splice(0));
    assert.ok(sliding.length >= 4 && sliding.every((call) => call === 'stylize'), `${sliding}`);
    await slide(page, '#brush', 512);
    await painted(page);
    const brush = await page.evaluate(() => window.calls);
    assert.ok(brush.includes('style 512') && !brush.some((call) => call.startsWith('photo')), `${brush}`);
  });
});

test('previews do not wait for a large picture that goes on', async () => {
  const prepare = async (page) => {
    await hearCalls(page);
    await patched('cpu', `${TOLD}
      const { stylize } = Engine.prototype;
      Engine.prototype.stylize = function (photo, ...all) {
        for (const end = Date.now() + 60_000; photo.width > 400 && Date.now() < end;);
        return stylize.call(this, photo, ...all);
      };`)(page);
  };
  await onPage({ query: '?engine=cpu&size=512', prepare, mayComplain: true }, async (page) => {
    await page.waitForFunction(() => window.calls.filter((call) => call === 'create').length === 2);
    await page.setInputFiles('#photo-file', files.largePhoto);
    await page.waitForSelector('#painting:not([hidden])');
    await page.evaluate(() => {
      window.previews = 0;
      const { drawImage } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.drawImage = function (...all) {
        if (this.canvas.id === 'painting') window.previews++;
        return drawImage.apply(this, all);
      };
    });
    // No engine can be started for it.
    await page.route('**/engine/cpu/impasto.js', (route) => route.abort());
    await move(page, '#strength', 50);
    await page.waitForFunction(() => window.previews > 0);
    assert.ok(await page.isDisabled('#save'));
  });
});

test('loading and painting show progress', async () => {
  await onPage({ query: '?engine=cpu&size=448' }, async (page) => {
    await page.evaluate(() => {
      window.seen = [];
      const look = () => {
        if (!document.getElementById('work').hidden) window.seen.push(document.getElementById('work-words').textContent);
      };
      new MutationObserver(look).observe(document.getElementById('work'), { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await give(page, { photo: files.largePhoto });
    assert.ok((await page.evaluate(() => window.seen)).some((text) => /^(Painting|Loading|Starting)/.test(text)));
    assert.ok(await page.isHidden('#work'), 'gone when done');
  });
});

test('the page stays responsive while it paints', async (t) => {
  await onPage({ query: '?engine=cpu&size=448' }, async (page) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.setInputFiles('#photo-file', files.largePhoto);
    await page.waitForFunction(() => document.getElementById('work-words').textContent.startsWith('Painting'));
    const { longest, frames, seconds } = await page.evaluate(() => new Promise((done) => {
      const began = performance.now();
      let last = began;
      let longest = 0;
      let frames = 0;
      const frame = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        frames++;
        if (document.getElementById('save').disabled) requestAnimationFrame(frame);
        else done({ longest, frames, seconds: (now - began) / 1000 });
      };
      requestAnimationFrame(frame);
    }));
    t.diagnostic(`${frames} frames in ${seconds.toFixed(1)} s, longest gap ${longest.toFixed(0)} ms`);
    assert.ok(frames > 5, 'measured while painting');
    assert.ok(longest < 500, `a frame took ${longest.toFixed(0)} ms`);
  });
});

test('Stop ends a picture at once, and the next one works', async () => {
  await onPage({ query: '?engine=cpu&size=1024' }, async (page) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.setInputFiles('#photo-file', files.largePhoto);
    // The preview is there; the full size goes on.
    await page.waitForSelector('#painting:not([hidden])');
    const took = await page.evaluate(async () => {
      const began = performance.now();
      document.getElementById('stop').click();
      await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
      return performance.now() - began;
    });
    assert.ok(took < 500, `it took ${took.toFixed(0)} ms`);
    assert.equal(await page.textContent('#status'), 'Stopped.');
    assert.ok(await page.isDisabled('#save'));
    await page.selectOption('#size', '512');
    await painted(page);
    assert.equal((await pixels(page)).width, 512);
  });
});

test('what was stopped can be taken up again', async () => {
  await onPage({ query: '?engine=cpu&size=448' }, async (page) => {
    await page.waitForSelector('#engine[data-kind=cpu]');
    await page.setInputFiles('#photo-file', files.largePhoto);
    await page.waitForSelector('#stop');
    await page.click('#stop');
    await page.waitForFunction(() => document.getElementById('stop').textContent === 'Paint');
    await page.click('#stop');
    await painted(page);
    assert.equal((await pixels(page)).width, 448);
  });
});

test('a painting of several parts tells how many are done', async () => {
  await onPage({ query: '?engine=cpu&size=448' }, async (page) => {
    await give(page, { photo: files.largePhoto });
    await page.evaluate(() => {
      window.seen = new Set();
      new MutationObserver(([{ target }]) => window.seen.add(target.getAttribute('aria-valuenow')))
        .observe(document.getElementById('progress'), { attributeFilter: ['aria-valuenow'] });
    });
    await page.click('#add-region');
    await page.keyboard.press('Space');
    await page.click('#region-done');
    await painted(page);
    assert.ok(await page.evaluate(() => window.seen.has('50')), 'half of the two styles');
  });
});

test('the work of others is listed with its terms', async () => {
  await onPage({}, async (page) => {
    await page.click('#engine');
    const url = await page.locator('a[data-words=licences]').evaluate((link) => link.href);
    const text = await (await page.request.get(url)).text();
    for (const words of [/^burn 0\.\S+ +MIT OR Apache-2\.0$/m, /^fflate \S+ +MIT$/m, /Jake Archibald/, /Permission is hereby granted/]) {
      assert.match(text, words);
    }
    assert.doesNotMatch(text, /^burn-cuda/m, 'what is not in the engines');
  });
});

test('damaged weights are reported in words', async () => {
  const prepare = (page) => page.route('**/models/impasto.safetensors*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.body()).subarray(0, 1000) });
  });
  await onPage({ prepare, mayComplain: true }, async (page) => {
    await page.waitForSelector('#engine[data-kind=none]');
    assert.match(await page.textContent('#error'), /could not start/);
    assert.equal(await page.textContent('#engine-name'), 'Not running');
  });
});

test('a style that cannot be loaded is named, and another one works', async () => {
  const prepare = (page) => page.route(/(styles|tuned)\/blue-town\./, (route) => route.abort());
  await onPage({ query: '?engine=cpu&size=64', prepare, mayComplain: true }, async (page) => {
    await give(page, { photo: files.smallPhoto });
    await page.click('.pick[data-style=blue-town]');
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /“Blue town” could not be loaded/);
    await page.click('.pick[data-style=neon-currents]');
    await painted(page);
    assert.ok(await page.isHidden('#error'));
  });
});
