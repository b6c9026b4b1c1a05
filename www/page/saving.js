// The dialog for saving, and the other ways out: clipboard, sharing, the command line.

import { command } from './command.js';
import { $, bring, button, choose, chosen, dialog, follow, input, onRadio, select, showOptions, tell, write } from './dom.js';
import { failure, kind, painter } from './engine.js';
import { regionsOn } from './look.js';
import { isTransparent, withOpacity } from './opacity.js';
import { SMALLEST } from './painter.js';
import { asPng } from './pictures.js';
import { maskPicture, shares } from './regions.js';
import { canShare, canWrite, copyPicture, download, paintingName, written } from './save.js';
import { recall, remember } from './remember.js';
import { SAFE, SIZES } from './sizes.js';
import { store } from './store.js';
import { styleOf } from './styles.js';
import { Bar, complain, say } from './telling.js';
import { shown } from './wanted.js';
import { number, words } from './words.js';
import { LARGEST } from '../stylizer.js';

/**
 * @typedef {import('./look.js').Look} Look
 * @typedef {import('./painter.js').Photo} Photo
 * @typedef {import('./save.js').Written} Written
 *
 * @typedef {{ photo: Photo, look: Look, picture: Written }} Shown a painting, and what it was made of
 *
 * The dialog for saving, besides what its fields hold.
 * @typedef {object} SavingState
 * @property {Side['name']} [side] which size the visitor chose. Before, it is the largest that is painted soon
 * @property {{ size: number, picture: Written }} [large] what was painted for it
 * @property {{ abort: AbortController, seconds?: number, part?: number }} [work] what is being painted for it
 * @property {boolean} moving the quality will be another in a moment
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

/** The painting on the stage, while it is there in full size. @returns {Shown | undefined} */
function onStage() {
  const { photo, history } = store.now;
  const painting = shown(store.now);
  return photo && painting && { photo, look: history.now, picture: painting.picture };
}

/** @param {Partial<SavingState>} part */
const change = (part) => store.change({ saving: { ...store.now.saving, ...part } });

/** Whether so many million pixels may take too much memory. @param {number} millions */
const risky = (millions) => millions > SAFE[kind()];

/** @param {Shown} now */
const nameOf = ({ photo, look }) => paintingName(photo.name, stylesOf(look), chosenFormat().format);

/** @param {Shown} now @param {number} size */
const secondsFor = ({ photo, look }, size) => painter.secondsFor({ photo, look: { ...look, size } });

/** The size in which it is saved. @param {Shown} now */
function sideOf(now) {
  const { side: wanted } = store.now.saving;
  const sides = sidesOf(now, painter.most);
  const soon = (/** @type {Side} */ { size, width, height }) =>
    (secondsFor(now, size) ?? Infinity) < SOON && !risky((width * height) / 1e6);
  return sides.find((side) => (wanted ? side.name === wanted : soon(side))) ?? sides[sides.length - 1];
}

/** @param {Shown} now */
function commandFor(now) {
  const { format, quality } = chosenFormat();
  const { photo, look } = now;
  const size = Math.max(SMALLEST, sideOf(now).size);
  return command(
    { photo, look, size, name: nameOf(now), metadata: chosenMetadata(), styleOf }, format, quality,
    /** @type {import('./save.js').Shell} */ (chosen('shell')),
  );
}

/** The picture in the size that is wanted, where that is painted. @param {Shown} now */
function known(now) {
  const { large } = store.now.saving;
  const { name, size } = sideOf(now);
  if (name === 'painted') return now.picture;
  return large?.size === size ? large.picture : undefined;
}

const notSaved = (/** @type {unknown} */ error) =>
  say('save-error', 'notSaved', { reason: /** @type {Error} */ (error).message });

/** The painting on the stage has left the page. */
function noteSaved() {
  const key = shown(store.now)?.key;
  if (key !== undefined) store.change({ saved: new Set(store.now.saved).add(key) });
}

const bar = new Bar($('save-progress'));

