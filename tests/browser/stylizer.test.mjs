// www/stylizer.js as a developer uses it, on a page that is not ours.

import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PNG } from 'pngjs';

import {
  assertAlike, BLIND_WEBGPU, engineLoads, files, folder, hearCalls, native, onBlank, patched, pretendGpu, root, save, TOLD, WEBGPU,
  withStylizer,
} from './visit.mjs';

test('paints what the command line paints: mixture, strength, size, colours, masks', async (t) => {
  const masks = { sky: [160, 90], strokes: [50, 40] };
  for (const [name, [width, height]] of Object.entries(masks)) {
    const png = new PNG({ width, height });
    for (let i = 0; i < width * height; i++) {
      const level = Math.max(0, Math.min(255, 255 - ((i % width) / width - 0.4) * 1500));
      png.data.set([level, level, level, 255], 4 * i);
    }
    await writeFile(join(folder, `${name}.png`), PNG.sync.write(png));
  }
  await onBlank({}, async (page) => {
    const painted = await withStylizer(page, async ({ Stylizer, get, shown }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const plain = ({ width, height, data }) => ({ width, height, data: [...data] });
      const [photo, one, two] = await Promise.all(['photo.png', 'style.png', 'small.png'].map(get));
      const handle = await s.encodePhoto(photo, { size: 128 });
      const [a, b] = [await s.encodeStyle(one), await s.encodeStyle(two, { size: 200 })];
      const mask = await shown(await get('sky.png'));
      const mixed = [{ style: a, weight: 3 }, { style: b, weight: 1 }];
      return {
        kind: s.engine,
        size: [handle.width, handle.height],
        mixed: plain(await s.stylize(handle, mixed, { strength: 0.8 })),
        photo: plain(await s.stylize(handle, mixed, { colours: 'photo' })),
        luminance: plain(await s.stylize(handle, mixed, { colours: 'luminance' })),
        regions: plain(await s.stylize(handle, [{ style: a }, { style: b, mask }])),
        kept: plain(await s.stylize(handle, [{ style: a }, { style: null, mask }])),
        other: plain(await s.stylize(handle, [{ style: a }], { size: 64 })),
        broad: plain(await s.stylize(handle, [{ style: a }, { style: null, mask }], { strokes: 64 })),
      };
    });
    assert.deepEqual(painted.kind, { kind: 'cpu', name: 'CPU' });
    assert.deepEqual(painted.size, [128, 96]);
    // The command line has one size for all styles: the second style is small already.
    const styles = ['--style', `${files.style}=3`, '--style', `${files.smallPhoto}=1`];
    const sky = (style) => ['--mask', `${join(folder, 'sky.png')}=${style}`];
    const cases = {
      mixed: [...styles, '--strength', '0.8'],
      photo: [...styles, '--colours', 'photo'],
      luminance: [...styles, '--colours', 'luminance'],
      regions: [...styles, ...sky(2)],
      kept: ['--style', files.style, ...sky('none')],
      other: ['--style', files.style, '--size', '64'],
      broad: ['--style', files.style, ...sky('none'), '--strokes', '64'],
    };
    for (const [name, options] of Object.entries(cases)) {
      const size = options.includes('--size') ? [] : ['--size', '128'];
      const file = await save(`${name}-page.png`, painted[name]);
      await assertAlike(t, file, await native(`${name}-native.png`, files.photo, ...options, ...size));
    }
  });
});

