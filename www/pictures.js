// The ways a picture file comes in: chosen, dropped, pasted; and the check that it is one.

/** Larger files are refused before anything reads them. */
const MAX_BYTES = 200e6;
/** As many as the crate's own decoder accepts. */
const MAX_PIXELS = 100e6;

/** A file that is not a usable picture; `problem` is a key of `words.badFile`. */
export class BadFile extends Error {
  constructor(problem, name) {
    super(`${name}: ${problem}`);
    this.problem = problem;
    this.fileName = name;
  }
}

/**
 * Rejects with {@link BadFile} whatever the engine could not use later.
 * @param {File} file
 * @returns {Promise<void>}
 */
export async function check(file) {
  if (file.size === 0) throw new BadFile('empty', file.name);
  if (file.size > MAX_BYTES) throw new BadFile('huge', file.name);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    const problem = file.type.startsWith('image/') ? 'unreadable' : 'no-picture';
    throw new BadFile(problem, file.name);
  }
  const pixels = bitmap.width * bitmap.height;
  bitmap.close();
  if (pixels > MAX_PIXELS) throw new BadFile('huge', file.name);
}

/** Calls `take` with the file chosen in a file input, which forgets it so that it can be chosen again. */
export function onChoose(input, take) {
  input.addEventListener('change', () => {
    const [file] = input.files;
    input.value = '';
    if (file) take(file);
  });
}

/**
 * Files dropped anywhere on the page: on `styleArea` they are styles, elsewhere photos.
 * @param {HTMLElement} styleArea
 * @param {HTMLElement} photoArea shown as the target while a file hovers elsewhere
 * @param {{ photo: (file: File) => void, style: (file: File) => void }} take
 */
export function onDrop(styleArea, photoArea, take) {
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  const mark = (target) => {
    styleArea.classList.toggle('target', target === styleArea);
    photoArea.classList.toggle('target', target === photoArea);
  };
  const areaOf = (event) => (styleArea.contains(event.target) ? styleArea : photoArea);
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(areaOf(event));
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark();
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark();
    const [file] = event.dataTransfer.files;
    if (file) (areaOf(event) === styleArea ? take.style : take.photo)(file);
  });
}

/** Files pasted: a style where the focus is among the styles, else a photo. */
export function onPaste(styleArea, take) {
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    (styleArea.contains(document.activeElement) ? take.style : take.photo)(file);
  });
}