/** The dialog, while it is open. @param {Readonly<import('./store.js').State>} state */
export function showSaving({ saving: { work, moving } }) {
  prepare();
  bring($('save-work'), { hidden: !work });
  bar.show(work);
  const now = onStage();
  if (!now || !dialog('save-dialog').open) return;
  const { format, quality } = chosenFormat();
  bring($('quality-field'), { hidden: format === 'png' });
  tell('quality', number(quality));
  const side = sideOf(now);
  const whole = Math.max(now.photo.width, now.photo.height);
  showOptions(select('save-side'), sidesOf(now, painter.most).map(({ name, size, width, height }) => {
    const keys = /** @type {const} */ ({ own: 'sideOwn', between: 'sideBetween', painted: 'sidePainted' });
    return [name, words(name === 'own' && size < whole ? 'sideLargest' : keys[name], { width, height })];
  }), side.name);
  const { text, masks } = commandFor(now);
  write('command', text);
  const used = [...now.look.styles.map(({ id }) => id), ...regionsOn(now.look, now.photo.id).map((region) => region.style)];
  write('command-hint', words(used.some((id) => styleOf(id)?.own) ? 'commandHintOwn' : 'commandHint'));
  bring(button('save-masks'), { hidden: !masks.length && !now.photo.loose });
  bring(input('keep-place'), { disabled: !input('keep-metadata').checked });
  bring($('metadata-hint'), { hidden: input('keep-metadata').checked });
  showPhotoTraits(now.photo);

  const picture = known(now);
  const { width, height } = side;
  const millions = (width * height) / 1e6;
  const seconds = secondsFor(now, side.size);
  const hints = picture ? [] : [
    words('savePaints'),
    seconds && seconds > 2 ? words('sizeSeconds', { n: Math.ceil(seconds) }) : '',
    risky(millions) ? words('sizeWarning') : '',
  ];
  write('save-how', now.look.refined ? words('saveRefined') : hints.filter((hint) => hint).join(' '));
  $('save-how').classList.toggle('warning', !picture && risky(millions));
  if (!picture) write('save-size', words('savePixels', { width, height, millions: number(millions, millions < 1 ? 2 : millions < 10 ? 1 : 0) }));
  else if (!moving) showFileSize(now, picture);
}

/** How large the file will be, which is known once it is written. @param {Shown} now @param {Written} picture */
async function showFileSize(now, picture) {
  const { format, quality } = chosenFormat();
  try {
    const { size } = await (await asFormat(now.photo, picture)).file(format, quality);
    // Something else may have been chosen meanwhile.
    const other = onStage();
    if (format !== chosenFormat().format || quality !== chosenFormat().quality || !other || picture !== known(other)) return;
    const { width, height } = picture;
    write('save-size', words('saveSize', { width, height, megabytes: number(size / 1e6, size < 1e6 ? 2 : 1) }));
  } catch (error) {
    if (!store.now.said['save-error']) notSaved(error); // once, as this is shown again after it
  }
}

/** What depends on what is in the photo's file. @param {Photo} photo */
async function showPhotoTraits(photo) {
  const [exif, transparent] = await Promise.all([metadataOf(photo).catch(() => undefined), isTransparent(photo).catch(() => false)]);
  if (onStage()?.photo !== photo) return;
  bring($('metadata-field'), { hidden: !exif });
  bring($('keep-place-field'), { hidden: !exif?.place.length });
  bring($('on-white'), { hidden: !transparent || chosenFormat().format !== 'jpeg' });
}

/**
 * Paints it in the size that is wanted. Nothing comes where that was stopped or failed, which was said.
 * @param {Shown} now
 */
async function paintLarge(now) {
  const { size } = sideOf(now);
  const task = { photo: now.photo, look: { ...now.look, size } };
  let smaller = size;
  const abort = new AbortController();
  const { signal } = abort;
  const seconds = painter.secondsFor(task);
  change({ work: { abort, seconds } });
  if (seconds && seconds >= 2) say('save-words', 'paintingFor', { n: number(Math.ceil(seconds)) });
  else say('save-words', 'painting');
  try {
    const bitmap = await painter.one(task, signal, {
      onPart: (part) => { if (!signal.aborted) change({ work: { abort, part } }); },
      onSmaller: (from, to, code) => {
        smaller = to;
        if (!signal.aborted) say('save-error', /** @type {'smaller.memory'} */ (`smaller.${code}`), { from, to });
      },
    });
    if (signal.aborted) return bitmap.close();
    const picture = written(bitmap);
    change({ large: { size: smaller, picture } });
    return picture;
  } catch (error) {
    if (!signal.aborted) say('save-error', ...failure(/** @type {Error} */ (error), task));
  } finally {
    if (store.now.saving.work?.abort === abort) change({ work: undefined });
  }
  return undefined;
}

