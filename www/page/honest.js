// Browsers that protect against being recognized give noise, or white, for the pixels that a page reads. A photo would
// come out as that, so it is found out beforehand.

/** Side of a square with known colours. Browsers leave single pixels, and even ones, alone. */
const SIDE = 24;
/** What rounding may change. */
const ROUNDING = 4;

/** @type {boolean | undefined} */
let honest;

/** Whether the pixels that are read from a canvas are those that were drawn on it. */
export function readsTrue() {
  if (honest !== undefined) return honest;
  const context = /** @type {CanvasRenderingContext2D} */ (
    Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE }).getContext('2d'));
  const colour = (/** @type {number} */ x, /** @type {number} */ y) => [10 * x, 10 * y, 240 - 5 * (x + y)];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      context.fillStyle = `rgb(${colour(x, y).join(' ')})`;
      context.fillRect(x, y, 1, 1);
    }
  }
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  honest = true;
  for (let i = 0; i < data.length; i += 4) {
    const expected = colour((i / 4) % SIDE, Math.floor(i / 4 / SIDE));
    if (expected.some((value, channel) => Math.abs(value - data[i + channel]) > ROUNDING)) honest = false;
  }
  return honest;
}
