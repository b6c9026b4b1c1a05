// A look as a file, NAME.look.json: its settings, and small copies of those of its styles that are somebody's own. What is
// read may come from anywhere: nothing of it is believed.

import { bring, button, input } from './dom.js';
import { header } from './header.js';
import { cleanLook, MOST_STYLES } from './look.js';
import { BadFile, check } from './pictures.js';
import { download, encode } from './save.js';
import { store } from './store.js';
import { styleNames, styleOf } from './styles.js';
import { say } from './telling.js';
import { tunedStyle } from '../tuned.js';

/**
 * @typedef {import('./look.js').Look} Look
 *
 * @typedef {object} LookFile
 * @property {string} name
 * @property {Partial<Look>} settings all but the styles
 * @property {({ id: string, weight: number } | { picture: File, weight: number })[]} styles of the page, or pictures
 */

const FORMAT = 'impasto look';
const VERSION = 1;
/** No look file is larger: that is four style pictures, and more. */
const MOST_BYTES = 8e6;
const MOST_NAME = 80;
/** Long side of the copies, which is the largest at which a style is looked at. */
const SIDE = 768;
/** A picture that has no more bytes, and is no larger, goes in as it is. */
const SMALL = 300e3;
/** Long side that is taken from others. */
const MOST_SIDE = 2048;
const SETTINGS = /** @type {const} */ (['strength', 'colours', 'brush', 'size']);

/** Whether a file means to be a look, by its name. @param {File} file */
export const isLookFile = ({ name, type }) => type === 'application/json' || /\.json$/i.test(name);

/** What a file is named after a look. @param {string} name */
const lookFileName = (name) => `${[...name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')].slice(0, MOST_NAME).join('').trim() || 'impasto'}.look.json`;

/** @param {Look} look @param {string} name */
async function lookFile(look, name) {
  const styles = await Promise.all(look.styles.filter(({ weight }) => weight > 0).map(async ({ id, weight }) => {
    const style = styleOf(id);
    if (!style?.own) return { id, weight };
    return { name: style.title(), weight, picture: await asAddress(await copyOf(await style.picture())) };
  }));
  const settings = Object.fromEntries(SETTINGS.map((key) => [key, look[key]]));
  const content = { format: FORMAT, version: VERSION, name: name.trim().slice(0, MOST_NAME), styles, ...settings };
  return new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: 'application/json' });
}

/** A small copy of a style picture. @param {Blob} style */
async function copyOf(style) {
  const picture = (await tunedStyle(style))?.picture ?? style;
  const bitmap = await createImageBitmap(picture);
  try {
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const { kind } = await header(picture);
    if (scale === 1 && picture.size <= SMALL && (kind === 'jpeg' || kind === 'png' || kind === 'webp')) return new Blob([picture], { type: `image/${kind}` });
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const sheet = Object.assign(document.createElement('canvas'), { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d'));
    context.fillStyle = '#fff'; // where it is transparent
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    return await encode(sheet, 'jpeg', 92);
  } finally {
    bitmap.close();
  }
}

/** @param {Blob} blob @returns {Promise<string>} data:… */
const asAddress = (blob) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(String(reader.result));
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(blob);
});

/**
 * Rejects with {@link BadFile} whatever is not a look in all of its parts.
 * @param {File} file
 * @returns {Promise<LookFile>}
 */
export async function readLookFile(file) {
  const bad = (/** @type {BadFile['problem']} */ problem) => new BadFile(problem, file.name);
  if (file.size === 0) throw bad('empty');
  if (file.size > MOST_BYTES) throw bad('lookForeign');
  const text = await file.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad(text.includes(`"${FORMAT}"`) ? 'lookDamaged' : 'lookForeign');
  }
  if (value?.format !== FORMAT) throw bad('lookForeign');
  const { format, version, name, styles, ...settings } = value;
  if (Number.isInteger(version) && version > VERSION) throw bad('lookNewer');
  const whole = version === VERSION && isName(name) && Array.isArray(styles) && styles.length > 0 && styles.length <= MOST_STYLES
    && Object.keys(settings).sort().join() === [...SETTINGS].sort().join() && styles.every(isStyle)
    // As in any look: the styles that are pictures have no names here yet.
    && cleanLook({ ...settings, regions: [], styles: styles.map(({ id, weight }, i) => ({ id: id ?? `${i}`, weight })) });
  if (!whole) throw bad('lookDamaged');
  return {
    name,
    settings,
    styles: await Promise.all(styles.map(async ({ id, weight, name: title, picture }) => {
      if (id !== undefined) return { id, weight };
      const found = await pictureIn(picture, title);
      if (!found) throw bad('lookDamaged');
      return { picture: found, weight };
    })),
  };
}

/** @param {unknown} name */
const isName = (name) => typeof name === 'string' && name.length <= MOST_NAME && !/\p{Cc}/u.test(name);

/** @param {any} style */
function isStyle(style) {
  const parts = Object.keys(style ?? {}).sort().join();
  if (!(style?.weight > 0)) return false;
  if (parts === 'id,weight') return typeof style.id === 'string' && /^[\w-]{1,64}$/.test(style.id);
  return parts === 'name,picture,weight' && isName(style.name) && typeof style.picture === 'string';
}

/** The picture in an address, or nothing where there is none that can be used. @param {string} address @param {string} title @returns {Promise<File | undefined>} */
async function pictureIn(address, title) {
  const [, kind, base64] = address.match(/^data:image\/(jpeg|png|webp);base64,([A-Za-z0-9+/]+={0,2})$/) ?? [];
  if (!kind) return undefined;
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const file = new File([bytes], `${title || 'style'}.${kind === 'jpeg' ? 'jpg' : kind}`, { type: `image/${kind}` });
    const found = await header(file);
    if (found.kind !== kind || Math.max(found.width ?? Infinity, found.height ?? Infinity) > MOST_SIDE) return undefined;
    const { thumb } = await check(file);
    URL.revokeObjectURL(thumb);
    return file;
  } catch {
    return undefined;
  }
}

/** What the look is called, unless the visitor calls it something else. */
const usualName = () => styleNames(store.now.history.now).slice(0, MOST_NAME);

/** Connects the field and the button that save the look. */
export function wireLookFile() {
  const field = input('look-name');
  field.maxLength = MOST_NAME;
  field.addEventListener('input', () => store.change({ lookName: field.value }));
  button('save-look').addEventListener('click', async () => {
    const name = store.now.lookName.trim() || usualName();
    say('save-error');
    try {
      download(await lookFile(store.now.history.now, name), lookFileName(name));
      say('status', 'lookSaved', { name });
    } catch (error) {
      say('save-error', 'notSaved', { reason: /** @type {Error} */ (error).message });
    }
  });
}

/** @param {Readonly<import('./store.js').State>} state */
export const showLookName = ({ lookName }) => bring(input('look-name'), { value: lookName, placeholder: usualName() });
