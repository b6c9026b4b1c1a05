// Whether WebGPU would help here.

import { EngineFailed } from './failure.js';

/** Milliseconds after which a browser that has not answered will not. */
const PATIENCE = 10_000;

/** WebGPU is of no use; `message` is one of the reasons in {@link import('./stylizer.js').EngineInfo}. */
export class NoGpu extends EngineFailed {
  /** @param {string} reason */
  constructor(reason) {
    super(reason === 'time-out' ? 'timeout' : 'unsupported', reason);
  }
}

/**
 * The name of the graphics adapter, found before anything is downloaded.
 * @param {boolean} softwareToo accept an adapter that only emulates a GPU (slower than our CPU engine)
 * @returns {Promise<string>} rejected with {@link NoGpu}
 */
export async function adapterName(softwareToo) {
  const gpu = /** @type {any} */ (navigator).gpu;
  // Browsers give WebGPU only to pages that nobody can have changed on their way.
  if (!gpu) throw new NoGpu(globalThis.isSecureContext ? 'no-webgpu' : 'insecure');
  const adapter = await Promise.race([
    gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null),
    new Promise((_, reject) => { setTimeout(() => reject(new NoGpu('time-out')), PATIENCE); }),
  ]);
  if (!adapter) throw new NoGpu('no-adapter');
  if ((adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) && !softwareToo) {
    throw new NoGpu('software-adapter');
  }
  const { vendor, architecture, description } = adapter.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'WebGPU';
}
