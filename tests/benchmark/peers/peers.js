// What the benchmark page races our engines against: see Contestant in www/bench.js.

const worker = (/** @type {string} */ file) => new URL(file, import.meta.url).href;

/** The sizes that were exported. @type {number[]} */
const sizes = await (await fetch(worker('sizes.json'))).json();

export const peers = [
  { name: 'ONNX Runtime Web, wasm, 1 thread', kind: 'cpu', worker: worker('ort.js'), options: { provider: 'wasm' }, same: true, sizes },
  { name: 'ONNX Runtime Web, WebGPU', kind: 'webgpu', worker: worker('ort.js'), options: { provider: 'webgpu' }, same: true, sizes },
  { name: 'TensorFlow.js, WebGPU', kind: 'webgpu', worker: worker('tfjs.js'), options: {}, same: true },
  // Another network for the same task, of one size.
  { name: 'Magenta, ONNX Runtime Web, wasm, 1 thread', kind: 'cpu', worker: worker('ort.js'), options: { provider: 'wasm', magenta: true }, same: false, sizes: [384] },
];
