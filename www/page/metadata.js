// What a camera wrote beside the pixels (EXIF): out of a photo's file, and into its painting's. The command line keeps
// the same with --keep-metadata and --keep-place (src/picture/codecs/metadata.rs).

/**
 * @typedef {object} Field
 * @property {number} tag
 * @property {number} type
 * @property {number} count
 * @property {Uint8Array} bytes
 *
 * @typedef {object} Exif what a painting may have of it
 * @property {boolean} little the order of the bytes in a number
 * @property {Field[]} image
 * @property {Field[]} photo
 * @property {Field[]} place where it was taken
 * @property {Field[]} exchange
 */

/** Bytes of a value of each type. */
const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];
const [SHORT, LONG] = [3, 4];
/** Where a directory says that another one is. */
const PHOTO = 0x8769;
const PLACE = 0x8825;
const EXCHANGE = 0xa005;
/** What is written anew. */
const ORIENTATION = 0x112;
const COLOURS = 0xa001;
const [WIDTH, HEIGHT] = [0xa002, 0xa003];
/**
 * Describes the pixels of the photo's file, which are not the painting's, or what nobody can look into: other
 * directories, XMP, IPTC, Photoshop's, a colour profile, maker notes. Some of these may say where a photo was taken.
 */
const NOT_OF_IMAGE = new Set([
  0x100, 0x101, 0x102, 0x103, 0x106, 0x111, ORIENTATION, 0x117, 0x144, 0x145, 0x14a, 0x201, 0x202, 0x2bc, 0x83bb, 0x8649, PHOTO,
  0x8773, PLACE, 0xc634, 0xc635,
]);
const NOT_OF_PHOTO = new Set([0x927c, COLOURS, WIDTH, HEIGHT, EXCHANGE]);

const text = (/** @type {Uint8Array} */ bytes, /** @type {number} */ from, /** @type {number} */ length) =>
  String.fromCharCode(...bytes.subarray(from, from + length));
const letters = (/** @type {string} */ word) => Uint8Array.from(word, (letter) => letter.charCodeAt(0));
const view = (/** @type {Uint8Array} */ bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What stands before EXIF data in a JPEG file, and in some of WebP. */
const PREFIX = 'Exif\0\0';
const PNG = '\x89PNG\r\n\x1a\n';

/**
 * What the camera wrote into a photo, if it did and a painting may have some of it.
 * @param {Blob} file
 * @returns {Promise<Exif | undefined>}
 */
export async function metadataOf(file) {
  const block = blockOf(new Uint8Array(await file.arrayBuffer()));
  if (!block) return undefined;
  const exif = read(block);
  return exif && [exif.image, exif.photo, exif.place, exif.exchange].some((fields) => fields.length) ? exif : undefined;
}

/** How a photo lies, as EXIF counts it: 1 for upright, and where nothing is said. @param {Blob} file */
export async function orientationOf(file) {
  const block = blockOf(new Uint8Array(await file.arrayBuffer()));
  const little = block && text(block, 0, 2) === 'II';
  if (!block || block.length < 8) return 1;
  const found = fieldsAt(view(block), Boolean(little), view(block).getUint32(4, little)).find(({ tag }) => tag === ORIENTATION);
  return found?.type === SHORT ? view(found.bytes).getUint16(0, little) : 1;
}

/**
 * A painting's file with it, upright and in sRGB. The place goes along where it is asked for. The same file where that
 * leaves nothing.
 * @param {Blob} file JPEG, PNG or WebP
 * @param {Exif} exif
 * @param {{ width: number, height: number, place: boolean }} painting
 * @returns {Promise<Blob>}
 */
export async function withMetadata(file, exif, { width, height, place }) {
  const block = write(exif, width, height, place);
  if (!block) return file;
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (text(bytes, 0, 8) === PNG) return new Blob(intoPng(bytes, block), { type: file.type });
  if (text(bytes, 8, 4) === 'WEBP') return new Blob(intoWebp(bytes, block, width, height), { type: file.type });
  return new Blob(intoJpeg(bytes, block), { type: file.type });
}

// ---- files ---------------------------------------------------------------------------------

/** The EXIF data of a file, from their TIFF header on. @param {Uint8Array} bytes */
function blockOf(bytes) {
  const found = text(bytes, 0, 2) === '\xff\xd8' ? ofJpeg(bytes)
    : text(bytes, 0, 8) === PNG ? ofPng(bytes)
      : text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP' ? ofWebp(bytes) : undefined;
  return found && text(found, 0, 6) === PREFIX ? found.subarray(6) : found;
}

/** @param {Uint8Array} bytes */
function ofJpeg(bytes) {
  const data = view(bytes);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1];
    if (marker === 0xff) { // padding
      at += 1;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return undefined; // the pixels, or the end
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = data.getUint16(at + 2);
    if (marker === 0xe1 && text(bytes, at + 4, 6) === PREFIX) return bytes.subarray(at + 4, at + 2 + length);
    at += 2 + length;
  }
  return undefined;
}

