// The camera, painted live: what one sees, takes and records, and that its light goes out.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { read } from './clips.mjs';
import { CAMERA, files, folder, give, onBlank, onPage, painted, patched, withStylizer } from './visit.mjs';

const AT_64 = '?engine=cpu&size=64';

/** Keeps what the page is given, to see that it is let go. */
const watchStreams = (page) => page.addInitScript(() => {
  window.streams = [];
  const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.asked = wanted;
    const stream = await given(wanted);
    window.streams.push(stream);
    return stream;
  };
});
const tracks = (page) => page.evaluate(() => window.streams.flatMap((stream) => stream.getTracks().map(({ kind, readyState }) => `${kind} ${readyState}`)));
const figures = (page) => page.waitForFunction(() => /^[\d.]+ a second, \d+ ms late, \d+ × \d+$/.test(document.getElementById('live-figures').textContent));

async function goLive(page) {
  await page.click('#camera');
  await page.waitForSelector('#camera-take:enabled');
  await page.click('#camera-live');
  await page.waitForSelector('#live-snap:enabled');
}

test('what the camera sees is painted, and the camera is off when it is closed', async () => {
  await onPage({ query: AT_64, flags: CAMERA, prepare: watchStreams }, async (page) => {
    await goLive(page);
    await figures(page);
    assert.deepEqual(await tracks(page), ['video ended', 'video live']);
    const colours = () => page.$eval('#live-canvas', (canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(Array.from({ length: 500 }, (_, i) => data.slice(4 * i * 97, 4 * i * 97 + 3).join())).size;
    });
    assert.ok(await colours() > 50, 'the canvas shows no painting');
    await page.keyboard.press('Escape');
    assert.deepEqual(await tracks(page), ['video ended', 'video ended']);
    assert.equal(await page.evaluate(() => document.getElementById('live-video').srcObject), null);
    // The engine is free again.
    await give(page, { photo: files.smallPhoto });
  });
});

test('the camera is off when the page is hidden', async () => {
  await onPage({ query: AT_64, flags: CAMERA, prepare: watchStreams }, async (page) => {
    await goLive(page);
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    assert.deepEqual(await tracks(page), ['video ended', 'video ended']);
    assert.equal(await page.locator('#live-dialog').isVisible(), false);
  });
});

