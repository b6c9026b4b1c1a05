// The beginning of a film as a GIF: for chats and pages that play no films. Loaded when one is asked for.

import { GIFEncoder, applyPalette, quantize } from 'gifenc';
import { FilmFile } from './film-file.js';

/** Seconds that it has at most. */
const LONGEST = 6;
/** Larger, or with more frames, it would have more megabytes than such places take. */
const LONG_SIDE = 400;
const FRAMES_A_SECOND = 12.5;

/**
 * @param {Blob} film
 * @returns {Promise<Blob>} a GIF that repeats; rejected where the film cannot be read
 */
export async function loopOf(film) {
  const file = await FilmFile.open(film);
  try {
    const scale = Math.min(1, LONG_SIDE / Math.max(file.width, file.height));
    const [width, height] = [file.width, file.height].map((side) => Math.max(1, Math.round(side * scale)));
    const gif = GIFEncoder();
    /** A frame is written once it is known how long it is shown. @type {{ pixels: Uint8ClampedArray, at: number } | undefined} */
    let held;
    const write = (/** @type {number} */ until) => {
      if (!held) return;
      const palette = quantize(held.pixels, 256);
      // In hundredths of a second, as the format has it: between the same ones as in the film.
      const delay = 10 * Math.max(2, Math.round(until * 100) - Math.round(held.at * 100));
      gif.writeFrame(applyPalette(held.pixels, palette), width, height, { palette, delay });
    };
    let end = 0;
    for await (const { canvas, at, until } of file.frames({ width, height }, 0, LONGEST)) {
      end = until;
      // A thousandth less, as times are rounded.
      if (held && at - held.at < 1 / FRAMES_A_SECOND - 1e-3) continue;
      write(at);
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      held = { pixels: context.getImageData(0, 0, width, height).data, at };
    }
    write(end);
    gif.finish();
    return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (gif.bytes())], { type: 'image/gif' });
  } finally {
    file.dispose();
  }
}