test('a tuned style paints what the command line paints with it, and others are refused', async (t) => {
  const bytes = await readFile(join(root, 'models/tuned/starry-impasto.style'));
  const other = Buffer.from(bytes.toString('latin1').replace(/"tuned_from":"./, '"tuned_from":"x'), 'latin1');
  // In what was learned: a damaged picture is another problem.
  const damaged = Buffer.from(bytes);
  const data = 8 + Number(bytes.readBigUInt64LE());
  const { 'generator.conv_6.conv.bias': place } = JSON.parse(bytes.toString('utf8', 8, data));
  damaged[data + place.data_offsets[0]] ^= 1;
  const pictures = { 'tuned.style': bytes, 'other.style': other, 'damaged.style': damaged, 'cut.style': bytes.subarray(0, 90_000) };
  for (const [name, content] of Object.entries(pictures)) await writeFile(join(folder, name), content);
  await onBlank({}, async (page) => {
    const painted = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const plain = ({ width, height, data }) => ({ width, height, data: [...data] });
      const photo = await s.encodePhoto(await get('photo.png'), { size: 128 });
      const [tuned, general] = [await s.encodeStyle(await get('tuned.style')), await s.encodeStyle(await get('style.png'))];
      const why = async (name) => s.encodeStyle(await get(name)).catch(({ name: kind, part, problem }) => [kind, part, problem]);
      const refused = [await why('other.style'), await why('damaged.style'), await why('cut.style')];
      return {
        refused,
        alone: plain(await s.stylize(photo, [{ style: tuned }])),
        mixed: plain(await s.stylize(photo, [{ style: tuned, weight: 3 }, { style: general }], { strength: 0.7 })),
      };
    });
    assert.deepEqual(painted.refused.slice(0, 2), Array(2).fill(['BadPicture', 'style', 'untuned']));
    assert.equal(painted.refused[2][0], 'BadPicture');
    const tuned = join(folder, 'tuned.style');
    const cases = { alone: ['--style', tuned], mixed: ['--style', `${tuned}=3`, '--style', files.style, '--strength', '0.7'] };
    for (const [name, options] of Object.entries(cases)) {
      const file = await save(`tuned-${name}-page.png`, painted[name]);
      await assertAlike(t, file, await native(`tuned-${name}-native.png`, files.photo, '--size', '128', ...options));
    }
  });
});

test('takes every kind of picture and paints on a canvas', async () => {
  await onBlank({}, async (page) => {
    const results = await withStylizer(page, async ({ Stylizer, get, shown }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const blob = await get('small.png');
      const bitmap = await createImageBitmap(blob);
      const { width, height } = bitmap;
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const offscreen = new OffscreenCanvas(width, height);
      offscreen.getContext('2d').drawImage(bitmap, 0, 0);
      const stream = canvas.captureStream();
      const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true });
      await video.play();
      context.drawImage(bitmap, 0, 0); // a frame for the stream
      await new Promise((done) => { video.requestVideoFrameCallback(done); });
      const kinds = {
        blob, file: new File([blob], 'x.png'), bitmap, data: context.getImageData(0, 0, width, height),
        canvas, offscreen, image: await shown(blob), video,
      };
      const style = await s.encodeStyle(await get('style.png'));
      const sum = ({ data }) => data.reduce((total, value) => total + value, 0) / data.length;
      const found = {};
      for (const [name, picture] of Object.entries(kinds)) {
        const pixels = await s.stylize(picture, [{ style }], { size: 64 });
        found[name] = [pixels.width, pixels.height, sum(pixels)];
      }
      const target = document.createElement('canvas');
      const pixels = await s.stylize(blob, [{ style }], { size: 48, canvas: target });
      const drawn = target.getContext('2d').getImageData(0, 0, 48, 36);
      const same = drawn.data.every((value, i) => value === pixels.data[i]);
      s.dispose();
      return { found, same, size: [target.width, target.height] };
    });
    const [, , wanted] = results.found.blob;
    for (const [name, [width, height, mean]] of Object.entries(results.found)) {
      assert.deepEqual([width, height], [64, 48], name);
      assert.ok(Math.abs(mean - wanted) < (name === 'video' ? 4 : 0.5), `${name}: ${mean} is not ${wanted}`);
    }
    assert.ok(results.same);
    assert.deepEqual(results.size, [48, 36]);
  });
});

