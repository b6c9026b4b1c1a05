// What both workers do: everything that computes. A worker holds one engine (a build of the crate)
// and the pictures it has encoded. A request brings all pictures along that are not encoded here
// yet, so that a worker can be thrown away at any time.

import { knownPainting, version } from './build.js';
import { DownloadFailed, download, downloadVerified } from './download.js';
import { codeOf, EngineFailed } from './failure.js';
import { SIDE, difference, photo as knownPhoto, style as knownStyle } from './known.js';
import { pixelsOf } from './screen.js';
import { tunedStyle } from './tuned.js';

/** Milliseconds between pictures of a painting that is being refined. */
const BETWEEN = 1000;

/** Parts of photos that a step of learning paints. */
const PARTS = 2;
/** Steps, and milliseconds, between files of a style that is being learned. */
const BETWEEN_FILES = { steps: 25, milliseconds: 5000 };
/** Long side of the photos that are practised on. */
const PRACTICE_SIDE = 640;
/** The style picture in a file of a learned style, as in those of `impasto tune`: long side, bytes, and qualities to try. */
const EMBEDDED = { side: 384, bytes: 38_400, qualities: [0.85, 0.75, 0.6, 0.45, 0.3, 0.2] };

/** The canvas limit of every current browser: pictures are not read larger, unless they are to be painted so. */
const EVERYWHERE = 4096;

/**
 * @typedef {typeof import('../engine/cpu/impasto.js')} Engine both builds have the same classes
 *
 * @typedef {object} Start
 * @property {'start'} type
 * @property {string} version of the module that started the worker
 * @property {string | ArrayBuffer} weights where they are, or what they are
 * @property {string | undefined} hash of weights that must be verified
 * @property {WebAssembly.Module | undefined} module compiled by a worker before
 * @property {boolean} check compare the known painting before anything else is painted
 * @property {boolean | undefined} draws whether the GPU can draw to a canvas, where a worker before found out
 *
 * @typedef {object} Needed a picture that a request uses
 * @property {number} key
 * @property {'photo' | 'style'} part
 * @property {number} size
 * @property {Blob | ImageBitmap} [picture] where it is not encoded here yet
 *
 * @typedef {object} Run
 * @property {'run'} type
 * @property {number} id
 * @property {Needed[]} needed
 * @property {Painting & { strokes?: number, bitmap: boolean }} [painting] bitmap: wanted so, and not as pixels
 * @property {Painting & { steps: number, content: number, pixels: number, network: string, hash: string }} [refining]
 *   network: where the loss network is
 * @property {Lesson} [learning]
 * @property {Frame} [frame]
 * @property {boolean} [selfTest]
 *
 * @typedef {{ style: number | null, weight: number, mask?: ImageBitmap }} Layer
 *
 * @typedef {object} Lesson a style to be learned
 * @property {string} name of the style
 * @property {number} size long side of the style picture
 * @property {number} steps
 * @property {[Blob | ImageBitmap, ...(Blob | ImageBitmap)[]]} pictures the style, and the photos to practise on
 * @property {string} network where the loss network is
 * @property {string} hash
 *
 * @typedef {object} Frame of a film
 * @property {number} film its key
 * @property {ImageBitmap} picture in the size of its painting
 * @property {number} seconds when it is shown
 * @property {FilmLook} [look] how the film is painted, where that is not known here yet
 *
 * @typedef {{ layers: Layer[], strength: number, colours: string, steadiness: number }} FilmLook
 *
 * @typedef {{ photo: number, layers: Layer[], strength: number, colours: string }} Painting
 * @typedef {{ type: 'free', key: number }} Free
 * @typedef {{ type: 'cancel', id: number }} Cancel nobody waits for this run any more
 */

/** A picture that cannot be used: the caller's business, not a failure of the engine. */
class PictureProblem extends Error {
  /** @param {string} part @param {string} problem */
  constructor(part, problem) {
    super(`${part}: ${problem}`);
    this.part = part;
    this.problem = problem;
  }
}

/** Lets the messages in that came meanwhile. */
const breathe = () => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(undefined);
});

