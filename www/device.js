// The engine's GPU device, which the engine does not hand out.

/** @type {import('./worker.js').WithDevice} */
export async function withDevice(opened, open) {
  const { prototype } = /** @type {any} */ (globalThis).GPUAdapter ?? {};
  if (!prototype) return open();
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (/** @type {unknown[]} */ ...all) {
    const device = await requestDevice.apply(this, all);
    opened(device);
    return device;
  };
  try {
    return await open();
  } finally {
    prototype.requestDevice = requestDevice;
  }
}