test('says what is wrong with a request', async () => {
  await onBlank({}, async (page) => {
    const errors = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const photo = await get('small.png');
      const style = await s.encodeStyle(await get('style.png'));
      const gone = await s.encodeStyle(photo);
      gone.dispose();
      gone.dispose();
      const why = (promise) => promise.then(() => 'no error', (error) => `${error.name}: ${error.message}`);
      const found = [];
      for (const attempt of [
        () => s.stylize(photo, []),
        () => s.stylize(photo, [{ style, weight: -1 }]),
        () => s.stylize(photo, [{ style: null }, { style }]),
        () => s.stylize(photo, [{ style }], { strength: 2 }),
        () => s.stylize(photo, [{ style }], { colours: 'sepia' }),
        () => s.stylize(photo, [{ style }], { size: 5 }),
        () => s.stylize(photo, [{ style }], { strokes: 0.5 }),
        () => s.stylize(photo, [{ style: gone }]),
        () => s.encodePhoto(new Blob(['nothing'])),
        () => s.encodeStyle('style.png'),
        () => Stylizer.load({ engine: 'abacus' }),
      ]) found.push(await why(attempt()));
      const { width } = await s.stylize(photo, [{ style }], { size: 32 });
      s.dispose();
      return [...found, await why(s.stylize(photo, [{ style }])), width];
    });
    const expected = [/RangeError: at least one style/, /RangeError: weights/, /TypeError: .*needs a mask/,
      /RangeError: strength/, /RangeError: colours/, /RangeError: size/, /RangeError: strokes/, /TypeError: a style was disposed/,
      /BadPicture: the photo is not a picture/, /TypeError/, /RangeError: engine/, /disposed/, /^32$/];
    assert.equal(errors.length, expected.length);
    errors.forEach((error, i) => assert.match(String(error), expected[i]));
  });
});

test('cancelling is at once; handles survive the end of their worker', async (t) => {
  await onBlank({}, async (page) => {
    const result = await withStylizer(page, async ({ Stylizer, get }) => {
      let engines = 0;
      const s = await Stylizer.load({ engine: 'cpu', onEngine: () => { engines++; } });
      const style = await s.encodeStyle(await get('style.png'));
      const small = await s.encodePhoto(await get('small.png'), { size: 64 });
      const large = await s.encodePhoto(await get('large.png'), { size: 1600 });
      const before = await s.stylize(small, [{ style }]);
      const timed = async (start, stop) => {
        const promise = start().then(() => 'finished', (error) => error);
        await new Promise((done) => { setTimeout(done, 300); });
        const began = performance.now();
        stop();
        const error = await promise;
        return [error.name ?? error, error.constructor?.name, performance.now() - began];
      };
      // How long a picture takes is known from one of them: that it cannot end soon.
      await s.stylize(await s.encodePhoto(await get('large.png'), { size: 512 }), [{ style }]);
      const abort = new AbortController();
      const aborted = await timed(() => s.stylize(large, [{ style }], { signal: abort.signal }), () => abort.abort());
      const stopped = performance.now();
      const after = await s.stylize(small, [{ style }]);
      const again = performance.now() - stopped;
      const enginesAfterAbort = engines;
      let next;
      const replaced = await timed(
        () => s.stylize(large, [{ style }], { replace: 'main' }),
        () => { next = s.stylize(small, [{ style }], { replace: 'main' }); },
      );
      const last = await next;
      const already = await s.stylize(small, [{ style }], { signal: AbortSignal.abort() }).catch((error) => error.name);
      const same = (a, b) => a.data.every((value, i) => value === b.data[i]);
      return { aborted, replaced, already, again, enginesAfterAbort, same: [same(before, after), same(before, last)] };
    });
    t.diagnostic(`aborted after ${result.aborted[2].toFixed(1)} ms, replaced after ${result.replaced[2].toFixed(1)} ms`);
    assert.deepEqual(result.aborted.slice(0, 2), ['AbortError', 'DOMException']);
    assert.deepEqual(result.replaced.slice(0, 2), ['AbortError', 'Replaced']);
    assert.ok(result.aborted[2] < 100 && result.replaced[2] < 100, 'at once');
    assert.equal(result.already, 'AbortError');
    assert.equal(result.enginesAfterAbort, 2, 'the engine was ended and started anew');
    t.diagnostic(`painting again ${result.again.toFixed(0)} ms after the abort`);
    assert.deepEqual(result.same, [true, true]);
  });
});

/** The emulated GPU passes for a real one. */
const realGpu = (page) => page.route('**/www/adapter.js', async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, body: (await response.text()).replaceAll('isFallbackAdapter', 'unknown') });
});