test('a photo has the size of the camera, and what is mirrored is what one chose', async () => {
  await onPage({ query: AT_64, flags: CAMERA, prepare: watchStreams }, async (page) => {
    await goLive(page);
    const mirrored = () => page.$eval('#live-canvas', ({ classList }) => classList.contains('mirrored'));
    assert.equal(await mirrored(), true, 'one sees oneself as in a mirror');
    await page.check('#live-mirror-record');
    assert.equal(await mirrored(), false, 'the paintings themselves are mirrored');
    await page.uncheck('#live-mirror');
    assert.equal(await mirrored(), true, 'and turned back for the eye');
    await page.click('#live-snap');
    await page.waitForFunction(() => /^Taken/.test(document.getElementById('live-words').textContent));
    const { width, height } = await page.evaluate(() => window.streams.at(-1).getVideoTracks()[0].getSettings());
    assert.equal(await page.textContent('#live-words'), `Taken, ${width} × ${height}. It is among your photos, and is painted when you close this.`);
    await page.keyboard.press('Escape');
    await painted(page);
    assert.deepEqual(await page.$eval('#photo', ({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight]), [width, height]);
  });
});

test('what is recorded is a whole film with sound', async () => {
  await onPage({ query: AT_64, flags: CAMERA, prepare: watchStreams }, async (page) => {
    await goLive(page);
    await page.selectOption('#live-style', 'blue-town');
    await page.click('#live-record');
    await page.waitForFunction(() => /^● 0:0[2-9]/.test(document.getElementById('live-figures').textContent));
    assert.ok((await tracks(page)).includes('audio live'));
    const [event] = await Promise.all([page.waitForEvent('download'), page.click('#live-record')]);
    assert.match(event.suggestedFilename(), /^camera-.*-in-blue-town\.(webm|mp4)$/);
    const file = join(folder, event.suggestedFilename());
    await event.saveAs(file);
    assert.ok((await tracks(page)).includes('audio ended'), 'the microphone is off');
    await page.waitForFunction(() => /^Recorded, /.test(document.getElementById('live-words').textContent));
    const film = await read(file);
    assert.ok(film.frames.length >= 3, `${film.frames.length} frames`);
    assert.ok(film.end > 1, `${film.end} s`);
    assert.equal(film.frames[0].timestamp < 0.5, true);
    assert.equal(film.sounds.length, 1);
    assert.ok(film.sounds[0].packets.length > 20, `${film.sounds[0].packets.length} packets of sound`);
    assert.ok(Math.abs(film.sounds[0].end - film.end) < 1, `pictures until ${film.end}, sound until ${film.sounds[0].end}`);
    // Closed in the middle of another one, that is whole as well.
    await page.uncheck('#live-sound');
    await page.click('#live-record');
    await page.waitForFunction(() => /^● 0:01/.test(document.getElementById('live-figures').textContent));
    const [second] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Escape')]);
    const other = join(folder, `second-${second.suggestedFilename()}`);
    await second.saveAs(other);
    const silent = await read(other);
    assert.ok(silent.frames.length >= 2);
    assert.deepEqual(silent.sounds, []);
    assert.ok((await tracks(page)).every((track) => track.endsWith('ended')));
  });
});

test('without a camera it says why, and an engine that fails gives the camera back', async () => {
  const refuse = (page) => page.addInitScript(() => {
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    let asked = 0;
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      if (asked++) throw new DOMException('no', 'NotAllowedError');
      return given(wanted);
    };
  });
  await onPage({ query: AT_64, flags: CAMERA, prepare: refuse }, async (page) => {
    await page.click('#camera');
    await page.waitForSelector('#camera-take:enabled');
    await page.click('#camera-live');
    await page.waitForFunction(() => /may not use the camera/.test(document.getElementById('live-words').textContent));
    assert.equal(await page.locator('#live-snap').isEnabled(), false);
  });
  const failing = async (page) => {
    await watchStreams(page);
    await patched('cpu', "Engine.prototype.frame = async () => { throw new Error('broken'); };")(page);
  };
  await onPage({ query: AT_64, flags: CAMERA, prepare: failing, mayComplain: true }, async (page) => {
    await page.click('#camera');
    await page.waitForSelector('#camera-take:enabled');
    await page.click('#camera-live');
    await page.waitForSelector('#live-error:not([hidden])');
    assert.match(await page.textContent('#live-error'), /^The painter stopped/);
    await page.waitForFunction(() => window.streams.every((stream) => stream.getTracks().every(({ readyState }) => readyState === 'ended')));
  });
});

test('Stylizer.live(): a stream in, a stream out', async () => {
  await onBlank({}, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const style = await s.encodeStyle(await get('style.png'));
      const source = Object.assign(document.createElement('canvas'), { width: 80, height: 60 });
      const context = source.getContext('2d');
      let hue = 0;
      const drawing = setInterval(() => {
        context.fillStyle = `hsl(${hue += 20} 80% 50%)`;
        context.fillRect(0, 0, 80, 60);
      }, 30);
      const input = source.captureStream();
      const frames = [];
      const live = s.live(input, [{ style }], { size: 48, mirror: true, onFrame: (frame) => frames.push(frame) });
      const until = async (n) => { while (frames.length < n) await new Promise((done) => { setTimeout(done, 20); }); };
      await until(3);
      const video = document.createElement('video');
      video.muted = true;
      video.srcObject = live.stream;
      await video.play();
      live.update([{ style }], { strength: 0.2, size: 32 });
      await until(frames.length + 3);
      const last = frames.at(-1);
      live.close();
      await new Promise((done) => { setTimeout(done, 300); });
      const after = frames.length;
      await new Promise((done) => { setTimeout(done, 300); });
      clearInterval(drawing);
      return {
        first: [frames[0].width, frames[0].height], last: [last.width, last.height], latency: last.latency > 0, rate: last.rate > 0,
        shown: [video.videoWidth > 0, video.videoHeight > 0], still: frames.length === after,
        input: input.getVideoTracks()[0].readyState, output: live.stream.getVideoTracks()[0].readyState,
      };
    });
    assert.deepEqual(found, {
      first: [48, 36], last: [32, 24], latency: true, rate: true, shown: [true, true], still: true, input: 'live', output: 'ended',
    });
  });
});

