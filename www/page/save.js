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

/**
 * The same for a picture that is on no canvas yet.
 * @param {ImageBitmap | ImageData} picture a bitmap is closed
 * @param {Format} format
 * @param {number} quality
 */
export function pictureOf(picture, format, quality) {
  const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  if (picture instanceof ImageBitmap) {
    context.drawImage(picture, 0, 0);
    picture.close();
  } else {
    context.putImageData(picture, 0, 0);
  }
  return encode(canvas, format, quality);
}

/** Whether the browser can write a format. @param {Format} format */
export async function canWrite(format) {
  const dot = document.createElement('canvas');
  dot.width = 1;
  dot.height = 1;
  return encode(dot, format, 90).then(() => true, () => false);
}

/** "holiday.jpeg" → "holiday-impasto.png" @param {string} photoName @param {Format} format */
export const paintingName = (photoName, format) =>
  `${photoName.replace(/\.[^.]*$/, '')}-impasto.${ENDINGS[format]}`;

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser reads the blob after this turn; some only after a while.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {HTMLCanvasElement} canvas */
export async function copyPicture(canvas) {
  // The promise goes in as it is: Safari forgets the click while one waits for it.
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': encode(canvas, 'png', 100) })]);
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
