// The worker with the CPU engine.

import init, * as engine from '../engine/cpu/impasto.js';
import { work } from './worker.js';

work({ init, engine, wasm: new URL('../engine/cpu/impasto_bg.wasm', import.meta.url).href });
