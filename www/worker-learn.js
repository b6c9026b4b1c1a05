// The worker with the engine that learns styles, on WebGPU.

import init, * as engine from '../engine/learn/impasto.js';
import { withDevice } from './device.js';
import { work } from './worker.js';

work({
  init,
  // To the types, equal classes of two builds are different ones.
  engine: /** @type {any} */ (engine),
  wasm: new URL('../engine/learn/impasto_bg.wasm', import.meta.url).href,
  withDevice,
});
