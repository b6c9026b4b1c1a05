// ONNX Runtime Web in the benchmark: the same network (export_onnx.py), or Magenta's.

import { contest, toFloats, toPixels } from '../www/bench-contestant.js';
import { colourMap } from './colours.js';

/** @param {{ size: number, rgba: Uint8ClampedArray }} square @param {number} size */
async function resized({ size: side, rgba }, size) {
  const bitmap = await createImageBitmap(new ImageData(rgba, side), { resizeWidth: size, resizeHeight: size, resizeQuality: 'high' });
  const context = new OffscreenCanvas(size, size).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return { size, rgba: context.getImageData(0, 0, size, size).data };
}

contest(async ({ photo, style, options: { provider, magenta } }) => {
  // The build without WebGPU is the smaller and older one.
  const ort = await (provider === 'webgpu' ? import('./ort/ort.webgpu.bundle.min.mjs') : import('./ort/ort.wasm.bundle.min.mjs'));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
  ort.env.logLevel = 'error';
  const session = (name) => ort.InferenceSession.create(new URL(`models/${name}.onnx`, import.meta.url).href,
    { executionProviders: [provider], graphOptimizationLevel: 'all', logSeverityLevel: 3 });
  const tensor = (values, ...shape) => new ort.Tensor('float32', values, shape);
  const [size, side] = [photo.size, style.size];

  if (magenta) {
    const predict = await session('arbitrary_predict');
    const small = await resized(style, 256);
    const vector = Object.values(await predict.run({ [predict.inputNames[0]]: tensor(toFloats(small, true), 1, 256, 256, 3) }))[0];
    await predict.release();
    const transform = await session('arbitrary_transform');
    const [content, vectorName] = transform.inputNames[0] === 'content_image' ? transform.inputNames : transform.inputNames.toReversed();
    return async () => {
      const [painting] = Object.values(await transform.run({ [content]: tensor(toFloats(photo, true), 1, size, size, 3), [vectorName]: vector }));
      return toPixels(await painting.getData(), true);
    };
  }

  const encoder = await session('style');
  const { statistics } = await encoder.run({ picture: tensor(toFloats(style), 1, 3, side, side) });
  await encoder.release();
  // Found once: ours does it at every run.
  const { matrix, offset, colouring } = colourMap(photo, style);
  const stylize = await session(`stylize-${size}`);
  const rest = { statistics, matrix: tensor(matrix, 3, 3), offset: tensor(offset, 3), colouring: tensor(colouring, 3, 3) };
  return async () => {
    const { picture } = await stylize.run({ photo: tensor(toFloats(photo), 1, 3, size, size), ...rest });
    return toPixels(await picture.getData());
  };
});
