// A stream of paintings from a stream of pictures: the newest frame only, in a size that adapts.

/**
 * @typedef {import('./stylizer.js').Layer} Layer
 *
 * @typedef {object} LiveFrame what is told of a frame
 * @property {number} width of its painting
 * @property {number} height
 * @property {number} latency seconds from its arrival until its painting is shown
 * @property {number} rate paintings a second, of late
 *
 * @typedef {object} LiveOptions
 * @property {number | 'auto'} [size] ('auto') long side of the paintings: as large as this device paints fluently
 * @property {number} [strength] as in `StylizeOptions`
 * @property {'style' | 'photo' | 'luminance'} [colours] as in `StylizeOptions`
 * @property {number} [steadiness] as in `FilmOptions`
 * @property {boolean} [mirror] whether the paintings are mirrored
 * @property {HTMLCanvasElement} [canvas] to paint on; one is made where none is given
 * @property {(frame: LiveFrame) => void} [onFrame]
 * @property {(error: Error) => void} [onFailed] it has ended: an engine failed, and so did the one after it
 *
 * @typedef {Omit<LiveOptions, 'size'> & { layers: Layer[] }} How
 */

/** The sizes of 'auto'. */
const SIZES = [128, 160, 192, 256, 320, 384, 512, 640, 768];
const FIRST_SIZE = 192;
/** Seconds for a painting: with more it gets smaller; and larger only where it would then take less than this. */
const SLOW = 0.125;
const FLUENT = 0.08;
/** Paintings after which it may get smaller, and larger. */
const SOON = 4;
const LATER = 24;

/** The size that suits the device, which changes seldom. */
export class Pace {
  #seconds = 0;
  #count = 0;
  /** Of paintings before it gets larger: more each time that this was too much. */
  #later = LATER;
  size = FIRST_SIZE;

  /** A painting of this size took so long. @param {number} seconds */
  took(seconds) {
    this.#count++;
    // The first one of a size prepares what the others use.
    if (this.#count === 1) return;
    this.#seconds = this.#count === 2 ? seconds : 0.75 * this.#seconds + 0.25 * seconds;
    const at = SIZES.indexOf(this.size);
    const larger = SIZES[at + 1];
    if (this.#count > SOON && this.#seconds > SLOW && at > 0) {
      this.#later = Math.min(2 * this.#later, 40 * LATER);
      this.#become(SIZES[at - 1]);
    } else if (this.#count > this.#later && larger && this.#seconds * (larger / this.size) ** 2 < FLUENT) {
      this.#become(larger);
    }
  }

  /** @param {number} size */
  #become(size) {
    this.size = size;
    this.#count = 0;
  }
}

/**
 * Frames of a track, each the newest there is. Who takes one closes it.
 * @param {MediaStreamTrack} track
 * @returns {{ next: () => Promise<VideoFrame | HTMLVideoElement | undefined>, end: () => void }}
 */
function framesOf(track) {
  const { MediaStreamTrackProcessor: Processor } = /** @type {any} */ (globalThis);
  if (Processor) {
    /** @type {ReadableStreamDefaultReader<VideoFrame>} */
    const reader = new Processor({ track, maxBufferSize: 1 }).readable.getReader();
    return {
      next: async () => (await reader.read()).value,
      end: () => { reader.cancel().catch(() => {}); },
    };
  }
  const video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
  video.srcObject = new MediaStream([track]);
  /** @type {() => void} */
  let stop = () => {};
  const ended = new Promise((done) => { stop = () => done(undefined); });
  track.addEventListener('ended', stop);
  const playing = video.play();
  return {
    next: () => Promise.race([ended, playing.then(() => new Promise((done) => {
      if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(() => done(video));
      else requestAnimationFrame(() => done(video));
    }))]),
    end: () => {
      stop();
      track.removeEventListener('ended', stop);
      video.srcObject = null;
    },
  };
}

/** Made by `stylizer.live()`. */
export class Live {
  #filmOf;
  /** @type {How & { size: number | 'auto' }} */ #how;
  #pace = new Pace();
  #frames;
  #open = true;
  /** The film of the present look. @type {import('./film.js').Film | undefined} */ #film;
  /** Of that film's paintings. @type {number | undefined} */ #sized;
  /** Times of the last paintings. @type {number[]} */ #times = [];
  #context;

