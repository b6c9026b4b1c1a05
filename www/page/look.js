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

/** Undo and redo. Looks are never changed in place. */
export class History {
  /** @type {Look[]} */ #past = [];
  /** @type {Look[]} */ #future = [];
  /** @type {Look | undefined} the look before a change that is still going on */ #before;
  #now;

  /** @param {Look} first */
  constructor(first) {
    this.#now = first;
  }

  get now() { return this.#now; }
  /** What {@link restore} takes. */
  get kept() { return { past: this.#past.slice(-STEPS_KEPT), now: this.#now, future: this.#future.slice(-STEPS_KEPT) }; }
  get canUndo() { return this.#past.length > 0 || this.#before !== undefined; }
  get canRedo() { return this.#future.length > 0; }

  /**
   * @param {Look} value
   * @param {{ moving?: boolean }} [options] moving: the change goes on, and will be one step in the end
   */
  set(value, { moving = false } = {}) {
    this.#before ??= this.#now;
    this.#now = value;
    if (!moving) this.#settle();
  }

  /** Changes the present without a step: for what is not a choice of the visitor. @param {Look} value */
  amend(value) {
    this.#now = value;
  }

  /** Another history in place of this one. @param {{ past: Look[], now: Look, future: Look[] }} kept */
  restore({ past, now, future }) {
    this.#past = [...past];
    this.#now = now;
    this.#future = [...future];
    this.#before = undefined;
  }

  undo() {
    this.#settle();
    const value = this.#past.pop();
    if (value === undefined) return;
    this.#future.push(this.#now);
    this.#now = value;
  }

  redo() {
    this.#settle();
    const value = this.#future.pop();
    if (value === undefined) return;
    this.#past.push(this.#now);
    this.#now = value;
  }

  #settle() {
    if (this.#before === undefined) return;
    if (lookName(this.#before) !== lookName(this.#now)) {
      this.#past.push(this.#before);
      if (this.#past.length > 100) this.#past.shift();
      this.#future = [];
    }
    this.#before = undefined;
  }
}
