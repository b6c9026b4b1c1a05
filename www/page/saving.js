// The dialog for saving, and the other ways out: clipboard, sharing, the command line.

import { command } from './command.js';
import { $, button, canvas, chosen, dialog, follow, input, onRadio } from './dom.js';
import { regionsOn } from './look.js';
import { SMALLEST } from './painter.js';
import { asPng } from './pictures.js';
import { maskPicture, shares } from './regions.js';
import { canShare, canWrite, copyPicture, download, encode, paintingName, pictureOf } from './save.js';
import { complain, say } from './telling.js';
import { number, words } from './words.js';

/** The format and quality that the visitor chose. */
export const chosenFormat = () => ({
  format: /** @type {import('./save.js').Format} */ (chosen('format')),
  quality: input('quality').valueAsNumber,
});

/**
 * Connects the buttons.
 * @param {{ photo: () => import('./painter.js').Photo | undefined, look: () => import('./look.js').Look, style: (id: string | null) => import('./gallery.js').Style | undefined }} now
 *   what the painting on the stage was made of
 */
export function wireSaving(now) {
  const painted = () => encode(canvas('painting'), chosenFormat().format, chosenFormat().quality);
  const commandFor = (/** @type {import('./painter.js').Photo} */ photo) =>
    command({ photo, look: now.look(), size: Math.max(SMALLEST, canvas('painting').width, canvas('painting').height), styleOf: now.style },
      chosenFormat().format, chosenFormat().quality);

  const render = async () => {
    const { format, quality } = chosenFormat();
    $('quality-field').hidden = format === 'png';
    $('quality-value').textContent = number(quality);
    const photo = now.photo();
    if (!photo) return;
    const { text, masks } = commandFor(photo);
    $('command').textContent = text;
    const used = [...now.look().styles.map(({ id }) => id), ...regionsOn(now.look(), photo.id).map(({ style }) => style)];
    $('command-hint').textContent = words(used.some((id) => now.style(id)?.own) ? 'commandHintOwn' : 'commandHint');
    button('save-masks').hidden = !masks.length && !photo.loose;
    const { size } = await painted();
    // Another quality may have been chosen meanwhile.
    if (format !== chosenFormat().format || quality !== chosenFormat().quality) return;
    const { width, height } = canvas('painting');
    $('save-size').textContent = words('saveSize', { width, height, megabytes: number(size / 1e6, size < 1e6 ? 2 : 1) });
  };

  const copied = async (/** @type {HTMLButtonElement} */ at, /** @type {Promise<void>} */ copying) => {
    try {
      await copying;
      say('status', 'copied');
      at.classList.add('done');
      setTimeout(() => at.classList.remove('done'), 1500);
    } catch {
      complain('notCopied');
    }
  };

  const share = async () => {
    const photo = now.photo();
    if (!photo) return;
    const blob = await painted();
    const file = new File([blob], paintingName(photo.name, chosenFormat().format), { type: blob.type });
    try {
      await navigator.share({ files: [file] });
    } catch (error) {
      if (/** @type {Error} */ (error).name !== 'AbortError') complain('notShared');
    }
  };

  const saveMasks = async () => {
    const photo = now.photo();
    if (!photo) return;
    if (photo.loose) download(photo.common ? photo.file : await asPng(photo.file), photo.path);
    const { masks } = commandFor(photo);
    for (const [i, mask] of shares(regionsOn(now.look(), photo.id)).entries()) {
      download(await pictureOf(maskPicture(mask), 'png', 100), masks[i]);
    }
  };

  button('save').addEventListener('click', () => {
    dialog('save-dialog').showModal();
    render();
  });
  onRadio('format', render);
  follow(input('quality'), render);
  button('download').addEventListener('click', async () => {
    const photo = now.photo();
    if (photo) download(await painted(), paintingName(photo.name, chosenFormat().format));
  });
  button('copy').addEventListener('click', () => copied(button('copy'), copyPicture(canvas('painting'))));
  button('copy-command').addEventListener('click', () =>
    copied(button('copy-command'), navigator.clipboard.writeText($('command').textContent ?? '')));
  button('save-masks').addEventListener('click', saveMasks);
  button('share').addEventListener('click', share);
  button('share').hidden = !canShare([new File([''], 'picture.png', { type: 'image/png' })]);
  canWrite('webp').then((can) => {
    /** @type {HTMLElement} */ (document.querySelector('label:has(> input[value=webp])')).hidden = !can;
  });
}
