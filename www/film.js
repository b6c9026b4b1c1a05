// Frames of a film, one after the other: what of it needs no engine.

import { EngineFailed } from './failure.js';

/**
 * What a frame may be. A VideoFrame stays its owner's, who closes it once it is painted.
 * @typedef {VideoFrame | ImageBitmap | ImageData | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} FrameSource
 *
 * @typedef {object} Room the film's place in a stylizer
 * @property {number} size long side of the paintings
 * @property {(picture: ImageBitmap, seconds: number, signal?: AbortSignal) => Promise<ImageBitmap>} paint
 * @property {() => void} end
 */

/** Failures after which the same frame may well be painted by a fresh engine. */
const AGAIN = ['crashed', 'lost', 'timeout'];

/** @param {FrameSource} frame @returns {[width: number, height: number]} as it is shown */
function sizeOf(frame) {
  if (typeof HTMLVideoElement !== 'undefined' && frame instanceof HTMLVideoElement) return [frame.videoWidth, frame.videoHeight];
  if (typeof VideoFrame !== 'undefined' && frame instanceof VideoFrame) return [frame.displayWidth, frame.displayHeight];
  const { width, height } = /** @type {{ width: number, height: number }} */ (frame);
  return [width, height];
}

/** A film that is being painted. Made by `stylizer.film()`. */
export class Film {
  /** @type {Room | undefined} */ #room;

  /** @param {Room} room */
  constructor(room) {
    this.#room = room;
  }

  /**
   * Paints the next frame. An engine that stops is started again, and the film goes on with this frame, as after a cut.
   * @param {FrameSource} frame
   * @param {number} seconds when it is shown, by any clock
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<ImageBitmap>} to be closed; rejected with `EngineFailed` where a fresh engine failed as well
   */
  async paint(frame, seconds, { signal } = {}) {
    const room = this.#room;
    if (!room) throw new TypeError('the film was closed');
    if (!Number.isFinite(seconds)) throw new RangeError(`seconds must be a number, but are ${seconds}`);
    signal?.throwIfAborted();
    const [width, height] = sizeOf(frame);
    if (!width || !height) throw new TypeError('the frame has no picture yet');
    const scale = Math.min(1, room.size / Math.max(width, height));
    const picture = await createImageBitmap(frame, {
      resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)), resizeQuality: 'high',
    });
    try {
      return await room.paint(picture, seconds, signal).catch((error) => {
        if (!(error instanceof EngineFailed) || !AGAIN.includes(error.code) || signal?.aborted || !this.#room) throw error;
        return room.paint(picture, seconds, signal);
      });
    } finally {
      picture.close();
    }
  }

  /** Frees what was kept of it. */
  close() {
    this.#room?.end();
    this.#room = undefined;
  }
}
