// What a worker of the benchmark does, whatever engine it holds: it makes the engine ready, then
// paints whenever it is told to, and says how long that took and what it used.

/**
 * A square picture, rows of 8-bit RGBA.
 * @typedef {{ size: number, rgba: Uint8ClampedArray<ArrayBuffer> }} Square
 *
 * @typedef {object} Task
 * @property {Square} photo
 * @property {Square} style
 * @property {any} options what the contestant's description says
 *
 * @callback Paint from the photo's pixels to the painting's, the style being encoded
 * @returns {Promise<Uint8ClampedArray | Uint8Array>} RGBA
 *
 * @typedef {object} Sample
 * @property {number} ms
 * @property {Uint8ClampedArray | Uint8Array} rgba
 * @property {number} wasmBytes size of the WebAssembly memory, which never shrinks: its peak
 * @property {number} gpuBytes most that GPU buffers took at one time, since the start
 * @property {number} launches of compute shaders in this run
 * @property {number} submissions to the GPU in this run
 */

const scope = /** @type {any} */ (self);
/** @type {Set<WebAssembly.Memory>} */
const memories = new Set();
const gpu = { bytes: 0, most: 0, launches: 0, submissions: 0 };

/** Engines do not say how much memory they take; so the memories are noted as they are made. */
function watchMemory() {
  const { Memory, instantiate, instantiateStreaming } = scope.WebAssembly;
  const note = (/** @type {any} */ result) => {
    const { memory } = (result.instance ?? result).exports;
    if (memory instanceof Memory) memories.add(memory);
    return result;
  };
  scope.WebAssembly.instantiate = (/** @type {any[]} */ ...of) => instantiate(...of).then(note);
  scope.WebAssembly.instantiateStreaming = (/** @type {any[]} */ ...of) => instantiateStreaming(...of).then(note);
  scope.WebAssembly.Memory = class extends Memory {
    /** @param {WebAssembly.MemoryDescriptor} descriptor */
    constructor(descriptor) {
      super(descriptor);
      memories.add(/** @type {any} */ (this));
    }
  };
}

/** @param {string} type @param {string} method @param {(call: () => any, target: any, of: any[]) => any} around */
function wrap(type, method, around) {
  const prototype = scope[type]?.prototype;
  const original = prototype?.[method];
  if (!original) return;
  prototype[method] = function (/** @type {any[]} */ ...of) {
    return around(() => original.apply(this, of), this, of);
  };
}

/** Counts what goes to the GPU, whoever sends it. */
function watchGpu() {
  const free = (/** @type {any} */ buffer) => {
    gpu.bytes -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  };
  /** @type {WeakMap<object, number>} */
  const sizes = new WeakMap();
  wrap('GPUDevice', 'createBuffer', (call, _, [{ size }]) => {
    const buffer = call();
    sizes.set(buffer, size);
    gpu.bytes += size;
    gpu.most = Math.max(gpu.most, gpu.bytes);
    return buffer;
  });
  wrap('GPUBuffer', 'destroy', (call, buffer) => {
    free(buffer);
    return call();
  });
  for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    wrap('GPUComputePassEncoder', method, (call) => {
      gpu.launches += 1;
      return call();
    });
  }
  wrap('GPUQueue', 'submit', (call) => {
    gpu.submissions += 1;
    return call();
  });
}

/**
 * Serves the page: `{ open: Task }`, then any number of `{ run: true }`. Every answer is
 * `{ sample: Sample, start?: number }` or `{ failed: string }`.
 * @param {(task: Task) => Promise<Paint>} open everything up to and with the encoding of the style
 */
export function contest(open) {
  watchMemory();
  watchGpu();
  /** @type {Paint} */
  let paint;

  /** @returns {Promise<Sample>} */
  async function sample() {
    gpu.launches = gpu.submissions = 0;
    const began = performance.now();
    const rgba = await paint();
    const ms = performance.now() - began;
    const wasmBytes = [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    return { ms, rgba, wasmBytes, gpuBytes: gpu.most, launches: gpu.launches, submissions: gpu.submissions };
  }

  self.addEventListener('message', async (/** @type {MessageEvent<{ open?: Task }>} */ { data }) => {
    try {
      let start;
      if (data.open) {
        const began = performance.now();
        paint = await open(data.open);
        start = performance.now() - began;
      }
      self.postMessage({ sample: await sample(), start });
    } catch (error) {
      self.postMessage({ failed: String(/** @type {Error} */ (error)?.message ?? error) });
    }
  });
  self.addEventListener('unhandledrejection', ({ reason }) => self.postMessage({ failed: String(reason?.message ?? reason) }));
}

/** RGBA to planes `[3, size, size]` in 0..1, or with `last` to `[size, size, 3]`. @param {Square} square */
export function toFloats({ size, rgba }, last = false) {
  const count = size * size;
  const floats = new Float32Array(3 * count);
  const [pixel, channel] = last ? [3, 1] : [1, count];
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) floats[i * pixel + c * channel] = rgba[4 * i + c] / 255;
  }
  return floats;
}

/** The way back. @param {Float32Array} floats */
export function toPixels(floats, last = false) {
  const count = floats.length / 3;
  const rgba = new Uint8ClampedArray(4 * count).fill(255);
  const [pixel, channel] = last ? [3, 1] : [1, count];
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = floats[i * pixel + c * channel] * 255;
  }
  return rgba;
}