  /**
   * @param {MediaStream} source
   * @param {(how: How & { size: number }) => import('./film.js').Film} filmOf
   * @param {LiveOptions & { layers: Layer[] }} options
   */
  constructor(source, filmOf, { size = 'auto', canvas = document.createElement('canvas'), ...how }) {
    const [track] = source.getVideoTracks();
    if (!track) throw new TypeError('the stream has no pictures');
    const context = canvas.getContext('2d');
    if (!context) throw new TypeError('the canvas has another context than 2d');
    this.#filmOf = filmOf;
    this.#how = { ...how, size };
    this.#context = context;
    this.#frames = framesOf(track);
    this.canvas = canvas;
    this.stream = new MediaStream([...canvas.captureStream().getVideoTracks(), ...source.getAudioTracks()]);
    this.#run();
  }

  /**
   * Another look, from the next frame on.
   * @param {Layer[]} layers
   * @param {Omit<LiveOptions, 'canvas'>} [options] what is not in it stays as it is
   */
  update(layers, options = {}) {
    this.#how = { ...this.#how, ...options, layers };
    this.#renew();
  }

  /** Whether the paintings are mirrored. @param {boolean} mirror */
  set mirror(mirror) {
    this.#how.mirror = mirror;
  }

  /** Ends it, and the pictures of its stream. The stream that it painted goes on. */
  close() {
    if (!this.#open) return;
    this.#open = false;
    this.#frames.end();
    this.#renew();
    for (const track of this.stream.getVideoTracks()) track.stop();
  }

  #renew() {
    this.#film?.close();
    this.#film = undefined;
  }

  async #run() {
    try {
      while (this.#open) {
        const frame = await this.#frames.next();
        if (!frame) break;
        await this.#show(frame);
      }
    } catch (error) {
      if (this.#open) this.#how.onFailed?.(/** @type {Error} */ (error));
    }
    this.close();
  }

  /** @param {VideoFrame | HTMLVideoElement} frame */
  async #show(frame) {
    const began = performance.now();
    try {
      const auto = this.#how.size === 'auto';
      const size = this.#how.size === 'auto' ? this.#pace.size : this.#how.size;
      if (this.#sized !== size) this.#renew();
      this.#sized = size;
      const film = this.#film ??= this.#filmOf({ ...this.#how, size });
      const picture = await film.paint(frame, began / 1000).catch((error) => {
        // A look that was replaced meanwhile has no film any more.
        if (film !== this.#film) return undefined;
        throw error;
      });
      if (!picture) return;
      if (this.#open) this.#draw(picture);
      picture.close();
      const now = performance.now();
      if (auto) this.#pace.took((now - began) / 1000);
      this.#told(began, now);
    } finally {
      if (!(frame instanceof HTMLVideoElement)) frame.close();
    }
  }

  /** @param {ImageBitmap} picture */
  #draw(picture) {
    const { width, height } = picture;
    const { canvas } = this;
    // The stream and what shows it keep their size while the paintings get larger or smaller.
    const scale = Math.max(1, 640 / Math.max(width, height));
    const [wide, high] = [width, height].map((side) => 2 * Math.round((side * scale) / 2));
    if (Math.abs(canvas.width - wide) > 4 || Math.abs(canvas.height - high) > 4) Object.assign(canvas, { width: wide, height: high });
    const context = this.#context;
    context.imageSmoothingQuality = 'high';
    context.setTransform(this.#how.mirror ? -1 : 1, 0, 0, 1, this.#how.mirror ? canvas.width : 0, 0);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }

  /** @param {number} began @param {number} now */
  #told(began, now) {
    const times = this.#times = [...this.#times.slice(-20), now].filter((time) => now - time < 3000);
    const rate = times.length > 1 ? ((times.length - 1) * 1000) / (now - times[0]) : 0;
    const { width, height } = this.canvas;
    const size = this.#sized ?? 0;
    const scale = Math.min(1, size / Math.max(width, height));
    this.#how.onFrame?.({ width: Math.round(width * scale), height: Math.round(height * scale), latency: (now - began) / 1000, rate });
  }
}