test('a cancelled request ends between the pictures that it encodes', async () => {
  const prepare = async (page) => {
    await hearCalls(page);
    await patched('cpu', TOLD)(page);
  };
  await onBlank({ prepare }, async (page) => {
    const calls = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const [small, picture] = [await get('small.png'), await get('style.png')];
      const styles = [];
      for (let i = 0; i < 6; i++) styles.push(await s.encodeStyle(picture, { size: 256 + i }));
      // A worker that is ended takes what it has encoded with it; it is ended where it paints for long.
      const abort = new AbortController();
      const large = s.stylize(await get('large.png'), [{ style: styles[0] }], { size: 1600, signal: abort.signal }).catch(() => {});
      while (!window.calls.includes('stylize')) await new Promise((done) => { setTimeout(done, 1); });
      abort.abort();
      await large;
      const other = await s.encodePhoto(small, { size: 64 }); // the new worker is there
      window.calls.length = 0;
      const again = new AbortController();
      const mixture = s.stylize(other, styles.map((style) => ({ style })), { signal: again.signal }).catch((error) => error.name);
      while (!window.calls.includes('style 256')) await new Promise((done) => { setTimeout(done, 1); });
      again.abort();
      const end = await mixture;
      await s.stylize(other, [{ style: styles[0] }]);
      return { end, calls: window.calls };
    });
    assert.equal(calls.end, 'AbortError');
    assert.ok(calls.calls.length < 6, `it went on: ${calls.calls}`);
    assert.equal(calls.calls.at(-1), 'stylize');
  });
});

test('of two requests that replace each other the newer one wins, whichever picture comes first', async () => {
  await onBlank({}, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get, shown }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const blob = await get('small.png');
      const [style, image] = [await s.encodeStyle(await get('style.png')), await shown(blob)];
      // The older one's photo takes its time.
      const { createImageBitmap } = window;
      window.createImageBitmap = async (...all) => {
        await new Promise((done) => { setTimeout(done, 300); });
        return createImageBitmap(...all);
      };
      const outcome = (promise) => promise.then(({ width }) => width, ({ constructor }) => constructor.name);
      const older = outcome(s.stylize(image, [{ style }], { size: 64, replace: 'main' }));
      const newer = outcome(s.stylize(blob, [{ style }], { size: 48, replace: 'main' }));
      const found = await Promise.all([older, newer]);
      return [...found, await outcome(s.stylize(blob, [{ style }], { size: 32, replace: 'main' }))];
    });
    assert.deepEqual(found, ['Replaced', 48, 32]);
  });
});

test('where a worker may not be started loading fails, and does not hang', async () => {
  await onBlank({}, async (page) => {
    const reason = await withStylizer(page, async ({ Stylizer, EngineFailed }) => {
      // As for a script from another site.
      window.Worker = class { constructor() { throw new DOMException('cannot be accessed from this origin', 'SecurityError'); } };
      const error = await Stylizer.load({ engine: 'cpu' }).catch((caught) => caught);
      return error instanceof EngineFailed && [error.code, error.message, error.cause.name];
    });
    assert.deepEqual(reason, ['blocked', 'the page does not let the engine start: cannot be accessed from this origin', 'SecurityError']);
  });
});

test('another engine with the same weights downloads nothing again', async () => {
  await onBlank({}, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const first = await Stylizer.load({ engine: 'cpu' });
      const second = await first.another({ engine: 'cpu' });
      const paint = async (s) => {
        const style = await s.encodeStyle(await get('style.png'), { size: 64 });
        return s.stylize(await get('small.png'), [{ style }], { size: 48 });
      };
      const [a, b] = await Promise.all([paint(first), paint(second)]);
      first.dispose();
      const c = await paint(second);
      const gone = await first.another().catch((error) => String(error));
      const why = await second.another({ engine: 'abacus' }).catch((error) => String(error));
      const same = (x, y) => x.data.every((value, i) => value === y.data[i]);
      return { same: [same(a, b), same(b, c)], gone, why };
    });
    assert.deepEqual(found.same, [true, true]);
    assert.match(found.gone, /disposed/);
    assert.match(found.why, /RangeError: engine/);
    assert.equal(requests.filter((url) => url.endsWith('.safetensors')).length, 1);
    assert.equal(engineLoads(requests, 'cpu'), 1);
  });
});

