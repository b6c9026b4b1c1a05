// The dialog for saving, and the other ways out: clipboard, sharing, the command line.

import { command } from './command.js';
import { $, button, choose, chosen, dialog, follow, input, onRadio, select, tell } from './dom.js';
import { regionsOn } from './look.js';
import { isTransparent, withOpacity } from './opacity.js';
import { SMALLEST } from './painter.js';
import { asPng } from './pictures.js';
import { maskPicture, shares } from './regions.js';
import { canShare, canWrite, copyPicture, download, paintingName, written } from './save.js';
import { recall, remember } from './remember.js';
import { SIZES } from './sizes.js';
import { Bar, complain, complainAt, say } from './telling.js';
import { number, words } from './words.js';
import { LARGEST } from '../stylizer.js';

/**
 * @typedef {import('./look.js').Look} Look
 * @typedef {import('./painter.js').Photo} Photo
 * @typedef {import('./save.js').Written} Written
 *
 * @typedef {{ photo: Photo, look: Look, picture: Written }} Shown a painting, and what it was made of
 *
 * @typedef {{ some: boolean, place: boolean }} Kept of what the camera wrote into the photo, some: all but the place
 *
 * A size to save in.
 * @typedef {object} Side
 * @property {'own' | 'between' | 'painted'} name
 * @property {number} size long side
 * @property {number} width
 * @property {number} height
 */

/** Where the shell is kept for which the command line is written. */
const SHELL = 'impasto-shell';

/** Seconds for which one waits without being asked. */
const SOON = 20;

/** The format and quality that the visitor chose. */
export const chosenFormat = () => ({
  format: /** @type {import('./save.js').Format} */ (chosen('format')),
  quality: input('quality').valueAsNumber,
});

/** What of the photo's metadata the visitor wants in the painting's file. @returns {Kept} */
const chosenMetadata = () => {
  const some = input('keep-metadata').checked;
  return { some, place: some && input('keep-place').checked };
};

/** What the camera wrote into each photo. @type {WeakMap<File, Promise<import('./metadata.js').Exif | undefined>>} */
const metadata = new WeakMap();

/** @param {Photo} photo */
function metadataOf({ file }) {
  const known = metadata.get(file);
  if (known) return known;
  const found = import('./metadata.js').then((module) => module.metadataOf(file));
  metadata.set(file, found);
  // A file that is gone, or a part of the page that did not come: the next attempt reads again.
  found.catch(() => metadata.delete(file));
  return found;
}

/**
 * A painting as its format can have it: transparent where the photo is, but not in JPEG.
 * @param {Photo} photo
 * @param {Written} picture
 */
const asFormat = async (photo, picture) => (chosenFormat().format === 'jpeg' ? picture : withOpacity(photo, picture));

/**
 * A painting's file, with what of the photo's metadata was chosen.
 * @param {Photo} photo
 * @param {Written} picture
 */
export async function fileOf(photo, picture) {
  const { format, quality } = chosenFormat();
  const { some, place } = chosenMetadata();
  const { width, height } = picture;
  const file = await (await asFormat(photo, picture)).file(format, quality);
  const exif = some ? await metadataOf(photo) : undefined;
  if (!exif) return file;
  return (await import('./metadata.js')).withMetadata(file, exif, { width, height, place });
}

/**
 * The sizes in which a painting can be saved, the largest first: the photo's own, as it is painted, and one in
 * between where these are far apart.
 * @param {Shown} shown
 * @param {number} most
 * @returns {Side[]}
 */
function sidesOf({ photo, look, picture }, most) {
  const { width, height } = picture;
  const painted = Math.max(width, height);
  const sides = [{ name: /** @type {const} */ ('painted'), size: painted, width, height }];
  const long = Math.max(photo.width, photo.height);
  const own = Math.min(long, most, LARGEST);
  // A refined painting comes from many steps; the quick one is no substitute.
  if (look.refined || own <= painted) return sides;
  const side = (/** @type {Side['name']} */ name, /** @type {number} */ size) => {
    const [width, height] = [photo.width, photo.height].map((all) => Math.max(1, Math.round((all * size) / long)));
    return { name, size, width, height };
  };
  const apart = (/** @type {number} */ size) => Math.abs(Math.log(size / Math.sqrt(painted * own)));
  const [between] = SIZES.filter((size) => size >= 1.25 * painted && size <= own / 1.25).sort((a, b) => apart(a) - apart(b));
  return [side('own', own), ...(between ? [side('between', between)] : []), ...sides];
}