/** @param {object} message @param {Transferable[]} [transfer] */
const post = (message, transfer = []) => self.postMessage(message, { transfer });

/**
 * @param {Blob | ImageBitmap} picture
 * @param {number} [size] long side that it is wanted at
 * @param {number} [most] long side that it is brought to, where it is longer
 * @returns upright RGBA pixels, sRGB
 */
async function pixels(picture, part = 'mask', size = 0, most = Math.max(EVERYWHERE, size)) {
  const own = picture instanceof Blob;
  let bitmap;
  try {
    bitmap = own ? await createImageBitmap(picture, { imageOrientation: 'from-image' }) : picture;
  } catch {
    throw new PictureProblem(part, 'unreadable');
  }
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new PictureProblem(part, 'unreadable');
  if (Math.max(width, height) > EVERYWHERE) {
    // A canvas beyond the browser's limit stays empty and says nothing.
    context.fillRect(width - 1, height - 1, 1, 1);
    if (context.getImageData(width - 1, height - 1, 1, 1).data[3] === 0) throw new Error('no canvas of that size');
    context.clearRect(width - 1, height - 1, 1, 1);
  }
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, rgba: new Uint8Array(data.buffer) };
}

/** A small copy for the file of a learned style. @param {{ width: number, height: number, rgba: Uint8Array<ArrayBuffer> }} picture */
async function embedded({ width, height, rgba }) {
  const bitmap = await createImageBitmap(new ImageData(new Uint8ClampedArray(rgba.buffer), width, height));
  const scale = Math.min(1, EMBEDDED.side / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const context = canvas.getContext('2d');
  if (!context) throw new PictureProblem('style', 'unreadable');
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff'; // what is transparent is seen on white
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  let file;
  for (const quality of EMBEDDED.qualities) {
    file = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg', quality })).arrayBuffer());
    if (file.length <= EMBEDDED.bytes) break;
  }
  return /** @type {Uint8Array} */ (file);
}

/**
 * @typedef {<T>(opened: (device: any) => void, open: () => Promise<T>) => Promise<T>} WithDevice does `open`, and tells
 *   of the GPU device that it opens
 *
 * @param {{ init: (from: object) => Promise<unknown>, engine: Engine, wasm: string, drawsToCanvas?: () => Promise<boolean>, withDevice?: WithDevice }} code
 */
export function work({ init, engine: code, wasm, drawsToCanvas = async () => false, withDevice = (_, open) => open() }) {
  /** @type {import('../engine/cpu/impasto.js').Engine} */
  let engine;
  /** Settles when the GPU goes away. @type {Promise<EngineFailed> | undefined} */
  let lost;
  /** What the GPU draws paintings to that are only looked at. @type {OffscreenCanvas | undefined} */
  let screen;
  /** @type {Map<number, import('../engine/cpu/impasto.js').Photo>} */
  const photos = new Map();
  /** @type {Map<number, import('../engine/cpu/impasto.js').StyleHandle>} */
  const styles = new Map();
  /** @type {Map<number, { film: import('../engine/cpu/impasto.js').Film, layers: import('../engine/cpu/impasto.js').Layers, strength: number, colours: string }>} */
  const films = new Map();

  /** @param {Start} start */
  async function start({ version: theirs, weights: from, hash, module: compiled, check, draws: known }) {
    if (theirs !== version) throw new EngineFailed('offline', 'the page and its engine are of different versions: reload the page');
    const progress = (/** @type {string} */ what) => (/** @type {number} */ loaded, /** @type {number | undefined} */ total) =>
      post({ type: 'download', what, loaded, total });
    const coming = typeof from === 'string' ? downloadVerified(from, hash, progress('weights')) : from;
    const compiling = compiled
      ?? download(wasm, progress('engine'), { type: 'application/wasm' }).then(WebAssembly.compileStreaming);
    const [weights, module, draws] = await Promise.all([coming, compiling, known ?? drawsToCanvas()]);
    post({ type: 'starting', weights, module, draws });
    await init({ module_or_path: module });
    /** @type {(device: { lost: Promise<{ message: string }> }) => void} */
    const opened = (device) => {
      lost = device.lost.then(({ message }) => new EngineFailed('lost', 'lost', new Error(message)));
      lost.then((failure) => fail(failure));
    };
    engine = await withDevice(opened, () => code.Engine.create(new Uint8Array(weights)));
    if (draws) {
      try {
        screen = new OffscreenCanvas(1, 1);
        /** @type {any} */ (engine).show_on(screen);
      } catch (error) {
        screen = undefined; // paintings are read
        console.warn(error);
      }
    }
    if (check && !(await selfTest()).ok) {
      const reason = new EngineFailed('unsupported', 'wrong-answer');
      if (!screen) throw reason;
      // It may only be shown wrongly.
      screen = undefined;
      if (!(await selfTest()).ok) throw reason;
    }
    post({ type: 'ready' });
  }

  /** @param {Needed} needed */
  async function encode({ key, part, size, picture }) {
    if (!picture) return;
    const tuned = part === 'style' && picture instanceof Blob ? await tunedStyle(picture) : undefined;
    const { width, height, rgba } = await pixels(tuned?.picture ?? picture, part, size);
    if (part === 'photo') photos.set(key, engine.photo(width, height, rgba, size));
    else if (!tuned) styles.set(key, engine.style(width, height, rgba, size));
    else {
      const file = new Uint8Array(await /** @type {Blob} */ (picture).arrayBuffer());
      try {
        styles.set(key, engine.style(width, height, rgba, size, file));
      } catch (error) {
        console.warn(error);
        throw new PictureProblem(part, 'untuned');
      }
    }
    const { width: encodedWidth, height: encodedHeight } = photos.get(key) ?? { width, height };
    post({ type: 'encoded', key, width: encodedWidth, height: encodedHeight });
  }

  /** @param {Layer[]} wanted @returns {Promise<import('../engine/cpu/impasto.js').Layers>} to be freed */
  async function layersOf(wanted) {
    const layers = new code.Layers();
    try {
      for (const { style, weight, mask } of wanted) {
        const handle = style === null ? undefined : styles.get(style);
        if (handle) layers.style(handle, weight);
        else if (style === null) layers.photo(weight);
        else throw new Error('a style was disposed of');
        if (!mask) continue;
        const { width, height, rgba } = await pixels(mask);
        layers.mask(width, height, rgba);
      }
      return layers;
    } catch (error) {
      layers.free();
      throw error;
    }
  }

  /**
   * @template T
   * @param {Painting} painting
   * @param {(photo: import('../engine/cpu/impasto.js').Photo, layers: import('../engine/cpu/impasto.js').Layers) => Promise<T>} use
   */
  async function withLayers({ photo, layers: wanted }, use) {
    const content = photos.get(photo);
    if (!content) throw new Error('the photo was disposed of');
    const layers = await layersOf(wanted);
    try {
      return await use(content, layers);
    } finally {
      layers.free();
    }
  }

  /** @param {number} id @param {Frame} frame */
  async function paintFrame(id, { film: key, picture, seconds, look }) {
    if (look) {
      const { layers, strength, colours, steadiness } = look;
      films.set(key, { layers: await layersOf(layers), film: new code.Film(steadiness), strength, colours });
    }
    const now = films.get(key);
    if (!now) throw new Error('the film was closed');
    const { width, height, rgba } = await pixels(picture, 'frame');
    const painting = await engine.frame(now.film, width, height, rgba, now.layers, now.strength, now.colours, seconds);
    const result = await bitmapOf(painting);
    painting.free();
    post({ type: 'done', id, result }, [result]);
  }

  /** @param {number} id @param {NonNullable<Run['painting']>} painting */
  async function paint(id, painting) {
    const { strength, colours, strokes, bitmap } = painting;
    await withLayers(painting, async (content, layers) => {
      const area = content.width * content.height;
      const progress = (/** @type {number} */ done, /** @type {number} */ total) =>
        post({ type: 'progress', id, done, total, pixels: area });
      const picture = await engine.stylize(content, layers, strength, colours, strokes, progress, bitmap && screen !== undefined);
      if (bitmap) {
        const result = picture.shown ? taken() : await bitmapOf(picture);
        picture.free();
        post({ type: 'done', id, result }, [result]);
        return;
      }
      handIn(id, picture);
    });
  }

  /** @param {number} id @param {import('../engine/cpu/impasto.js').Painting} picture which is freed */
  function handIn(id, picture) {
    const { width, height, rgba } = picture;
    picture.free();
    post({ type: 'done', id, result: { width, height, rgba } }, [rgba.buffer]);
  }

  /** @param {import('../engine/cpu/impasto.js').Painting} picture */
  const bitmapOf = (picture) => createImageBitmap(new ImageData(
    /** @type {Uint8ClampedArray<ArrayBuffer>} */ (picture.rgba), picture.width, picture.height));

  /** The loss network, where it is not there yet. @param {string} network @param {string} hash @param {Parameters<typeof downloadVerified>[2]} onProgress */
  async function loadRefiner(network, hash, onProgress) {
    if (engine.can_refine) return;
    const bytes = await downloadVerified(network, hash, onProgress);
    try {
      engine.load_refiner(new Uint8Array(bytes));
    } catch (error) {
      // Where the browser could not verify it.
      throw new DownloadFailed(String(/** @type {Error} */ (error).message));
    }
  }

  /** @param {number} id @param {NonNullable<Run['refining']>} refining */
  async function refine(id, refining) {
    const { strength, colours, steps, content: faithful, pixels: most, network, hash } = refining;
    const tell = (/** @type {object} */ progress, /** @type {ImageBitmap | undefined} */ picture = undefined) =>
      post({ type: 'refined', id, picture, ...progress }, picture ? [picture] : []);
    await loadRefiner(network, hash, (loaded, bytes) => tell({ done: 0, total: steps, loaded, bytes }));
    if (cancelled === id) return post({ type: 'done', id });
    await withLayers(refining, async (content, layers) => {
      const now = await engine.refine(content, layers, strength, colours, steps, faithful, most);
      try {
        let last = performance.now();
        for (let done = 1; ; done++) {
          const found = await now.step();
          if (!found) break;
          const losses = lossesOf(found);
          let picture;
          // The last one is the result.
          if (performance.now() - last > BETWEEN && done < now.steps) {
            const painting = await now.picture();
            picture = await bitmapOf(painting);
            painting.free();
            last = performance.now();
          }
          tell({ done, total: now.steps, losses }, picture);
          await breathe();
          if (cancelled === id) return post({ type: 'done', id });
        }
        handIn(id, await now.picture());
      } finally {
        now.free();
      }
    });
  }

  /** @param {number} id @param {Lesson} learning */
  async function learn(id, { name, size, steps, pictures: [picture, ...others], network, hash }) {
    const teacher = /** @type {import('../engine/learn/impasto.js').Engine} */ (/** @type {unknown} */ (engine));
    const { Photos } = /** @type {typeof import('../engine/learn/impasto.js')} */ (/** @type {unknown} */ (code));
    const tell = (/** @type {object} */ progress, /** @type {Uint8Array | undefined} */ file = undefined) =>
      post({ type: 'learned', id, total: steps, file, ...progress }, file ? [file.buffer] : []);
    await loadRefiner(network, hash, (loaded, bytes) => tell({ done: 0, loaded, bytes }));
    const seen = await pixels(picture, 'style', size);
    const small = await embedded(seen);
    const style = teacher.style(seen.width, seen.height, seen.rgba, size);
    const practice = new Photos();
    try {
      for (const photo of others) {
        const { width, height, rgba } = await pixels(photo, 'photo', 0, PRACTICE_SIDE);
        practice.add(width, height, rgba);
        tell({ done: 0 });
      }
      const lesson = teacher.learn(style, practice, steps, PARTS);
      let last = { step: 0, at: performance.now() };
      for (let done = 1; done <= steps; done++) {
        const losses = lossesOf(/** @type {Float32Array} */ (await lesson.step()));
        const due = done - last.step >= BETWEEN_FILES.steps && performance.now() - last.at >= BETWEEN_FILES.milliseconds;
        // The last one is the result.
        const file = due && done < steps ? await lesson.file(name, small) : undefined;
        if (file) last = { step: done, at: performance.now() };
        tell({ done, losses }, file);
        await breathe();
        if (cancelled === id) return post({ type: 'done', id });
      }
      const result = await lesson.file(name, small);
      lesson.free();
      post({ type: 'done', id, result }, [result.buffer]);
    } finally {
      practice.free();
      style.free();
    }
  }

  /** What is on the screen. */
  const taken = () => /** @type {OffscreenCanvas} */ (screen).transferToImageBitmap();

  async function selfTest() {
    const photo = engine.photo(SIDE, SIDE, knownPhoto(), SIDE);
    const style = engine.style(SIDE, SIDE, knownStyle(), SIDE);
    const layers = new code.Layers();
    layers.style(style, 1);
    const picture = await engine.stylize(photo, layers, 1, 'style', undefined, () => {}, screen !== undefined);
    const rgba = picture.shown ? pixelsOf(taken()) : picture.rgba;
    for (const handle of [picture, layers, style, photo]) handle.free();
    return { ...difference(rgba, Uint8Array.from(atob(knownPainting), (letter) => letter.charCodeAt(0))), rgba };
  }

  /** The run that nobody waits for any more. */
  let cancelled = 0;

  /** @param {Run} run */
  async function run({ id, needed, painting, refining, learning, frame, selfTest: test }) {
    for (const one of needed) {
      await encode(one);
      await breathe();
      // The frames that follow need what comes with this one.
      if (cancelled === id && !frame) return post({ type: 'done', id });
    }
    if (painting) await paint(id, painting);
    else if (refining) await refine(id, refining);
    else if (learning) await learn(id, learning);
    else if (frame) await paintFrame(id, frame);
    else post({ type: 'done', id, result: test ? await selfTest() : undefined });
  }

  /** @param {Free} message */
  function free({ key }) {
    for (const kept of [photos, styles]) {
      kept.get(key)?.free();
      kept.delete(key);
    }
    const film = films.get(key);
    films.delete(key);
    film?.film.free();
    film?.layers.free();
  }

  /** One message at a time, in order: two never share the engine. */
  let queue = Promise.resolve();
  self.addEventListener('message', (/** @type {MessageEvent<Start | Run | Free | Cancel>} */ { data }) => {
    if (data.type === 'cancel') {
      cancelled = data.id;
      return;
    }
    queue = queue.then(async () => {
      try {
        if (data.type === 'start') await start(data);
        else if (data.type === 'run') await run(data);
        else free(data);
      } catch (error) {
        const id = 'id' in data ? data.id : undefined;
        // A file that does not come while the engine runs is no fault of the engine.
        if (error instanceof DownloadFailed && data.type === 'run') post({ type: 'refused', id, ...told(error) });
        else if (error instanceof PictureProblem) post({ type: 'bad-picture', id, part: error.part, problem: error.problem });
        else await fail(error);
      }
    });
  });

  /** @param {unknown} error */
  async function fail(error) {
    // What fails with a GPU that went away fails because of it, and often before the browser says so.
    const moment = new Promise((done) => { setTimeout(done, 500); });
    post({ type: 'failed', ...told(await Promise.race([lost ?? error, moment]) ?? error) });
  }

  // A panic in wasm is an error that nothing catches, or a rejection that nobody hears of.
  self.addEventListener('error', (event) => {
    event.preventDefault();
    console.error(event.error ?? event.message);
    fail(new EngineFailed(codeOf(event.error), 'crashed', event.error ?? event.message));
  });
  self.addEventListener('unhandledrejection', ({ reason }) => fail(reason));
  post({ type: 'here' });
}

/** @param {Float32Array} step */
const lossesOf = ([content, statistics, gram]) => ({ content, statistics, gram });

/** What the page is told of an error. @param {unknown} error */
function told(error) {
  const { message = String(error), cause = error } = /** @type {Partial<Error>} */ (error ?? {});
  // Not every error can be sent as it is.
  return { code: codeOf(error), reason: message, cause: cause instanceof Error ? new Error(cause.message) : String(cause) };
}
