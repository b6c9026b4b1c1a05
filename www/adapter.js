// Whether WebGPU would help here.

/** WebGPU is of no use; `message` is one of the codes in {@link import('./stylizer.js').EngineInfo}. */
export class NoGpu extends Error {}

/**
 * The name of the graphics adapter, found before anything is downloaded.
 * @param {boolean} softwareToo accept an adapter that only emulates a GPU (slower than our CPU engine)
 * @returns {Promise<string>} rejected with {@link NoGpu}
 */
export async function adapterName(softwareToo) {
  const gpu = /** @type {any} */ (navigator).gpu;
  if (!gpu) throw new NoGpu('no-webgpu');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) throw new NoGpu('no-adapter');
  if ((adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) && !softwareToo) {
    throw new NoGpu('software-adapter');
  }
  const { vendor, architecture, description } = adapter.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'WebGPU';
}
