// What goes out: files of three formats, the clipboard, sharing, a command line, a ZIP.

/** @typedef {'png' | 'jpeg' | 'webp'} Format */

const ENDINGS = { png: 'png', jpeg: 'jpg', webp: 'webp' };

/**
 * A picture file. Rejects where the browser cannot write this format.
 * @param {HTMLCanvasElement} canvas
 * @param {Format} format
 * @param {number} quality 0 to 100, for JPEG and WebP
 * @returns {Promise<Blob>}
 */
export async function encode(canvas, format, quality) {
  const type = `image/${format}`;
  /** @type {Blob | null} */
  const blob = await new Promise((done) => { canvas.toBlob(done, type, quality / 100); });
  // A browser that does not know the format gives a PNG instead.
  if (blob?.type !== type) throw new Error(`this browser cannot write ${type}`);
  return blob;
}

/** A picture on a canvas, of which each file is written once. */
export class Written {
  #canvas;
  /** The last of each format, by format. @type {Map<Format, { quality: number, file: Promise<Blob> }>} */
  #files = new Map();

  /** @param {HTMLCanvasElement} canvas which must not change while this is used @param {Blob} [png] where that is there already */
  constructor(canvas, png) {
    this.#canvas = canvas;
    this.width = canvas.width;
    this.height = canvas.height;
    if (png) this.#files.set('png', { quality: 100, file: Promise.resolve(png) });
  }

  /** @param {CanvasRenderingContext2D} context */
  drawOn(context) {
    context.drawImage(this.#canvas, 0, 0);
  }

  /** Rejects where the browser cannot write it. @param {Format} format @param {number} quality 0 to 100; PNG has none */
  file(format, quality = 100) {
    const known = this.#files.get(format);
    if (known && (format === 'png' || known.quality === quality)) return known.file;
    const file = encode(this.#canvas, format, quality);
    this.#files.set(format, { quality, file });
    // The next attempt writes again.
    file.catch(() => { if (this.#files.get(format)?.file === file) this.#files.delete(format); });
    return file;
  }
}

/**
 * A picture that is on no canvas yet. Throws where no canvas can be so large.
 * @param {ImageBitmap | ImageData} picture a bitmap is closed
 */
export function written(picture) {
  const { width, height } = picture;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  // Some browsers say nothing of a canvas that is too large, but nothing can be drawn on it.
  context?.fillRect(0, 0, 1, 1);
  if (!context?.getImageData(0, 0, 1, 1).data[3]) {
    if (picture instanceof ImageBitmap) picture.close();
    throw new Error(`no canvas of ${width} × ${height}`);
  }
  context.clearRect(0, 0, 1, 1);
  if (picture instanceof ImageBitmap) {
    context.drawImage(picture, 0, 0);
    picture.close();
  } else {
    context.putImageData(picture, 0, 0);
  }
  return new Written(canvas);
}

/** Whether the browser can write a format. @param {Format} format */
export async function canWrite(format) {
  const dot = document.createElement('canvas');
  dot.width = 1;
  dot.height = 1;
  return encode(dot, format, 90).then(() => true, () => false);
}

/**
 * "holiday.jpeg" in blue-town and waves → "holiday-in-blue-town+waves.png"
 * @param {string} photoName
 * @param {string[]} styles their names
 * @param {Format} format
 */
export function paintingName(photoName, styles, format) {
  // What some system does not allow in the name of a file, and no name longer than any allows.
  const safe = (/** @type {string} */ name) => [...name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')].slice(0, 40).join('').trim();
  const names = styles.map(safe).filter((name) => name);
  return `${photoName.replace(/\.[^.]*$/, '')}-in-${names.join('+') || 'impasto'}.${ENDINGS[format]}`;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser reads the blob after this turn; some only after a while.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {Promise<Blob>} png */
export async function copyPicture(png) {
  // The promise goes in as it is: Safari forgets the click while one waits for it.
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
}

/** @param {File[]} files */
export const canShare = (files) => Boolean(navigator.canShare?.({ files }));

/**
 * One argument of a POSIX shell.
 * @param {string} text
 */
export function quoted(text) {
  // A name that begins with a dash would be taken for an option.
  const safe = text.startsWith('-') ? `./${text}` : text;
  return /^[\w./=:,+@%-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", `'\\''`)}'`;
}

/**
 * Names for files of a ZIP, of which no two are the same.
 * @param {string[]} names
 */
function unlike(names) {
  const seen = new Set();
  return names.map((name) => {
    const [, stem, ending] = /** @type {RegExpMatchArray} */ (name.match(/^(.*?)(\.[^.]*)?$/s));
    let free = name;
    for (let n = 2; seen.has(free.toLowerCase()); n++) free = `${stem}-${n}${ending ?? ''}`;
    seen.add(free.toLowerCase());
    return free;
  });
}

/**
 * @param {{ name: string, blob: Blob }[]} files
 * @returns {Promise<Blob>}
 */
export async function zipped(files) {
  // Not the asynchronous one: its worker comes from a blob, which the page's policy forbids, and
  // storing what is compressed already takes no time.
  const { zipSync } = await import('fflate');
  const names = unlike(files.map(({ name }) => name));
  /** @type {import('fflate').Zippable} */
  const contents = {};
  for (const [i, { blob }] of files.entries()) {
    contents[names[i]] = [new Uint8Array(await blob.arrayBuffer()), { level: 0 }];
  }
  return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (zipSync(contents))], { type: 'application/zip' });
}