test('the size gets smaller where paintings are slow, larger where they are fast, and does not waver', async () => {
  await onBlank({}, async (page) => {
    const sizes = await page.evaluate(async (site) => {
      const { Pace } = await import(`${site}www/live.js`);
      /** Sizes that follow, where a painting of 192 pixels takes so long. */
      const run = (seconds, paintings) => {
        const pace = new Pace();
        const all = [pace.size];
        for (let i = 0; i < paintings; i++) {
          pace.took(seconds * (pace.size / 192) ** 2);
          if (all.at(-1) !== pace.size) all.push(pace.size);
        }
        return all;
      };
      return { slow: run(0.3, 200), fast: run(0.004, 2000), between: run(0.1, 2000), one: (() => {
        const pace = new Pace();
        for (let i = 0; i < 40; i++) pace.took(i === 20 ? 0.2 : 0.07); // something else took the machine
        return pace.size;
      })() };
    }, page.site);
    assert.deepEqual(sizes.slow, [192, 160, 128]);
    assert.deepEqual(sizes.fast, [192, 256, 320, 384, 512, 640, 768]);
    assert.deepEqual(sizes.between, [192]);
    assert.equal(sizes.one, 192);
  });
});

test('the element paints a stream, and gives one that outlives a change', async () => {
  await onBlank({ html: '<photo-stylizer engine="cpu" size="48"></photo-stylizer>' }, async (page) => {
    const found = await page.evaluate(async (site) => {
      const element = document.querySelector('photo-stylizer');
      await import(`${site}www/photo-stylizer.js`);
      const source = Object.assign(document.createElement('canvas'), { width: 80, height: 60 });
      const context = source.getContext('2d');
      let hue = 0;
      const drawing = setInterval(() => {
        context.fillStyle = `hsl(${hue += 20} 80% 50%)`;
        context.fillRect(0, 0, 80, 60);
      }, 30);
      const state = async (wanted) => { while (element.state !== wanted) await new Promise((done) => { setTimeout(done, 20); }); };
      element.layers = [{ picture: `${site}test/style.png` }];
      element.photo = source.captureStream();
      await state('live');
      const { stream } = element;
      element.setAttribute('strength', '0.5');
      await state('loading');
      await state('live');
      const same = element.stream === stream && stream.getVideoTracks()[0].readyState === 'live';
      element.remove();
      clearInterval(drawing);
      return { same, after: element.stream, track: stream.getVideoTracks()[0].readyState };
    }, page.site);
    assert.deepEqual(found, { same: true, after: undefined, track: 'ended' });
  });
});

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

for (const [colorScheme, locale, viewport] of [
  ['light', 'en-US', { width: 1440, height: 900 }],
  ['dark', 'zh-CN', { width: 768, height: 1024 }],
  ['dark', 'en-US', { width: 360, height: 740 }],
]) {
  test(`live: axe-core finds nothing, and all fits: ${colorScheme}, ${locale}, ${viewport.width} pixels wide`, async () => {
    await onPage({ query: AT_64, flags: CAMERA, context: { colorScheme, locale, viewport, reducedMotion: 'reduce' } }, async (page) => {
      await goLive(page);
      await page.waitForFunction(() => document.getElementById('live-figures').textContent);
      const out = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(out <= 0, `${out} pixels too wide`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`), []);
    });
  });
}
