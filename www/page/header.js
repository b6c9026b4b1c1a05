// What the first bytes of a file say: the kind of picture, whatever its name, and its size, before anything decodes
// it: a small file may hold a picture that fills all memory.

/** Enough for the metadata that stands before the size in a JPEG file of a camera. */
const HEAD = 1 << 18;
/** Where a file of that kind has said by then what it is. */
const HEAD_OF_BRANDS = 256;
/** Brands of HEIF files (ISO/IEC 23008-12) with pictures that few browsers read. */
const HEIC = /^(hei[cxms]|hev[cx]|mif1|msf1)$/;

/**
 * @typedef {'png' | 'jpeg' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'jxl' | 'heic' | 'avif'} Kind
 *
 * @param {Blob} file
 * @returns {Promise<{ kind?: Kind, width?: number, height?: number }>} what is known
 */
export async function header(file) {
  return read(new DataView(await file.slice(0, HEAD).arrayBuffer()));
}

/** @param {DataView} data @returns {{ kind?: Kind, width?: number, height?: number }} */
function read(data) {
  const text = (/** @type {number} */ from, /** @type {number} */ length) =>
    String.fromCharCode(...Array.from({ length: Math.max(0, Math.min(length, data.byteLength - from)) }, (_, i) => data.getUint8(from + i)));
  const long = (/** @type {number} */ bytes) => data.byteLength >= bytes;
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return long(24) ? { kind: 'png', width: data.getUint32(16), height: data.getUint32(20) } : { kind: 'png' };
  if (text(0, 3) === '\xff\xd8\xff') return { kind: 'jpeg', ...jpegSize(data) };
  if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP') return { kind: 'webp', ...webpSize(data, text(12, 4)) };
  if (text(0, 4) === 'GIF8') return long(10) ? { kind: 'gif', width: data.getUint16(6, true), height: data.getUint16(8, true) } : { kind: 'gif' };
  if (text(0, 2) === 'BM') return long(26) ? { kind: 'bmp', width: Math.abs(data.getInt32(18, true)), height: Math.abs(data.getInt32(22, true)) } : { kind: 'bmp' };
  if (text(0, 4) === 'II*\0' || text(0, 4) === 'MM\0*') return { kind: 'tiff' };
  if (text(0, 2) === '\xff\x0a' || text(0, 12) === '\0\0\0\x0cJXL \r\n\x87\n') return { kind: 'jxl' };
  if (text(4, 4) === 'ftyp') {
    // Both may say that they are of the general kind, and name their own behind it and a version.
    const more = text(16, Math.min(data.getUint32(0), HEAD_OF_BRANDS) - 16).match(/.{4}/gs) ?? [];
    const brands = [text(8, 4), ...more];
    if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return { kind: 'avif', ...heifSize(data) };
    if (brands.some((brand) => HEIC.test(brand))) return { kind: 'heic', ...heifSize(data) };
  }
  return {};
}

/** @param {DataView} data */
function jpegSize(data) {
  for (let at = 2; at + 9 < data.byteLength;) {
    if (data.getUint8(at) !== 0xff) return {};
    const marker = data.getUint8(at + 1);
    // Start of a frame, of any coding; three of the numbers mean something else.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: data.getUint16(at + 7), height: data.getUint16(at + 5) };
    }
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else at += 2 + data.getUint16(at + 2);
  }
  return {};
}

/** Of the largest of the pictures that a HEIF file has, of which some may be parts of another. @param {DataView} data */
function heifSize(data) {
  const SIZE = 0x69737065; // 'ispe', a version, width, height
  /** @type {{ width?: number, height?: number }} */
  let found = {};
  let most = 0;
  for (let at = 0; at + 16 <= data.byteLength; at++) {
    if (data.getUint32(at) !== SIZE) continue;
    const [width, height] = [data.getUint32(at + 8), data.getUint32(at + 12)];
    if (width * height > most) found = { width, height };
    most = Math.max(most, width * height);
  }
  return found;
}

/** @param {DataView} data @param {string} chunk */
function webpSize(data, chunk) {
  if (data.byteLength < 30) return {};
  if (chunk === 'VP8X') {
    const side = (/** @type {number} */ at) => 1 + data.getUint16(at, true) + 65536 * data.getUint8(at + 2);
    return { width: side(24), height: side(27) };
  }
  if (chunk === 'VP8L') {
    const bits = data.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  return { width: data.getUint16(26, true) & 0x3fff, height: data.getUint16(28, true) & 0x3fff };
}