const paintSmall = async ({ Stylizer, get }, engine) => {
  const infos = [];
  const s = await Stylizer.load({ engine, onEngine: ({ kind, why }) => infos.push([kind, why]) });
  const style = await s.encodeStyle(await get('style.png'), { size: 32 });
  const paint = () => s.stylize(get.photo, [{ style }], { size: 48 })
    .then(({ data }) => data.reduce((sum, value) => sum + value, 0) / data.length, (error) => `${error.name}: ${error.code}`);
  get.photo = await get('small.png');
  return { results: [await paint(), await paint()], infos, engine: s.engine };
};

test('after a crash the engine starts again and paints', async () => {
  await onBlank({ mayComplain: true }, async (page) => {
    // A panic in wasm: an error that nothing catches, and a promise that never settles; once.
    let count = 0;
    await page.route('**/engine/cpu/impasto.js', async (route) => {
      const response = await route.fetch();
      const dying = `Engine.prototype.stylize = () => {
        setTimeout(() => { throw new Error('unreachable'); });
        return new Promise(() => {});
      };`;
      await route.fulfill({ response, body: `${await response.text()}\n${count++ ? '' : dying}` });
    });
    const { results, infos } = await withStylizer(page, paintSmall, 'cpu');
    assert.equal(results[0], 'EngineFailed: crashed');
    assert.ok(results[1] > 10, `${results[1]}`);
    assert.equal(infos.length, 2);
  });
});

test('a GPU that fails hands the picture over to the CPU', async () => {
  const prepare = async (page) => {
    await realGpu(page);
    // The known picture is painted; the next ones are not.
    await patched('gpu', `
      const stylize = Engine.prototype.stylize;
      let count = 0;
      Engine.prototype.stylize = function (...all) {
        return count++ ? Promise.reject(new Error('device lost')) : stylize.apply(this, all);
      };`)(page);
  };
  await onBlank({ prepare, flags: WEBGPU, mayComplain: true }, async (page, requests) => {
    const { results, infos, engine } = await withStylizer(page, paintSmall, 'auto');
    assert.ok(results.every((result) => result > 10), `${results}`);
    assert.deepEqual(infos.map(([kind]) => kind), ['webgpu', 'cpu']);
    assert.deepEqual(engine, { kind: 'cpu', name: 'CPU', why: 'device lost' });
    assert.deepEqual([engineLoads(requests, 'cpu'), engineLoads(requests, 'gpu')], [1, 1]);
  });
});

test('an engine that hangs is given up when its pace says so, and not while the device sleeps', async () => {
  const hanging = `
    const { stylize } = Engine.prototype;
    Engine.prototype.stylize = function (photo, ...all) {
      if (photo.width < 1280) return stylize.call(this, photo, ...all);
      new BroadcastChannel('hanging').postMessage('now');
      return new Promise(() => {});
    };`;
  const prepare = async (page) => {
    await patched('cpu', hanging)(page);
    // Seconds pass only while it hangs, and are short.
    await page.addInitScript(() => {
      window.seconds = 0;
      new BroadcastChannel('hanging').onmessage = () => { window.hangs = true; };
      const { setInterval } = window;
      window.setInterval = (tick, time) => setInterval(() => {
        if (time !== 1000 || !window.hangs) return;
        window.seconds++;
        tick();
      }, 2);
    });
  };
  await onBlank({ prepare }, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const [style, photo] = [await s.encodeStyle(await get('style.png'), { size: 32 }), await get('large.png')];
      const paint = (size) => s.stylize(photo, [{ style }], { size }).then(({ width }) => width, ({ code }) => code);
      const results = [await paint(512), await paint(1280)];
      window.hangs = false;
      return { results: [...results, await paint(64)], seconds: window.seconds };
    });
    assert.deepEqual(found.results, [512, 'timeout', 64]);
    // Nearly 15 minutes, where nothing is known of its pace.
    assert.ok(found.seconds >= 60 && found.seconds < 600, `${found.seconds}`);
  });
});

