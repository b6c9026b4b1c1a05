// What goes out: files of several formats, the clipboard, sharing, a command line, a ZIP.

/** @typedef {'png' | 'jpeg' | 'webp'} Format */

const ENDINGS = { png: 'png', jpeg: 'jpg', webp: 'webp', mp4: 'mp4', webm: 'webm' };

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

/** The name of a file without its ending. @param {string} name */
export const stem = (name) => name.replace(/\.[^.]*$/, '');

/**
 * "holiday.jpeg" in blue-town and waves → "holiday-in-blue-town+waves.png"
 * @param {string} photoName
 * @param {string[]} styles their names
 * @param {keyof typeof ENDINGS} format
 */
export function paintingName(photoName, styles, format) {
  // What some system does not allow in the name of a file, and no name longer than any allows.
  const safe = (/** @type {string} */ name) => [...name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')].slice(0, 40).join('').trim();
  const names = styles.map(safe).filter((name) => name);
  return `${stem(photoName)}-in-${names.join('+') || 'impasto'}.${ENDINGS[format]}`;
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

/** @typedef {'posix' | 'powershell'} Shell */

/**
 * One argument for a shell.
 * @param {string} text
 * @param {Shell} [shell]
 */
export function quoted(text, shell = 'posix') {
  // A name that begins with a dash would be taken for an option.
  const safe = text.startsWith('-') ? `./${text}` : text;
  if (shell === 'posix') return /^[\w./=:,+@%-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", `'\\''`)}'`;
  // A comma makes a list here, and typographic quotation marks end a string, too.
  return /^[\w./=:+-]+$/.test(safe) ? safe : `'${safe.replaceAll(/['‘’‚‛]/g, '$&$&')}'`;
}

/** A ZIP that grows file by file. What is in it are blobs, which browsers keep where there is room: it is never in memory as a whole. */
export class ZipFile {
  /** @type {Blob[]} */ #parts = [];
  /** @type {Set<string>} */ #names = new Set();
  /** @type {Promise<{ zip: import('fflate').Zip, Entry: typeof import('fflate').ZipPassThrough }> | undefined} */ #open;
  count = 0;

  /** Its entries are stored: pictures are compressed already. Not fflate's workers, as the page's policy forbids them. */
  async #begin() {
    const { Zip, ZipPassThrough: Entry } = await import('fflate');
    const zip = new Zip((error, bytes) => {
      if (error) throw error;
      this.#parts.push(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]));
    });
    return { zip, Entry };
  }

  /** Adds a file; one of the same name gets another. One at a time. @param {string} name @param {Blob} blob */
  async add(name, blob) {
    const { zip, Entry } = await (this.#open ??= this.#begin());
    const [, stem, ending] = /** @type {RegExpMatchArray} */ (name.match(/^(.*?)(\.[^.]*)?$/s));
    let free = name;
    for (let n = 2; this.#names.has(free.toLowerCase()); n++) free = `${stem}-${n}${ending ?? ''}`;
    this.#names.add(free.toLowerCase());
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const entry = new Entry(free);
    zip.add(entry);
    entry.push(bytes, true);
    this.count++;
  }

  /** Nothing can be added afterwards. */
  async finish() {
    const { zip } = await (this.#open ??= this.#begin());
    zip.end();
    return new Blob(this.#parts, { type: 'application/zip' });
  }
}
