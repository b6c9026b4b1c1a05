// Our own engines in the benchmark.

import { contest } from './bench-contestant.js';

contest(async ({ photo, style, options: { kind } }) => {
  /** @type {typeof import('../engine/cpu/impasto.js')} To the types, equal classes of two builds are different ones. */
  const code = kind === 'cpu' ? await import('../engine/cpu/impasto.js') : /** @type {any} */ (await import('../engine/gpu/impasto.js'));
  const weights = fetch(new URL('../models/impasto.safetensors', import.meta.url)).then((response) => response.arrayBuffer());
  await code.default();
  const engine = await code.Engine.create(new Uint8Array(await weights));
  const bytes = (/** @type {import('./bench-contestant.js').Square} */ { rgba }) => new Uint8Array(rgba.buffer);
  const encoded = engine.style(style.size, style.size, bytes(style), style.size);
  const layers = new code.Layers();
  layers.style(encoded, 1);
  return async () => {
    const content = engine.photo(photo.size, photo.size, bytes(photo), photo.size);
    const painting = await engine.stylize(content, layers, 1, 'style', undefined, () => {}, false);
    const { rgba } = painting;
    painting.free();
    content.free();
    return rgba;
  };
});