/** Code for the GPU engine, which destroys its device, for good, at the first painting of photos of such sizes. */
const dying = (when) => `
  const { requestDevice } = GPUAdapter.prototype;
  let device;
  GPUAdapter.prototype.requestDevice = async function (...all) {
    device = await requestDevice.apply(this, all);
    return device;
  };
  new BroadcastChannel('die').onmessage = () => device.destroy();
  const { stylize } = Engine.prototype;
  Engine.prototype.stylize = function (photo, ...all) {
    const painting = stylize.call(this, photo, ...all);
    if (${when}) device.destroy();
    return painting;
  };`;

test('a GPU that is lost while it paints is opened again, and paints', async () => {
  let loads = 0;
  const prepare = (page) => page.route('**/engine/gpu/impasto.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${await response.text()}\n${dying(`${loads++ === 0} && photo.width === 48`)}` });
  });
  await onBlank({ prepare, flags: WEBGPU, mayComplain: true }, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const kinds = [];
      const s = await Stylizer.load({ engine: 'webgpu', onEngine: ({ kind }) => kinds.push(kind) });
      const style = await s.encodeStyle(await get('style.png'), { size: 32 });
      const photo = await s.encodePhoto(await get('small.png'), { size: 48 });
      const paint = () => s.stylize(photo, [{ style }]).then(({ width }) => width, (error) => error.code);
      const results = [await paint()];
      const after = kinds.length;
      // While nothing is asked of it, too.
      new BroadcastChannel('die').postMessage('now');
      while (kinds.length === after) await new Promise((done) => { setTimeout(done, 50); });
      results.push(await paint());
      return { results, kinds };
    });
    assert.deepEqual(found, { results: [48, 48], kinds: ['webgpu', 'webgpu', 'webgpu'] });
  });
});

test('a size at which the GPU is lost twice is given up, and smaller ones go on', async () => {
  const prepare = patched('gpu', dying('photo.width >= 64'));
  await onBlank({ prepare, flags: WEBGPU, mayComplain: true }, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, EngineFailed, get }) => {
      let engines = 0;
      const s = await Stylizer.load({ engine: 'webgpu', onEngine: () => { engines++; } });
      const [style, photo] = [await s.encodeStyle(await get('style.png'), { size: 32 }), await get('small.png')];
      const paint = (size) => s.stylize(photo, [{ style }], { size })
        .then(({ width }) => width, (error) => error instanceof EngineFailed && error.code);
      const results = [await paint(64), await paint(48)];
      const after = engines;
      results.push(await paint(80), await paint(32));
      return { results, opened: [after, engines], kind: s.engine.kind };
    });
    assert.deepEqual(found, { results: ['lost', 48, 'lost', 32], opened: [3, 3], kind: 'webgpu' });
    assert.equal(engineLoads(requests, 'cpu'), 0);
  });
});

test('a GPU that is lost again and again hands a small picture over to the CPU', async () => {
  const prepare = async (page) => {
    await realGpu(page);
    await patched('gpu', dying('photo.width === 48'))(page);
  };
  await onBlank({ prepare, flags: WEBGPU, mayComplain: true }, async (page) => {
    const { results, infos, engine } = await withStylizer(page, paintSmall, 'auto');
    assert.ok(results.every((result) => result > 10), `${results}`);
    assert.deepEqual(infos.map(([kind]) => kind), ['webgpu', 'webgpu', 'cpu']);
    assert.equal(engine.why, 'lost');
  });
});

test('a GPU that lacks memory for a large picture goes on with smaller ones', async () => {
  const prepare = (page) => pretendGpu(page, { code: `
    const { photo } = Engine.prototype;
    Engine.prototype.photo = function (...all) {
      if (all[3] > 1024) throw new Error('out of memory');
      return photo.apply(this, all);
    };` });
  await onBlank({ prepare }, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'auto' });
      const [photo, style] = [await get('small.png'), await s.encodeStyle(await get('style.png'), { size: 32 })];
      const large = await s.encodePhoto(photo, { size: 2000 }).catch((error) => `${error.name}: ${error.code}: ${error.message}`);
      const { width } = await s.stylize(photo, [{ style }], { size: 48 });
      return { large, width, engine: s.engine };
    });
    assert.deepEqual(found, { large: 'EngineFailed: memory: out of memory', width: 48, engine: { kind: 'webgpu', name: 'Pretended' } });
  });
});

