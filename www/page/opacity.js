// What is transparent in a photo is so in the files of its paintings, as with the command line.

import { header } from './header.js';
import { Written } from './save.js';

/** Long side at which transparency is looked for. */
const LOOK = 512;
/** Kinds that never have any. */
const OPAQUE = new Set(['jpeg', 'bmp']);

/** Of each photo, whether it is transparent somewhere. @type {WeakMap<File, Promise<boolean>>} */
const transparent = new WeakMap();
/** Paintings with the transparency of their photos. @type {WeakMap<Written, Promise<Written>>} */
const cutOut = new WeakMap();

/** @param {number} width @param {number} height */
const canvasOf = (width, height) => Object.assign(document.createElement('canvas'), { width, height });
const contextOf = (/** @type {HTMLCanvasElement} */ canvas) =>
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));

/** The pixels of a photo in another size. @param {File} file @param {number} width @param {number} height */
async function pixelsOf(file, width, height) {
  const bitmap = await createImageBitmap(file);
  const context = contextOf(canvasOf(width, height));
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** Whether a photo is transparent somewhere. @param {import('./painter.js').Photo} photo */
export function isTransparent({ file, width, height }) {
  const known = transparent.get(file);
  if (known) return known;
  const look = async () => {
    const { kind } = await header(file);
    if (kind && OPAQUE.has(kind)) return false;
    const scale = Math.min(1, LOOK / Math.max(width, height));
    const [small, low] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    const pixels = await pixelsOf(file, small, low);
    for (let i = 3; i < pixels.length; i += 4) if (pixels[i] < 255) return true;
    return false;
  };
  const found = look();
  transparent.set(file, found);
  found.catch(() => transparent.delete(file));
  return found;
}

/**
 * A painting that is transparent where its photo is, and looks as before on white.
 * @param {import('./painter.js').Photo} photo
 * @param {Written} picture
 * @returns {Promise<Written>}
 */
export async function withOpacity(photo, picture) {
  if (!await isTransparent(photo)) return picture;
  const known = cutOut.get(picture);
  if (known) return known;
  const cut = async () => {
    const { width, height } = picture;
    const canvas = canvasOf(width, height);
    const context = contextOf(canvas);
    picture.drawOn(context);
    const painting = context.getImageData(0, 0, width, height);
    const { data } = painting;
    const pixels = await pixelsOf(photo.file, width, height);
    for (let i = 0; i < data.length; i += 4) {
      const opacity = pixels[i + 3];
      data[i + 3] = opacity;
      if (opacity === 0 || opacity === 255) continue;
      for (let channel = i; channel < i + 3; channel++) {
        data[channel] = (255 * (data[channel] - 255 + opacity)) / opacity; // brought into 0 to 255, and rounded
      }
    }
    context.putImageData(painting, 0, 0);
    return new Written(canvas);
  };
  const found = cut();
  cutOut.set(picture, found);
  found.catch(() => cutOut.delete(picture));
  return found;
}
