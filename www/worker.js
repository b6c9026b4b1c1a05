// The worker: everything that computes. It holds one engine (the GPU or the CPU build of the
// crate) and the encodings of the pictures it was shown. A request carries all that it needs, so
// that a worker can be thrown away at any time and nothing is lost but the caches.

import { download } from './download.js';

/** The canvas limit of every current browser and more than the networks are ever asked for. */
const MAX_SIDE = 4096;
/** Encoded styles kept, so that going back to one costs only the generator. */
const STYLES_KEPT = 8;

const post = (message, transfer = []) => self.postMessage(message, transfer);

let code; // the wasm-bindgen module
let engine; // its Engine
let photo; // { key, size, handle }
const styles = new Map(); // key → handle, oldest use first

/** A picture that cannot be used: the visitor's business, not a failure of the engine. */
class PictureProblem extends Error {
  constructor(part, problem) {
    super(`${part}: ${problem}`);
    this.part = part;
    this.problem = problem;
  }
}

/**
 * The name of the graphics adapter. Throws where WebGPU would not work or not help, before anything
 * is downloaded.
 * @param {boolean} softwareToo accept an adapter that only emulates a GPU (slower than our CPU build)
 */
async function adapterName(softwareToo) {
  if (!navigator.gpu) throw new Error('no-webgpu');
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no-adapter');
  if ((adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) && !softwareToo) {
    throw new Error('software-adapter');
  }
  const { vendor, architecture, description } = adapter.info ?? {};
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'WebGPU';
}

async function start({ kind, softwareToo }) {
  const device = kind === 'gpu' ? await adapterName(softwareToo) : undefined;
  const progress = (what) => (loaded, total) => post({ type: 'download', what, loaded, total });
  const at = (path) => new URL(`../${path}`, import.meta.url);
  const weights = download(at('models/impasto.safetensors'), progress('weights'))
    .then((response) => response.arrayBuffer());
  const wasm = download(at(`engine/${kind}/impasto_bg.wasm`), progress('engine'), 'application/wasm');
  // Either may fail while the other is awaited; that must not become an unhandled rejection.
  weights.catch(() => {});
  wasm.catch(() => {});
  code = await import(at(`engine/${kind}/impasto.js`).href);
  await code.default({ module_or_path: await wasm });
  const bytes = new Uint8Array(await weights);
  post({ type: 'starting' });
  engine = await code.Engine.create(bytes);
  post({ type: 'ready', device });
}

/** Upright RGBA pixels of a picture file, sRGB. */
async function decode(blob, part) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
  } catch {
    throw new PictureProblem(part, 'unreadable');
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, rgba: new Uint8Array(data.buffer) };
}

async function photoHandle({ key, blob, size }) {
  if (photo?.key === key && photo.size === size) return photo.handle;
  const { width, height, rgba } = await decode(blob, 'photo');
  const handle = engine.photo(width, height, rgba, size);
  photo?.handle.free();
  photo = { key, size, handle };
  return handle;
}

async function styleHandle({ key, blob }) {
  let handle = styles.get(key);
  if (handle) {
    styles.delete(key);
  } else {
    const { width, height, rgba } = await decode(blob, 'style');
    handle = engine.style(width, height, rgba);
  }
  styles.set(key, handle);
  return handle;
}

function forgetOldStyles() {
  for (const [key, handle] of styles) {
    if (styles.size <= STYLES_KEPT) return;
    styles.delete(key);
    handle.free();
  }
}

async function stylize(request) {
  const began = performance.now();
  const mix = new code.Mix();
  try {
    const content = await photoHandle(request.photo);
    for (const style of request.styles) mix.add(await styleHandle(style), style.weight);
    const encoded = performance.now();
    const painting = await engine.stylize(content, mix, request.strength);
    const { width, height, rgba } = painting;
    painting.free();
    const seconds = { encode: (encoded - began) / 1000, paint: (performance.now() - encoded) / 1000 };
    post({ type: 'painted', id: request.id, width, height, rgba, seconds }, [rgba.buffer]);
  } finally {
    mix.free();
    forgetOldStyles();
  }
}

/** One message at a time, in order: two never share the engine. */
let queue = Promise.resolve();
self.addEventListener('message', ({ data }) => {
  queue = queue.then(async () => {
    try {
      if (data.type === 'start') await start(data);
      else await stylize(data);
    } catch (error) {
      if (error instanceof PictureProblem) {
        post({ type: 'bad-picture', id: data.id, part: error.part, problem: error.problem });
      } else {
        post({ type: 'failed', reason: String(error?.message ?? error) });
      }
    }
  });
});

// Errors reach the page as the worker's `error` event; rejections do not.
self.addEventListener('unhandledrejection', (event) => {
  post({ type: 'failed', reason: String(event.reason?.message ?? event.reason) });
});
