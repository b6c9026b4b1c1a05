// What a GPU draws to a canvas, and whether it gets there.

/**
 * Whether what WebGPU draws to a canvas can be seen there. Where it cannot, the browser may take
 * everything from the GPU that is on it: ask before anything is, and only once. It has a GPU again
 * when this is answered, or will not have one soon.
 * @returns {Promise<boolean>}
 */
export async function drawsToCanvas() {
  const { gpu } = /** @type {any} */ (navigator);
  if (!gpu) return false;
  const request = () => gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  const seen = await showsOnePixel(gpu, request);
  // Chromium then says once, at least, that there is no adapter.
  for (let tries = 0; !seen && tries < 20 && !(await request()); tries++) {
    await new Promise((done) => setTimeout(done, 100));
  }
  return seen;
}

/** @param {any} gpu @param {() => Promise<any>} request for an adapter */
async function showsOnePixel(gpu, request) {
  let device;
  try {
    device = await (await request()).requestDevice();
    const canvas = new OffscreenCanvas(1, 1);
    const context = /** @type {any} */ (canvas.getContext(/** @type {any} */ ('webgpu')));
    context.configure({ device, format: gpu.getPreferredCanvasFormat(), alphaMode: 'opaque' });
    const commands = device.createCommandEncoder();
    const view = context.getCurrentTexture().createView();
    commands.beginRenderPass({
      colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store', clearValue: [1, 0.2, 0.6, 1] }],
    }).end();
    device.queue.submit([commands.finish()]);
    return pixelsOf(canvas.transferToImageBitmap()).join() === '255,51,153,255';
  } catch {
    return false;
  } finally {
    device?.destroy();
  }
}

/** @param {ImageBitmap} bitmap which this closes @returns {Uint8ClampedArray} RGBA */
export function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext('2d'));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}