/** @param {Uint8Array} bytes */
function ofPng(bytes) {
  const data = view(bytes);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = data.getUint32(at);
    if (text(bytes, at + 4, 4) === 'eXIf') return bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
  }
  return undefined;
}

/** @param {Uint8Array} bytes */
function ofWebp(bytes) {
  const data = view(bytes);
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = data.getUint32(at + 4, true);
    if (text(bytes, at, 4) === 'EXIF') return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  return undefined;
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {Uint8Array<ArrayBuffer>} block */
function intoJpeg(bytes, block) {
  const head = new Uint8Array(10);
  const length = 2 + PREFIX.length + block.length;
  if (length > 0xffff) throw new Error('a JPEG cannot hold so much of what the camera wrote');
  view(head).setUint16(0, 0xffe1);
  view(head).setUint16(2, length);
  head.set(letters(PREFIX), 4);
  // Behind the segment that says that it is JFIF, which some programs expect to be first.
  const at = bytes[3] === 0xe0 ? 4 + view(bytes).getUint16(4) : 2;
  return [bytes.subarray(0, at), head, block, bytes.subarray(at)];
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {Uint8Array<ArrayBuffer>} block */
function intoPng(bytes, block) {
  const chunk = new Uint8Array(12 + block.length);
  view(chunk).setUint32(0, block.length);
  chunk.set(letters('eXIf'), 4);
  chunk.set(block, 8);
  view(chunk).setUint32(8 + block.length, crc32(chunk.subarray(4, 8 + block.length)));
  const at = 8 + 12 + view(bytes).getUint32(8); // behind the header
  return [bytes.subarray(0, at), chunk, bytes.subarray(at)];
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Uint8Array<ArrayBuffer>} block
 * @param {number} width
 * @param {number} height
 */
function intoWebp(bytes, block, width, height) {
  const [EXIF, OPACITY] = [0x08, 0x10];
  const chunk = (/** @type {string} */ name, /** @type {Uint8Array} */ content) => {
    const found = new Uint8Array(8 + content.length + (content.length % 2));
    found.set(letters(name));
    view(found).setUint32(4, content.length, true);
    found.set(content, 8);
    return found;
  };
  let body = bytes.slice(12);
  const first = text(bytes, 12, 4);
  let header = new Uint8Array(0);
  if (first === 'VP8X') body[8] |= EXIF;
  else {
    const content = new Uint8Array(10);
    const transparent = first === 'VP8L' && (view(bytes).getUint32(21, true) >>> 28) & 1;
    view(content).setUint32(0, EXIF | (transparent ? OPACITY : 0), true);
    // Three bytes each, of one less.
    view(content).setUint32(4, width - 1, true);
    view(content).setUint16(7, (height - 1) & 0xffff, true);
    content[9] = (height - 1) >> 16;
    header = chunk('VP8X', content);
  }
  const parts = [header, body, chunk('EXIF', block)];
  const start = new Uint8Array(12);
  start.set(letters('RIFF'));
  view(start).setUint32(4, 4 + parts.reduce((sum, part) => sum + part.length, 0), true);
  start.set(letters('WEBP'), 8);
  return [start, ...parts];
}

/** As PNG has it. @param {Uint8Array} bytes */
function crc32(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

// ---- EXIF ----------------------------------------------------------------------------------

/** @param {Uint8Array} block @returns {Exif | undefined} */
function read(block) {
  const order = text(block, 0, 4);
  if (order !== 'II*\0' && order !== 'MM\0*') return undefined;
  const little = order === 'II*\0';
  const data = view(block);
  const directory = (/** @type {number | undefined} */ at) => (at === undefined ? [] : fieldsAt(data, little, at));
  if (block.length < 8) return undefined;
  const image = directory(data.getUint32(4, little));
  const placeOf = (/** @type {Field[]} */ fields, /** @type {number} */ tag) => {
    const found = fields.find((field) => field.tag === tag && field.type === LONG && field.count === 1);
    return found && view(found.bytes).getUint32(0, little);
  };
  const photo = directory(placeOf(image, PHOTO));
  const but = (/** @type {Field[]} */ fields, /** @type {Set<number>} */ not) => fields.filter(({ tag }) => !not.has(tag));
  return {
    little,
    image: but(image, NOT_OF_IMAGE),
    photo: but(photo, NOT_OF_PHOTO),
    place: directory(placeOf(image, PLACE)),
    exchange: directory(placeOf(photo, EXCHANGE)),
  };
}

/** What a directory has, as far as it can be read. @param {DataView} data @param {boolean} little @param {number} at */
function fieldsAt(data, little, at) {
  /** @type {Field[]} */
  const fields = [];
  if (at + 2 > data.byteLength) return fields;
  const end = at + 2 + 12 * data.getUint16(at, little);
  for (let entry = at + 2; entry < end && entry + 12 <= data.byteLength; entry += 12) {
    const [tag, type, count] = [data.getUint16(entry, little), data.getUint16(entry + 2, little), data.getUint32(entry + 4, little)];
    const length = (SIZES[type] ?? 0) * count;
    const from = length > 4 ? data.getUint32(entry + 8, little) : entry + 8;
    if (!length || from + length > data.byteLength || fields.some((field) => field.tag === tag)) continue;
    fields.push({ tag, type, count, bytes: new Uint8Array(data.buffer, data.byteOffset + from, length) });
  }
  return fields;
}

/**
 * EXIF data for a painting.
 * @param {Exif} exif
 * @param {number} width
 * @param {number} height
 * @param {boolean} withPlace
 */
function write({ little, image, photo, place, exchange }, width, height, withPlace) {
  const where = withPlace ? place : [];
  if (![image, photo, where, exchange].some((fields) => fields.length)) return undefined;
  const number = (/** @type {number} */ tag, /** @type {number} */ type, /** @type {number} */ value) => {
    const bytes = new Uint8Array(SIZES[type]);
    if (type === SHORT) view(bytes).setUint16(0, value, little);
    else view(bytes).setUint32(0, value, little);
    return { tag, type, count: 1, bytes };
  };
  // Where each directory begins is known once it is known how many fields those before it have.
  const directories = [
    [...image, number(ORIENTATION, SHORT, 1), number(PHOTO, LONG, 0)],
    [...photo, number(COLOURS, SHORT, 1), number(WIDTH, LONG, width), number(HEIGHT, LONG, height)],
  ];
  /** @type {[number, number, number][]} which field of which directory says where which is */
  const says = [[0, PHOTO, 1]];
  if (where.length) {
    directories[0].push(number(PLACE, LONG, 0));
    says.push([0, PLACE, directories.push(where) - 1]);
  }
  if (exchange.length) {
    directories[1].push(number(EXCHANGE, LONG, 0));
    says.push([1, EXCHANGE, directories.push(exchange) - 1]);
  }
  let end = 8;
  const starts = directories.map((fields) => {
    const start = end;
    end += 2 + 12 * fields.length + 4;
    return start;
  });
  for (const [directory, tag, to] of says) {
    const field = /** @type {Field} */ (directories[directory].find((one) => one.tag === tag));
    view(field.bytes).setUint32(0, starts[to], little);
  }
  const even = (/** @type {number} */ length) => length + (length % 2);
  const far = directories.flat().filter(({ bytes }) => bytes.length > 4);
  const block = new Uint8Array(end + far.reduce((sum, { bytes }) => sum + even(bytes.length), 0));
  const data = view(block);
  block.set(letters(little ? 'II*\0' : 'MM\0*'));
  data.setUint32(4, starts[0], little);
  for (const [i, fields] of directories.entries()) {
    data.setUint16(starts[i], fields.length, little);
    // Sorted, as readers may expect.
    for (const [j, { tag, type, count, bytes }] of [...fields].sort((a, b) => a.tag - b.tag).entries()) {
      const entry = starts[i] + 2 + 12 * j;
      data.setUint16(entry, tag, little);
      data.setUint16(entry + 2, type, little);
      data.setUint32(entry + 4, count, little);
      if (bytes.length <= 4) block.set(bytes, entry + 8);
      else {
        data.setUint32(entry + 8, end, little);
        block.set(bytes, end);
        end += even(bytes.length);
      }
    }
  }
  return block;
}
