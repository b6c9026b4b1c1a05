// What was asked for: the look of a painting, and the way back and forth between looks.

import { isEmpty } from './regions.js';
import { LARGEST } from '../stylizer.js';

/**
 * A painted part of one photo that gets another style, or none.
 * @typedef {object} Region
 * @property {number} id
 * @property {number} photo the photo it was painted on
 * @property {string | null} style null leaves the photo as it is
 * @property {number} soft width of the edge, in percent of the long side
 * @property {Mask} mask never changed in place: another stroke makes another mask
 *
 * @typedef {object} Mask
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} values 0 (outside) to 255 (inside), row by row
 *
 * @typedef {object} Look
 * @property {{ id: string, weight: number }[]} styles weights from 0 to 100
 * @property {number} strength 0 (the photo) to 100 (the styles)
 * @property {'style' | 'photo' | 'luminance'} colours where the colours come from
 * @property {number} brush long side to which the style pictures are brought: the larger, the larger the strokes
 * @property {number | 'own'} size long side of the painting, or the photo's own
 * @property {Region[]} regions
 * @property {boolean} refined whether the painting is to be refined
 */

export const MOST_STYLES = 4;
/** Steps back that there are. */
const MOST_STEPS = 100;
/** Steps back and forth that outlive the page. */
const STEPS_KEPT = 20;

/** @type {WeakMap<Mask, number>} */
const maskNames = new WeakMap();
let masks = 0;

/** @param {Mask} mask */
function maskName(mask) {
  const name = maskNames.get(mask) ?? ++masks;
  maskNames.set(mask, name);
  return name;
}

/** Two looks are the same where this is. @param {Look} look */
const lookName = (look) =>
  JSON.stringify(look, (key, value) => (key === 'mask' ? maskName(value) : value));

/** The regions of a look that belong to a photo. @param {Look} look @param {number} photo */
export const regionsOn = (look, photo) => look.regions.filter((region) => region.photo === photo);

/**
 * Equal for looks that paint the same picture of this photo.
 * @param {Look} look
 * @param {number} photo
 */
export function lookKey(look, photo) {
  const regions = regionsOn(look, photo).map((region) => ({ ...region, id: 0 }));
  // One style alone paints the same with any weight.
  const styles = look.styles.length > 1 ? look.styles : look.styles.map((style) => ({ ...style, weight: 1 }));
  return `${photo} ${lookName({ ...look, styles, regions })}`;
}

/**
 * A look that was kept elsewhere, or nothing where it is none.
 * @param {any} value
 * @returns {Look | undefined}
 */
export function cleanLook(value) {
  const within = (/** @type {unknown} */ number, /** @type {number} */ least, /** @type {number} */ most) =>
    typeof number === 'number' && number >= least && number <= most;
  const { styles, strength, colours, brush, size, regions, refined } = value ?? {};
  const fine = Array.isArray(styles) && styles.length <= MOST_STYLES
    && styles.every((style) => typeof style?.id === 'string' && within(style.weight, 0, 100))
    && (styles.length === 0 || styles.some(({ weight }) => weight > 0))
    && within(strength, 0, 100) && ['style', 'photo', 'luminance'].includes(colours) && within(brush, 128, 768)
    && (size === 'own' || (Number.isInteger(size) && within(size, 16, LARGEST))) && Array.isArray(regions);
  if (!fine) return undefined;
  return {
    styles: styles.map(({ id, weight }) => ({ id, weight })),
    strength,
    colours,
    brush,
    size,
    regions: regions.flatMap((region) => {
      const { id, photo, style, soft, mask } = region ?? {};
      const whole = Number.isSafeInteger(id) && Number.isSafeInteger(photo) && (style === null || typeof style === 'string')
        && within(soft, 0, 20) && mask?.values instanceof Uint8Array && mask.width > 0 && mask.height > 0
        && mask.values.length === mask.width * mask.height && !isEmpty(mask);
      return whole ? [{ id, photo, style, soft, mask }] : [];
    }),
    refined: refined === true,
  };
}

/**
 * The way to the present look, and the way back. Nothing of it is ever changed in place.
 * @typedef {object} LookHistory
 * @property {readonly Look[]} past
 * @property {Look} now
 * @property {readonly Look[]} future
 * @property {Look} [before] the look before a change that is still going on
 */

/** A history that begins. @param {Look} now @returns {LookHistory} */
export const begun = (now) => ({ past: [], now, future: [] });

/** The change that is going on, if there is one, is a step from here on. @param {LookHistory} history @returns {LookHistory} */
function settled({ past, now, future, before }) {
  if (before === undefined || lookName(before) === lookName(now)) return { past, now, future };
  return { past: [...past, before].slice(-MOST_STEPS), now, future: [] };
}

/**
 * One step further.
 * @param {LookHistory} history
 * @param {Look} now
 * @param {{ moving?: boolean }} [options] moving: the change goes on, and will be one step in the end
 */
export function stepped(history, now, { moving = false } = {}) {
  const going = { ...history, now, before: history.before ?? history.now };
  return moving ? going : settled(going);
}

/** Another present without a step: for what is not a choice of the visitor. @param {LookHistory} history @param {Partial<Look>} change @returns {LookHistory} */
export const amended = (history, change) => ({ ...history, now: { ...history.now, ...change } });

/** @param {LookHistory} history @returns {LookHistory} */
export function undone(history) {
  const { past, now, future } = settled(history);
  const last = past.at(-1);
  return last ? { past: past.slice(0, -1), now: last, future: [...future, now] } : { past, now, future };
}

/** @param {LookHistory} history @returns {LookHistory} */
export function redone(history) {
  const { past, now, future } = settled(history);
  const next = future.at(-1);
  return next ? { past: [...past, now], now: next, future: future.slice(0, -1) } : { past, now, future };
}

/** @param {LookHistory} history */
export const canUndo = ({ past, before }) => past.length > 0 || before !== undefined;
/** @param {LookHistory} history */
export const canRedo = ({ future }) => future.length > 0;

/** As much of it as outlives the page. @param {LookHistory} history */
export const keptSteps = ({ past, now, future }) => ({ past: past.slice(-STEPS_KEPT), now, future: future.slice(-STEPS_KEPT) });

/**
 * A look without styles that are no more, and with one where none is left. A look that lacks nothing stays the same, and
 * so what is kept of it.
 * @param {Look} look
 * @param {readonly import('./styles.js').Style[]} all
 * @param {boolean} known whether a style that is not among them is no more
 * @returns {Look}
 */
export function mended(look, all, known) {
  const there = (/** @type {string} */ id) => !known || all.some((style) => style.id === id);
  const styles = look.styles.filter(({ id }) => there(id));
  const [first] = all;
  if (!styles.length && first) styles.push({ id: first.id, weight: 50 });
  const regions = look.regions.filter(({ style }) => style === null || there(style));
  const whole = regions.length === look.regions.length && styles.length === look.styles.length
    && styles.every((style, i) => style === look.styles[i]);
  return whole ? look : { ...look, styles, regions };
}
