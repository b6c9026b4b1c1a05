// WebP files that lie on their side, as their EXIF data say, which not every browser looks at.

import { encode } from './save.js';

/** One that is two pixels wide as it lies, and high as it is to stand. Made with Pillow. */
const LIES = 'UklGRlIAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TBEAAAAvAQAAAAdQjyKXp/+BiOh/AABFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA';
/** How pixels get from where they lie to where they belong, by what EXIF calls it: for a canvas, with width and height. */
const TURNS = /** @type {Record<number, (w: number, h: number) => [number, number, number, number, number, number]>} */ ({
  2: (w) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (w, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
});

/** @type {Promise<boolean> | undefined} */
let turnsThem;

/** Whether the browser does it. */
async function browserTurns() {
  const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(LIES), (letter) => letter.charCodeAt(0))]));
  const { height } = bitmap;
  bitmap.close();
  return height === 2;
}

/**
 * A PNG of a WebP file that stands upright, with what else the camera wrote; nothing where there is nothing to turn.
 * @param {File} file
 * @param {ImageBitmap} bitmap what the browser makes of it
 * @returns {Promise<File | undefined>}
 */
export async function upright(file, bitmap) {
  const head = new Uint8Array(await file.slice(0, 21).arrayBuffer());
  const [EXTENDED, EXIF] = [0x58, 0x08]; // the X of VP8X, and its flag
  if (head[15] !== EXTENDED || !(head[20] & EXIF)) return undefined;
  turnsThem ??= browserTurns();
  if (await turnsThem) return undefined;
  const { metadataOf, orientationOf, withMetadata } = await import('./metadata.js');
  const turn = TURNS[await orientationOf(file)];
  if (!turn) return undefined;
  const matrix = turn(bitmap.width, bitmap.height);
  const [width, height] = matrix[0] === 0 ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.setTransform(...matrix);
  context.drawImage(bitmap, 0, 0);
  const [png, exif] = [await encode(canvas, 'png', 100), await metadataOf(file)];
  const whole = exif ? await withMetadata(png, exif, { width, height, place: true }) : png;
  return new File([whole], file.name, { type: 'image/png' });
}
