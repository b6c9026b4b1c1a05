// A tiny photo and a tiny style, made by arithmetic, so that every device paints the same thing.

/** Both sides of the photo, the style and the painting. */
export const SIDE = 32;
/** As a GPU rounds differently, so much of 255 may be between its values and the CPU's. */
const MOST_MEAN = 1.5;
const MOST = 16;

/** @param {(x: number, y: number) => number[]} colour @returns {Uint8Array} RGBA */
function draw(colour) {
  const rgba = new Uint8Array(SIDE * SIDE * 4);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) rgba.set([...colour(x, y), 255], (y * SIDE + x) * 4);
  }
  return rgba;
}

/** A disc before a ramp. */
export const photo = () => draw((x, y) =>
  ((x - 20) ** 2 + (y - 11) ** 2 < 50 ? [240, 200, 90] : [40 + 4 * x, 110 + 3 * y, 210 - 5 * y]));

/** Stripes. */
export const style = () => draw((x, y) => ((x + 2 * y) % 11 < 5 ? [200, 60, 40] : [30, 70, 120 + 2 * x]));

/**
 * @typedef {object} Difference from what the CPU engine painted at the build
 * @property {number} mean of all channels, in 0..255
 * @property {number} most
 * @property {boolean} ok small enough to be nothing but rounding
 */

/**
 * @param {ArrayLike<number>} painted RGBA
 * @param {ArrayLike<number>} known
 * @returns {Difference}
 */
export function difference(painted, known) {
  let sum = 0;
  let most = painted.length === known.length ? 0 : 255;
  for (let i = 0; i < known.length; i++) {
    const one = Math.abs(painted[i] - known[i]);
    sum += one;
    most = Math.max(most, one);
  }
  // Three of the four channels are colours; the fourth is the same everywhere.
  const mean = sum / (known.length * 0.75);
  return { mean, most, ok: mean <= MOST_MEAN && most <= MOST };
}
