// The command line that paints the same picture.

import { regionsOn } from './look.js';
import { quoted, stem } from './save.js';

/**
 * @param {{ photo: import('./painter.js').Photo, look: import('./look.js').Look, size: number, name: string, metadata: import('./saving.js').Kept, styleOf: (id: string) => { file: string } | undefined }} what
 *   size: long side of the painting; name: of its file; metadata: what of the photo's it keeps
 * @param {import('./save.js').Format} format
 * @param {number} quality for JPEG
 * @param {import('./save.js').Shell} shell
 * @returns {{ text: string, masks: string[] }} masks: the names of the mask pictures that it reads
 */
export function command({ photo, look, size, name: painting, metadata, styleOf }, format, quality, shell) {
  const quote = (/** @type {string} */ text) => quoted(text, shell);
  const file = (/** @type {string} */ id) => styleOf(id)?.file ?? id;
  const parts = ['impasto stylize', quote(photo.path)];
  const mixed = look.styles.filter(({ weight }) => weight > 0);
  for (const { id, weight } of mixed) {
    parts.push(`--style ${quote(mixed.length > 1 ? `${file(id)}=${weight}` : file(id))}`);
  }
  // A mask names its style by number. A style of the mixture would leave the mixture if a mask named
  // it, so each region brings its own.
  let styles = mixed.length;
  const masks = regionsOn(look, photo.id).map(({ style }, i) => {
    if (style !== null) parts.push(`--style ${quote(file(style))}`);
    const name = `${stem(photo.name)}-region-${i + 1}.png`;
    parts.push(`--mask ${quote(`${name}=${style === null ? 'none' : ++styles}`)}`);
    return name;
  });
  if (look.strength !== 100) parts.push(`--strength ${look.strength / 100}`);
  if (look.colours !== 'style') parts.push(`--colours ${look.colours}`);
  if (look.brush !== 384) parts.push(`--style-size ${look.brush}`);
  if (look.refined) parts.push('--refine');
  parts.push(`--size ${size}`);
  if (format === 'jpeg') parts.push(`--quality ${quality}`);
  if (metadata.some) parts.push('--keep-metadata');
  if (metadata.place) parts.push('--keep-place');
  parts.push(`-o ${quote(painting)}`);
  return { text: parts.join(shell === 'powershell' ? ' `\n  ' : ' \\\n  '), masks };
}