function stop() {
  store.now.saving.work?.abort.abort();
  change({ work: undefined });
}

async function save() {
  const now = onStage();
  if (!now || store.now.saving.work) return;
  say('save-error');
  const name = nameOf(now);
  const picture = known(now) ?? await paintLarge(now);
  if (!picture) return;
  try {
    download(await fileOf(now.photo, picture), name);
    noteSaved();
  } catch (error) {
    notSaved(error);
  }
}

/** @param {HTMLButtonElement} at @param {Promise<void>} copying */
async function copied(at, copying) {
  try {
    await copying;
    say('status', 'copied');
    at.classList.add('done');
    setTimeout(() => at.classList.remove('done'), 1500);
  } catch {
    say(dialog('save-dialog').open ? 'save-error' : 'error', 'notCopied');
  }
}

/** The file of the painting on the stage, once it is written. @type {{ picture: Written, how: string, blob?: Blob } | undefined} */
let toShare;
/** Writes what a click on Share would need, before it comes: Safari forgets the click while one waits. */
function prepare() {
  const now = onStage();
  if (!now || button('share').hidden) return;
  const how = JSON.stringify([chosenFormat(), chosenMetadata()]);
  if (toShare?.picture === now.picture && toShare.how === how) return;
  /** @type {NonNullable<typeof toShare>} */
  const next = toShare = { picture: now.picture, how };
  fileOf(now.photo, now.picture).then((blob) => { next.blob = blob; }, () => {}); // sharing says so
}

async function share() {
  const now = onStage();
  if (!now) return;
  prepare();
  try {
    const blob = toShare?.blob ?? await fileOf(now.photo, now.picture);
    await navigator.share({ files: [new File([blob], nameOf(now), { type: blob.type })] });
    noteSaved();
  } catch (error) {
    if (/** @type {Error} */ (error).name !== 'AbortError') complain('notShared');
  }
}

async function saveMasks() {
  const now = onStage();
  if (!now) return;
  const { photo, look } = now;
  say('save-error');
  try {
    if (photo.loose) download(photo.common ? photo.file : await asPng(photo.file), photo.path);
    const { masks } = commandFor(now);
    for (const [i, mask] of shares(regionsOn(look, photo.id)).entries()) {
      download(await written(maskPicture(mask)).file('png'), masks[i]);
    }
  } catch (error) {
    notSaved(error);
  }
}

/** Connects the buttons. */
export function wireSaving() {
  button('save').addEventListener('click', () => {
    say('save-error');
    dialog('save-dialog').showModal();
  });
  dialog('save-dialog').addEventListener('close', () => {
    stop();
    change({ large: undefined }); // it may be a hundred megabytes
  });
  onRadio('format', () => store.touch());
  for (const id of ['keep-metadata', 'keep-place']) input(id).addEventListener('change', () => store.touch());
  follow(input('quality'), (_, moving) => change({ moving }));
  select('save-side').addEventListener('change', () => {
    stop();
    change({ side: /** @type {Side['name']} */ (select('save-side').value) });
    say('save-error');
  });
  button('download').addEventListener('click', save);
  button('save-stop').addEventListener('click', () => {
    stop();
    button('download').focus();
  });
  button('copy').addEventListener('click', () => {
    const now = onStage();
    if (!now) return;
    const png = withOpacity(now.photo, now.picture).then((picture) => picture.file('png'));
    copied(button('copy'), copyPicture(png).then(noteSaved));
  });
  choose('shell', recall(SHELL) ?? (/Windows/.test(navigator.userAgent) ? 'powershell' : 'posix'));
  onRadio('shell', (shell) => {
    remember(SHELL, shell);
    store.touch();
  });
  button('copy-command').addEventListener('click', () =>
    copied(button('copy-command'), navigator.clipboard.writeText($('command').textContent ?? '')));
  button('save-masks').addEventListener('click', saveMasks);
  button('share').addEventListener('click', share);
  button('share').hidden = !canShare([new File([''], 'picture.png', { type: 'image/png' })]);
  canWrite('webp').then((can) => {
    /** @type {HTMLElement} */ (document.querySelector('label:has(> input[value=webp])')).hidden = !can;
  });
}

/**
 * The names of a look's styles, for the name of a file.
 * @param {Look} look
 */
export const stylesOf = (look) => look.styles.flatMap(({ id, weight }) => (weight > 0 ? styleOf(id)?.name ?? [] : []));
