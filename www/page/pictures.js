// The ways picture files come in: chosen, dropped, pasted; and the check that they are pictures.

import { header } from './header.js';
import { encode, stem, written } from './save.js';
import { upright } from './upright.js';

/** Larger files are refused before anything reads them. */
const MAX_BYTES = 200e6;
/** As many as the crate's own decoder accepts. */
const MAX_PIXELS = 100e6;
/** What the command line reads as it is. */
const COMMON = new Set(['png', 'jpeg', 'webp', 'gif', 'bmp', 'tiff', 'jxl']);
/** Long side of a drawing that has no pixels of its own. */
const DRAWN_SIDE = 2048;

/** A file that is not a usable picture; `problem` is part of a key of the words. */
export class BadFile extends Error {
  /** @param {'empty' | 'huge' | 'unreadable' | 'noPicture' | 'heic' | 'lookForeign' | 'lookDamaged' | 'lookNewer'} problem @param {string} name */
  constructor(problem, name) {
    super(`${name}: ${problem}`);
    this.problem = problem;
    this.fileName = name;
  }
}

/**
 * Rejects with {@link BadFile} whatever the engine could not use later.
 * @param {File} given
 * @returns {Promise<{ file: File, common: boolean, loose: boolean, width: number, height: number, thumb: string }>} the
 *   file, or a drawing of it that the engine can read; whether the command line reads it under its own name, and cannot
 *   read what was given; its size, and the address of a small copy
 */
export async function check(given) {
  if (given.size === 0) throw new BadFile('empty', given.name);
  if (given.size > MAX_BYTES) throw new BadFile('huge', given.name);
  const { kind, ...known } = await header(given);
  if ((known.width ?? 0) * (known.height ?? 0) > MAX_PIXELS) throw new BadFile('huge', given.name);
  let file = given;
  let drawn = false;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file).catch(async () => {
      const whole = kind === 'jpeg' ? await ended(given) : undefined;
      file = whole ?? await redrawn(given);
      drawn = !whole;
      return createImageBitmap(file);
    });
    const turned = kind === 'webp' ? await upright(given, bitmap) : undefined;
    if (turned) {
      bitmap.close();
      file = turned;
      bitmap = await createImageBitmap(file);
    }
  } catch {
    if (kind === 'heic') throw new BadFile('heic', given.name);
    throw new BadFile(kind || given.type.startsWith('image/') ? 'unreadable' : 'noPicture', given.name);
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MAX_PIXELS) throw new BadFile('huge', file.name);
    const common = drawn || (kind !== undefined && COMMON.has(kind));
    return { file, common, loose: drawn || !common, width, height, thumb: URL.createObjectURL(await thumbnail(bitmap)) };
  } finally {
    bitmap.close();
  }
}

/** The same picture as a PNG, upright. @param {File} file */
export const asPng = async (file) => written(await createImageBitmap(file)).file('png');

/**
 * A JPEG file with the end marker that some phones leave out and browsers insist on, if all pixels are there: then it
 * does not matter what comes behind the last one, and where some are missing it does.
 * @param {File} given
 */
async function ended(given) {
  const END = Uint8Array.of(0xff, 0xd9);
  const anything = new Uint8Array(4096).fill(0x5a);
  const file = new File([given, END], given.name, { type: 'image/jpeg' });
  const pixels = async (/** @type {File} */ one) => {
    const bitmap = await createImageBitmap(one);
    const { width, height } = bitmap;
    const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', { willReadFrequently: true });
    context?.drawImage(bitmap, 0, 0);
    bitmap.close();
    return context?.getImageData(0, 0, width, height).data;
  };
  const [found, other] = [await pixels(file), await pixels(new File([given, anything, END], given.name))];
  return found?.every((value, i) => value === other?.[i]) ? file : undefined;
}

/**
 * A PNG of what only an image element can read: drawings (SVG).
 * @param {File} file
 */
