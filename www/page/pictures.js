// The ways picture files come in: chosen, dropped, pasted; and the check that they are pictures.

/** Larger files are refused before anything reads them. */
const MAX_BYTES = 200e6;
/** As many as the crate's own decoder accepts. */
const MAX_PIXELS = 100e6;

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
 * @param {File} file
 * @returns {Promise<{ width: number, height: number, thumb: string }>} its size, and the address of a small copy
 */
export async function check(file) {
  if (file.size === 0) throw new BadFile('empty', file.name);
  if (file.size > MAX_BYTES) throw new BadFile('huge', file.name);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new BadFile(file.type.startsWith('image/') ? 'unreadable' : 'noPicture', file.name);
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MAX_PIXELS) throw new BadFile('huge', file.name);
    return { width, height, thumb: await thumbnail(bitmap) };
  } finally {
    bitmap.close();
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