/**
 * Connects the buttons.
 * @param {object} page
 * @param {() => Shown | undefined} page.shown the painting on the stage, while it is there in full size
 * @param {(id: string | null) => import('./gallery.js').Style | undefined} page.style
 * @param {import('./painter.js').Painter} page.painter
 * @param {(pixels: number) => boolean} page.risky whether so many million pixels may take too much memory
 * @param {(error: Error, task: import('./painter.js').Task) => import('./telling.js').Words} page.failure what to say of it
 * @param {() => void} page.onSaved the painting on the stage has left the page
 * @returns {{ prepare: () => void }} prepare: to be called when a painting has come onto the stage
 */
export function wireSaving({ shown, style, painter, risky, failure, onSaved }) {
  /**
   * Which size the visitor chose. Before, it is the largest that is painted soon.
   * @type {Side['name'] | undefined}
   */
  let wanted;
  /** What was painted for the dialog. @type {{ size: number, picture: Written } | undefined} */
  let large;
  /** @type {AbortController | undefined} of what is being painted for it */
  let painting;
  const bar = new Bar($('save-progress'));

  const nameOf = (/** @type {Shown} */ { photo, look }) => paintingName(photo.name, stylesOf(look, style), chosenFormat().format);
  const secondsFor = (/** @type {Shown} */ { photo, look }, /** @type {number} */ size) =>
    painter.secondsFor({ photo, look: { ...look, size } });
  const sideOf = (/** @type {Shown} */ now) => {
    const sides = sidesOf(now, painter.most);
    const soon = (/** @type {Side} */ { size, width, height }) =>
      (secondsFor(now, size) ?? Infinity) < SOON && !risky((width * height) / 1e6);
    return sides.find((side) => (wanted ? side.name === wanted : soon(side))) ?? sides[sides.length - 1];
  };
  const commandFor = (/** @type {Shown} */ now) => {
    const { format, quality } = chosenFormat();
    const { photo, look } = now;
    const size = Math.max(SMALLEST, sideOf(now).size);
    return command(
      { photo, look, size, name: nameOf(now), metadata: chosenMetadata(), styleOf: style }, format, quality,
      /** @type {import('./save.js').Shell} */ (chosen('shell')),
    );
  };
  /** The picture in the size that is wanted, where that is painted. @param {Shown} now */
  const known = (now) => {
    const { name, size } = sideOf(now);
    if (name === 'painted') return now.picture;
    return large?.size === size ? large.picture : undefined;
  };

  /** @param {{ moving?: boolean }} [options] moving: the quality will be another in a moment */
  const render = async ({ moving = false } = {}) => {
    const { format, quality } = chosenFormat();
    $('quality-field').hidden = format === 'png';
    tell('quality', number(quality));
    const now = shown();
    if (!now) return;
    const sides = sidesOf(now, painter.most);
    const side = sideOf(now);
    const whole = Math.max(now.photo.width, now.photo.height);
    select('save-side').replaceChildren(...sides.map(({ name, size, width, height }) => {
      const keys = /** @type {const} */ ({ own: 'sideOwn', between: 'sideBetween', painted: 'sidePainted' });
      return new Option(words(name === 'own' && size < whole ? 'sideLargest' : keys[name], { width, height }), name);
    }));
    select('save-side').value = side.name;
    const { text, masks } = commandFor(now);
    $('command').textContent = text;
    const used = [...now.look.styles.map(({ id }) => id), ...regionsOn(now.look, now.photo.id).map((region) => region.style)];
    $('command-hint').textContent = words(used.some((id) => style(id)?.own) ? 'commandHintOwn' : 'commandHint');
    button('save-masks').hidden = !masks.length && !now.photo.loose;
    offerMetadata(now.photo);
    $('on-white').hidden = true;
    if (format === 'jpeg') {
      isTransparent(now.photo).then((is) => {
        if (shown()?.photo === now.photo && chosenFormat().format === format) $('on-white').hidden = !is;
      }, () => {});
    }

    const picture = known(now);
    const millions = (side.width * side.height) / 1e6;
    const seconds = secondsFor(now, side.size);
    const hints = picture ? [] : [
      words('savePaints'),
      seconds && seconds > 2 ? words('sizeSeconds', { n: Math.ceil(seconds) }) : '',
      risky(millions) ? words('sizeWarning') : '',
    ];
    $('save-how').textContent = now.look.refined ? words('saveRefined') : hints.filter((hint) => hint).join(' ');
    $('save-how').classList.toggle('warning', !picture && risky(millions));
    if (!picture) {
      const { width, height } = side;
      $('save-size').textContent = words('savePixels', { width, height, millions: number(millions, millions < 1 ? 2 : millions < 10 ? 1 : 0) });
      return;
    }
    if (moving) return;
    try {
      const { size } = await (await asFormat(now.photo, picture)).file(format, quality);
      // Something else may have been chosen meanwhile.
      if (format !== chosenFormat().format || quality !== chosenFormat().quality || picture !== known(now)) return;
      const { width, height } = picture;
      $('save-size').textContent = words('saveSize', { width, height, megabytes: number(size / 1e6, size < 1e6 ? 2 : 1) });
    } catch (error) {
      notSaved(error);
    }
  };

  /** @param {Photo} photo */
  const offerMetadata = async (photo) => {
    const exif = await metadataOf(photo).catch(() => undefined);
    if (shown()?.photo !== photo) return;
    $('metadata-field').hidden = !exif;
    $('keep-place-field').hidden = !exif?.place.length;
    input('keep-place').disabled = !input('keep-metadata').checked;
    $('metadata-hint').hidden = input('keep-metadata').checked;
  };

  const notSaved = (/** @type {unknown} */ error) =>
    complainAt('save-error', 'notSaved', { reason: /** @type {Error} */ (error).message });

  /**
   * Paints it in the size that is wanted. Nothing comes where that was stopped or failed, which was said.
   * @param {Shown} now
   */
  const paint = async (now) => {
    const { size } = sideOf(now);
    const task = { photo: now.photo, look: { ...now.look, size } };
    let smaller = size;
    const { signal } = painting = new AbortController();
    const seconds = painter.secondsFor(task);
    $('save-work').hidden = false;
    if (seconds && seconds >= 2) say('save-words', 'paintingFor', { n: number(Math.ceil(seconds)) });
    else say('save-words', 'painting');
    bar.show({ seconds });
    try {
      const bitmap = await painter.one(task, signal, {
        onPart: (part) => { if (!signal.aborted) bar.show({ part }); },
        onSmaller: (from, to, code) => {
          smaller = to;
          if (!signal.aborted) complainAt('save-error', /** @type {'smaller.memory'} */ (`smaller.${code}`), { from, to });
        },
      });
      if (signal.aborted) return bitmap.close();
      large = { size: smaller, picture: written(bitmap) };
      return large.picture;
    } catch (error) {
      if (!signal.aborted) complainAt('save-error', ...failure(/** @type {Error} */ (error), task));
    } finally {
      if (painting?.signal === signal) {
        painting = undefined;
        bar.rest();
        $('save-work').hidden = true;
      }
    }
    return undefined;
  };

  const stop = () => {
    painting?.abort();
    painting = undefined;
    bar.rest();
    $('save-work').hidden = true;
  };

  const save = async () => {
    const now = shown();
    if (!now || painting) return;
    complainAt('save-error');
    const name = nameOf(now);
    const picture = known(now) ?? await paint(now);
    if (!picture) return;
    try {
      download(await fileOf(now.photo, picture), name);
      onSaved();
    } catch (error) {
      notSaved(error);
    }
    render();
  };

  const copied = async (/** @type {HTMLButtonElement} */ at, /** @type {Promise<void>} */ copying) => {
    try {
      await copying;
      say('status', 'copied');
      at.classList.add('done');
      setTimeout(() => at.classList.remove('done'), 1500);
    } catch {
      complainAt(dialog('save-dialog').open ? 'save-error' : 'error', 'notCopied');
    }
  };

  /** The file of the painting on the stage, once it is written. @type {{ picture: Written, how: string, blob?: Blob } | undefined} */
  let toShare;
  /** Writes what a click on Share would need, before it comes: Safari forgets the click while one waits. */
  const prepare = () => {
    const now = shown();
    if (!now || button('share').hidden) return;
    const how = JSON.stringify([chosenFormat(), chosenMetadata()]);
    if (toShare?.picture === now.picture && toShare.how === how) return;
    /** @type {NonNullable<typeof toShare>} */
    const next = toShare = { picture: now.picture, how };
    fileOf(now.photo, now.picture).then((blob) => { next.blob = blob; }, () => {}); // sharing says so
  };

  const share = async () => {
    const now = shown();
    if (!now) return;
    prepare();
    try {
      const blob = toShare?.blob ?? await fileOf(now.photo, now.picture);
      await navigator.share({ files: [new File([blob], nameOf(now), { type: blob.type })] });
      onSaved();
    } catch (error) {
      if (/** @type {Error} */ (error).name !== 'AbortError') complain('notShared');
    }
  };

  const saveMasks = async () => {
    const now = shown();
    if (!now) return;
    const { photo, look } = now;
    complainAt('save-error');
    try {
      if (photo.loose) download(photo.common ? photo.file : await asPng(photo.file), photo.path);
      const { masks } = commandFor(now);
      for (const [i, mask] of shares(regionsOn(look, photo.id)).entries()) {
        download(await written(maskPicture(mask)).file('png'), masks[i]);
      }
    } catch (error) {
      notSaved(error);
    }
  };

  button('save').addEventListener('click', () => {
    complainAt('save-error');
    dialog('save-dialog').showModal();
    render();
  });
  dialog('save-dialog').addEventListener('close', () => {
    stop();
    large = undefined; // it may be a hundred megabytes
  });
  onRadio('format', () => { render(); prepare(); });
  for (const id of ['keep-metadata', 'keep-place']) input(id).addEventListener('change', () => { render(); prepare(); });
  follow(input('quality'), (_, moving) => render({ moving }));
  select('save-side').addEventListener('change', () => {
    stop();
    wanted = /** @type {Side['name']} */ (select('save-side').value);
    complainAt('save-error');
    render();
  });
  button('download').addEventListener('click', save);
  button('save-stop').addEventListener('click', () => {
    stop();
    button('download').focus();
  });
  button('copy').addEventListener('click', () => {
    const now = shown();
    if (!now) return;
    const png = withOpacity(now.photo, now.picture).then((picture) => picture.file('png'));
    copied(button('copy'), copyPicture(png).then(onSaved));
  });
  choose('shell', recall(SHELL) ?? (/Windows/.test(navigator.userAgent) ? 'powershell' : 'posix'));
  onRadio('shell', (shell) => {
    remember(SHELL, shell);
    render();
  });
  button('copy-command').addEventListener('click', () =>
    copied(button('copy-command'), navigator.clipboard.writeText($('command').textContent ?? '')));
  button('save-masks').addEventListener('click', saveMasks);
  button('share').addEventListener('click', share);
  button('share').hidden = !canShare([new File([''], 'picture.png', { type: 'image/png' })]);
  canWrite('webp').then((can) => {
    /** @type {HTMLElement} */ (document.querySelector('label:has(> input[value=webp])')).hidden = !can;
  });
  return { prepare };
}

/**
 * The names of a look's styles, for the name of a file.
 * @param {Look} look
 * @param {(id: string) => import('./gallery.js').Style | undefined} style
 */
export const stylesOf = (look, style) =>
  look.styles.flatMap(({ id, weight }) => (weight > 0 ? style(id)?.name ?? [] : []));
