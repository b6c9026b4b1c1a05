// What a painting asks of the GPU. Each launch costs a browser some twenty microseconds, and is checked each time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onBlank, WEBGPU } from './visit.mjs';

/** Launches of a painting in a style that was used before, at full strength, and of a frame of a film. */
const MOST = { painting: 59, frame: 77 };

test('a painting takes few launches on the GPU', async () => {
  await onBlank({ flags: WEBGPU }, async (page) => {
    const counted = await page.evaluate(async (site) => {
      let launches = 0;
      const encoder = GPUComputePassEncoder.prototype;
      for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
        const own = encoder[name];
        encoder[name] = function dispatch(...sizes) {
          launches++;
          return own.apply(this, sizes);
        };
      }
      const code = await import(`${site}engine/gpu/impasto.js`);
      await code.default();
      const weights = await (await fetch(`${site}models/impasto.safetensors`)).arrayBuffer();
      const engine = await code.Engine.create(new Uint8Array(weights));
      const grey = (side) => new Uint8Array(4 * side * side).map((_, index) => (index % 4 === 3 ? 255 : 90 + (index % 83)));
      const style = engine.style(64, 64, grey(64), 64);
      const layers = new code.Layers();
      layers.style(style, 1);
      const of = async (work) => {
        launches = 0;
        await work();
        return launches;
      };
      const paint = async () => {
        const photo = engine.photo(64, 64, grey(64), 64);
        await engine.stylize(photo, layers, 1, 'style', () => {}, false);
      };
      const first = await of(paint);
      const painting = await of(paint);
      const film = new code.Film(0.5);
      const frame = () => engine.frame(film, 64, 64, grey(64), layers, 1, 'style', 0);
      await frame();
      return { first, painting, frame: await of(frame) };
    }, page.site);
    console.log(`launches: ${JSON.stringify(counted)}`);
    for (const [what, most] of Object.entries(MOST)) {
      assert.ok(counted[what] > 20, `${what}: ${counted[what]} were counted`);
      assert.ok(counted[what] <= most, `${what}: ${counted[what]} launches are more than ${most}`);
    }
  });
});
