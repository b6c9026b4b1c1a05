// What a GPU draws to a canvas, and whether it gets there.

/**
 * Whether what WebGPU draws to a canvas can be seen there. Where it cannot, the browser may take
 * everything from the GPU that is on it: ask before anything is, and only once.
 * @returns {Promise<boolean>}
 */
export async function drawsToCanvas() {
  let device;
  try {
    const { gpu } = /** @type {any} */ (navigator);
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    device = await adapter.requestDevice();
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
