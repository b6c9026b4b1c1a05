// Pictures for the tests: made here, the same every time.

import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';

/** @param {(x: number, y: number) => [number, number, number]} colour for 0 ≤ x, y < 1 */
function paint(width, height, colour) {
  const png = new PNG({ width, height });
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const rgb = colour((x + 0.5) / width, (y + 0.5) / height);
      rgb.forEach((value, i) => { png.data[(y * width + x) * 4 + i] = Math.max(0, Math.min(255, Math.round(value))); });
      png.data[(y * width + x) * 4 + 3] = 255;
    }
  }
  return PNG.sync.write(png);
}

/** A landscape: sky, sun, two ridges, a field with furrows. */
export function photo(width, height) {
  return paint(width, height, (x, y) => {
    if ((x - 0.72) ** 2 + ((y - 0.22) * height / width) ** 2 < 0.006) return [255, 236, 170];
    if (y < 0.45 + 0.08 * Math.sin(7 * x)) return [110 + 90 * y, 160 + 90 * y, 225 + 20 * y];
    if (y < 0.6 + 0.05 * Math.sin(11 * x + 2)) return [70 + 20 * x, 90 + 30 * y, 110 - 20 * x];
    const furrow = 18 * Math.sin(60 * (x - 0.5) / (y - 0.4));
    return [95 + furrow, 125 + furrow, 60 + furrow / 2];
  });
}

/** Bold strokes in red, ochre and blue. */
export function style(width, height) {
  return paint(width, height, (x, y) => {
    const wave = Math.sin(25 * x + 9 * Math.sin(8 * y)) + Math.sin(31 * y - 7 * Math.sin(5 * x));
    if (wave > 0.7) return [214, 150, 40];
    if (wave > -0.4) return [168 + 30 * wave, 40, 36];
    return [28, 52, 110 - 30 * wave];
  });
}

/** Mean absolute difference of the colours of two PNG files of the same size, in 0..255. */
export async function meanDifference(fileA, fileB) {
  const [a, b] = await Promise.all([fileA, fileB].map(async (file) => PNG.sync.read(await readFile(file))));
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`${fileA} is ${a.width} × ${a.height}, ${fileB} is ${b.width} × ${b.height}`);
  }
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) {
    if (i % 4 !== 3) sum += Math.abs(a.data[i] - b.data[i]);
  }
  return sum / (a.width * a.height * 3);
}