test('a GPU that computes something else is not used', async () => {
  const prepare = async (page) => {
    await realGpu(page);
    await patched('gpu', `
      const { style } = Engine.prototype;
      Engine.prototype.style = function (width, height, rgba, size) {
        return style.call(this, width, height, rgba.map((value, i) => (i % 4 < 3 ? value / 2 : value)), size);
      };`)(page);
  };
  await onBlank({ prepare, flags: WEBGPU }, async (page) => {
    const { results, infos } = await withStylizer(page, paintSmall, 'auto');
    assert.ok(results.every((result) => result > 10));
    assert.deepEqual(infos, [['cpu', 'wrong-answer']]);
  });
});

/** Paints for looking at and as pixels, and whether both are the same; the engine tells which was shown. */
async function showAndRead({ Stylizer, get }, engine) {
  const shown = [];
  new BroadcastChannel('shown').onmessage = ({ data }) => shown.push(data);
  const s = await Stylizer.load({ engine });
  const style = await s.encodeStyle(await get('style.png'), { size: 64 });
  const same = [];
  for (const [size, options] of [[64, {}], [48, { strength: 0.5 }], [48, { colours: 'photo' }]]) {
    const photo = await s.encodePhoto(await get('small.png'), { size });
    const bitmap = await s.stylizeToBitmap(photo, [{ style }], options);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const seen = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    const { width, height, data } = await s.stylize(photo, [{ style }], options);
    same.push(width === bitmap.width && height === bitmap.height && data.every((value, i) => value === seen[i]));
    photo.dispose();
  }
  await new Promise((done) => { setTimeout(done, 100); });
  return { kind: s.engine.kind, same, shown };
}
const tellsShown = `
  const told = new BroadcastChannel('shown');
  const { stylize: quiet } = Engine.prototype;
  Engine.prototype.stylize = async function (...all) {
    const painting = await quiet.apply(this, all);
    if (this.ready) told.postMessage(painting.shown);
    return painting;
  };
  const { style: encode } = Engine.prototype;
  Engine.prototype.style = function (width, height, rgba, size) {
    this.ready ||= size === 64; // not while it tests itself
    return encode.call(this, width, height, rgba, size);
  };`;

test('what is only looked at stays on the GPU, and is what would be read', async () => {
  await onBlank({ prepare: patched('gpu', tellsShown), flags: WEBGPU }, async (page) => {
    const { kind, same, shown } = await withStylizer(page, showAndRead, 'webgpu');
    assert.equal(kind, 'webgpu');
    assert.deepEqual(same, [true, true, true]);
    assert.deepEqual(shown, [true, false, true, false, false, false], 'in the photo’s colours it is read');
  });
});

test('a GPU whose drawing cannot be seen is there after it was tried', async () => {
  await onBlank({ flags: BLIND_WEBGPU }, async (page) => {
    const answers = await page.evaluate(async () => {
      const { drawsToCanvas } = await import('../www/screen.js');
      const found = async () => Boolean(await navigator.gpu.requestAdapter());
      return [await found(), await drawsToCanvas(), await found()];
    });
    assert.deepEqual(answers, [true, false, true]);
  });
});