async function redrawn(file) {
  // An image element would also show what there is of a damaged file.
  if (file.type !== 'image/svg+xml') throw new TypeError('not a drawing');
  const url = URL.createObjectURL(file);
  try {
    const image = Object.assign(new Image(), { src: url });
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = DRAWN_SIDE / Math.max(width, height);
    const sheet = Object.assign(document.createElement('canvas'), {
      width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)),
    });
    const context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d'));
    context.fillStyle = '#fff'; // the paper
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.drawImage(image, 0, 0, sheet.width, sheet.height);
    return new File([await encode(sheet, 'png', 100)], `${stem(file.name)}.png`, { type: 'image/png' });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * A small square copy, cut from the middle.
 * @param {ImageBitmap | HTMLCanvasElement} picture
 * @returns {Promise<Blob>}
 */
export async function thumbnail(picture, side = 160) {
  const small = document.createElement('canvas');
  small.width = side;
  small.height = side;
  const context = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  const cut = Math.min(picture.width, picture.height);
  context.drawImage(picture, (picture.width - cut) / 2, (picture.height - cut) / 2, cut, cut, 0, 0, side, side);
  return encode(small, 'jpeg', 85);
}

/** Calls `take` with the files chosen in a file input, which forgets them so that they can be chosen again. @param {HTMLInputElement} input @param {(files: File[]) => void} take */
export function onChoose(input, take) {
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    if (files.length) take(files);
  });
}

/**
 * Files dropped anywhere on the page: on `styleArea` they are styles, elsewhere photos.
 * @param {HTMLElement} styleArea
 * @param {HTMLElement} photoArea shown as the target while a file hovers elsewhere
 * @param {{ photos: (files: File[]) => void, styles: (files: File[]) => void }} take
 */
export function onDrop(styleArea, photoArea, take) {
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
  const mark = (/** @type {HTMLElement | undefined} */ target) => {
    styleArea.classList.toggle('target', target === styleArea);
    photoArea.classList.toggle('target', target === photoArea);
  };
  const areaOf = (/** @type {Event} */ event) =>
    (styleArea.contains(/** @type {Node} */ (event.target)) ? styleArea : photoArea);
  document.addEventListener('dragover', (event) => {
    // Nothing else is taken, least of all a link, which would be followed away from here.
    event.preventDefault();
    if (hasFiles(event)) mark(areaOf(event));
    else if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(undefined);
  });
  document.addEventListener('drop', async (event) => {
    event.preventDefault();
    mark(undefined);
    if (!hasFiles(event) || !event.dataTransfer) return;
    const area = areaOf(event);
    const files = await filesOf(event.dataTransfer);
    if (files.length) (area === styleArea ? take.styles : take.photos)(files);
  });
}

/** The files that were dropped, and of folders all that are named like pictures. @param {DataTransfer} data @returns {Promise<File[]>} */
async function filesOf(data) {
  // All of it before anything is awaited: it is gone then.
  const files = [...data.files];
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  const lists = await Promise.all(entries.map((entry, i) => {
    if (entry?.isDirectory) return picturesBelow(/** @type {FileSystemDirectoryEntry} */ (entry));
    return files[i] ? [files[i]] : [];
  }));
  return lists.flat();
}

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<File[]>} */
async function picturesBelow(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done) => { reader.readEntries(done, () => done([])); });
    if (!some.length) break;
    all.push(...some);
  }
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const lists = await Promise.all(all.filter(({ name }) => !name.startsWith('.')).map(async (entry) => {
    if (entry.isDirectory) return picturesBelow(/** @type {FileSystemDirectoryEntry} */ (entry));
    /** @type {File | undefined} */
    const file = await new Promise((done) => { /** @type {FileSystemFileEntry} */ (entry).file(done, () => done(undefined)); });
    return file && /^image\//.test(file.type) ? [file] : [];
  }));
  return lists.flat();
}

/** Files pasted: styles where the focus is among the styles, else photos. @param {HTMLElement} styleArea @param {{ photos: (files: File[]) => void, styles: (files: File[]) => void }} take */
export function onPaste(styleArea, take) {
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    (styleArea.contains(document.activeElement) ? take.styles : take.photos)(files);
  });
}
