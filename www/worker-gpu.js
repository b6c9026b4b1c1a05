// The worker with the WebGPU engine.

import init, * as engine from '../engine/gpu/impasto.js';
import { work } from './worker.js';

work({ init, engine, wasm: new URL('../engine/gpu/impasto_bg.wasm', import.meta.url).href });