test('a GPU whose drawing cannot be seen is read', async () => {
  await onBlank({ prepare: patched('gpu', tellsShown), flags: BLIND_WEBGPU }, async (page) => {
    const { kind, same, shown } = await withStylizer(page, showAndRead, 'webgpu');
    assert.equal(kind, 'webgpu');
    assert.deepEqual(same, [true, true, true]);
    assert.deepEqual(shown, Array(6).fill(false));
  });
  const prepare = async (page) => {
    await realGpu(page);
    // The first try is seen, what follows is not.
    await patched('gpu', `${tellsShown}
      const { transferToImageBitmap } = OffscreenCanvas.prototype;
      let count = 0;
      OffscreenCanvas.prototype.transferToImageBitmap = function () {
        const bitmap = transferToImageBitmap.call(this);
        if (!count++) return bitmap;
        const empty = new OffscreenCanvas(bitmap.width, bitmap.height);
        empty.getContext('2d');
        return transferToImageBitmap.call(empty);
      };`)(page);
  };
  await onBlank({ prepare, flags: WEBGPU }, async (page) => {
    const { kind, same, shown } = await withStylizer(page, showAndRead, 'auto');
    assert.equal(kind, 'webgpu');
    assert.deepEqual(same, [true, true, true]);
    assert.deepEqual(shown, Array(6).fill(false));
  });
});

test('where there is no WebGPU, it says so', async () => {
  await onBlank({}, async (page, requests) => {
    const { engine } = await withStylizer(page, paintSmall, 'auto');
    assert.equal(engine.kind, 'cpu');
    assert.match(engine.why, /^no-(webgpu|adapter)$/);
    assert.equal(engineLoads(requests, 'gpu'), 0);
    const why = await withStylizer(page, ({ Stylizer }) => Stylizer.load({ engine: 'webgpu' }).catch((error) => `${error.name}: ${error.code}: ${error.message}`));
    assert.match(why, /^EngineFailed: unsupported: no-(webgpu|adapter)$/);
  });
});

test('weights are verified, and a damaged copy is fetched anew', async () => {
  let damage = 1;
  let asked = 0;
  const prepare = (page) => page.route('**/models/impasto.safetensors', async (route) => {
    asked++;
    const response = await route.fetch();
    const body = await response.body();
    // A valid file of another version, as far as its own checksums go, would pass without the hash.
    if (damage-- > 0) body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  await onBlank({ prepare }, async (page) => {
    const { results } = await withStylizer(page, paintSmall, 'cpu');
    assert.ok(results[0] > 10);
    assert.equal(asked, 2);
    damage = 2;
    const why = await withStylizer(page, ({ Stylizer }) => Stylizer.load({ engine: 'cpu' }).catch((error) => `${error.name}: ${error.code}: ${error.message}`));
    assert.match(why, /^EngineFailed: offline: .*impasto\.safetensors is damaged or of another version/);
  });
});

test('weights of one’s own, progress, and an end while it loads', async () => {
  await copyFile(join(import.meta.dirname, '../../models/impasto.safetensors'), join(folder, 'own.safetensors'));
  await onBlank({}, async (page, requests) => {
    const found = await withStylizer(page, async ({ Stylizer, get, site }) => {
      const steps = [];
      const s = await Stylizer.load({ engine: 'cpu', weights: `${site}test/own.safetensors`, onProgress: (progress) => steps.push(progress) });
      s.dispose();
      const bytes = await (await get('own.safetensors')).arrayBuffer();
      const again = await Stylizer.load({ engine: 'cpu', weights: bytes });
      const test = await again.selfTest();
      const why = await Stylizer.load({ engine: 'cpu', weights: new Uint8Array(9) }).catch((error) => error.message);
      const abort = new AbortController();
      const loading = Stylizer.load({ engine: 'cpu', signal: abort.signal }).catch((error) => error.name);
      abort.abort();
      return { steps, ok: test.ok, why, aborted: await loading };
    });
    assert.ok(found.ok);
    assert.equal(found.aborted, 'AbortError');
    assert.match(found.why, /weights/);
    const last = found.steps.filter(({ step }) => step === 'downloading').at(-1);
    assert.equal(last.part, 1);
    assert.equal(last.loaded, last.total);
    assert.ok(!requests.some((url) => url.endsWith('models/impasto.safetensors')));
  });
});

test('a page and an engine of different versions do not mix', async () => {
  const prepare = (page) => page.route('**/www/worker.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('theirs !== version', "theirs !== 'newer'") });
  });
  await onBlank({ prepare }, async (page) => {
    const why = await withStylizer(page, ({ Stylizer }) => Stylizer.load({ engine: 'cpu' }).catch((error) => error.message));
    assert.match(why, /different versions: reload/);
  });
});
