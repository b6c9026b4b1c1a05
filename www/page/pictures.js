// The ways picture files come in: chosen, dropped, pasted; and the check that they are pictures.

/** Larger files are refused before anything reads them. */
const MAX_BYTES = 200e6;
/** As many as the crate's own decoder accepts. */
const MAX_PIXELS = 100e6;
/** Long side of a drawing that has no pixels of its own. */
const DRAWN_SIDE = 2048;

/** A file that is not a usable picture; `problem` is part of a key of the words. */
export class BadFile extends Error {
  /** @param {'empty' | 'huge' | 'unreadable' | 'noPicture'} problem @param {string} name */
  constructor(problem, name) {
    super(`${name}: ${problem}`);
    this.problem = problem;
    this.fileName = name;
  }
}

/**
 * Rejects with {@link BadFile} whatever the engine could not use later.
 * @param {File} given
 * @returns {Promise<{ file: File, width: number, height: number, thumb: string }>} the file, or a drawing of it that
 *   the engine can read; its size, and the address of a small copy
 */
export async function check(given) {
  if (given.size === 0) throw new BadFile('empty', given.name);
  if (given.size > MAX_BYTES) throw new BadFile('huge', given.name);
  let file = given;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file).catch(async () => {
      file = await redrawn(given);
      return createImageBitmap(file);
    });
  } catch {
    throw new BadFile(given.type.startsWith('image/') ? 'unreadable' : 'noPicture', given.name);
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MAX_PIXELS) throw new BadFile('huge', file.name);
    return { file, width, height, thumb: await thumbnail(bitmap) };
  } finally {
    bitmap.close();
  }
}

/** What the command line reads as it is. @param {Blob} file */
export const isCommon = (file) => /^image\/(png|jpeg|webp)$/.test(file.type);

/** The same picture as a PNG, upright. @param {File} file @returns {Promise<Blob>} */
export async function asPng(file) {
  const bitmap = await createImageBitmap(file);
  const sheet = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
  /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d')).drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Promise((done) => { sheet.toBlob((blob) => done(/** @type {Blob} */ (blob)), 'image/png'); });
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
    const blob = await new Promise((done) => { sheet.toBlob(done, 'image/png'); });
    return new File([blob], `${file.name.replace(/\.[^.]*$/, '')}.png`, { type: 'image/png' });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * The address of a small square copy, cut from the middle.
 * @param {ImageBitmap | HTMLCanvasElement} picture
 */
export async function thumbnail(picture, side = 160) {
  const small = document.createElement('canvas');
  small.width = side;
  small.height = side;
  const context = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  const cut = Math.min(picture.width, picture.height);
  context.drawImage(picture, (picture.width - cut) / 2, (picture.height - cut) / 2, cut, cut, 0, 0, side, side);
  const blob = await new Promise((done) => { small.toBlob(done, 'image/jpeg', 0.85); });
  return URL.createObjectURL(blob);
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
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(areaOf(event));
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(undefined);
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(undefined);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) (areaOf(event) === styleArea ? take.styles : take.photos)(files);
  });
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
