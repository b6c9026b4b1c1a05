// The worker with the WebGPU engine.

import init, * as engine from '../engine/gpu/impasto.js';
import { withDevice } from './device.js';
import { drawsToCanvas } from './screen.js';
import { work } from './worker.js';

work({
  init,
  // To the types, equal classes of two builds are different ones.
  engine: /** @type {any} */ (engine),
  wasm: new URL('../engine/gpu/impasto_bg.wasm', import.meta.url).href,
  drawsToCanvas,
  withDevice,
});
