// Tuned styles: files of `impasto tune` (safetensors) with what the networks learned of a style, and its picture.

/** A longer header is none of ours. */
const MOST_HEADER = 1 << 20;

/**
 * @typedef {object} TunedStyle
 * @property {Blob} picture
 * @property {{ name?: string, author?: string, licence?: string }} about what the file says about the style
 *
 * @param {Blob} file
 * @returns {Promise<TunedStyle | undefined>} nothing where it is no tuned style
 */
export async function tunedStyle(file) {
  if (file.size < 8) return undefined;
  const length = Number(new DataView(await file.slice(0, 8).arrayBuffer()).getBigUint64(0, true));
  const start = 8 + length;
  if (length > MOST_HEADER || start > file.size) return undefined;
  let header;
  try {
    header = JSON.parse(await file.slice(8, start).text());
  } catch {
    return undefined;
  }
  const about = header?.__metadata__;
  if (about?.network !== 'tuned style') return undefined;
  // Without a picture, of nothing: that is no picture either.
  const [from, to] = header.picture?.data_offsets ?? [0, 0];
  return { about, picture: file.slice(start + from, start + to, 'image/jpeg') };
}
