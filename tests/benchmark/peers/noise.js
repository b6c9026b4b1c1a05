// The planes of noise that the network paints with, as in src/noise.rs.

// src/stylizer.rs
const SEED = 0;

/** @param {number} x 32 bits */
function mixed(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** @param {number} x @param {number} y @param {number} seed */
function white(x, y, seed) {
  const hash = mixed(mixed(seed + x) + y);
  return ((hash >>> 8) / 2 ** 23 - 1) * Math.sqrt(3);
}

/** Twice as coarse, interpolated. @param {number} x @param {number} y @param {number} seed */
function coarse(x, y, seed) {
  const [column, row] = [Math.ceil(x / 2), Math.ceil(y / 2)];
  const along = (/** @type {number} */ place) => (place % 2 ? 0.25 : 0.75);
  const mix = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ by) => a + (b - a) * by;
  const line = (/** @type {number} */ of) => mix(white(column, of, seed), white(column + 1, of, seed), along(x));
  return mix(line(row), line(row + 1), along(y));
}

/**
 * Of a square picture from its corner on, at 1 / scale of its size.
 * @param {number} size
 * @param {number} scale
 * @returns {{ side: number, values: Float32Array }} [side, side, 2]
 */
export function noisePlanes(size, scale) {
  const side = size / scale;
  const seed = mixed(SEED ^ mixed(scale));
  const values = new Float32Array(2 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) values.set([white(x, y, seed), coarse(x, y, ~seed)], 2 * (y * side + x));
  }
  return { side, values };
}
