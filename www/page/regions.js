// Painting a region: a mask over the photo, by pointer or keyboard, with a soft edge.

/** @typedef {import('./look.js').Mask} Mask */

/** Long side of a mask. The engine brings it to the photo's size, which leaves the edge soft. */
const SIDE = 512;

/** @param {number} width of the photo @param {number} height @returns {Mask} */
export function emptyMask(width, height) {
  const scale = SIDE / Math.max(width, height);
  const w = Math.max(1, Math.round(width * scale));
  const h = Math.max(1, Math.round(height * scale));
  return { width: w, height: h, values: new Uint8Array(w * h) };
}

/** @param {Mask} mask @returns {Mask} */
export const inverted = (mask) => ({ ...mask, values: mask.values.map((value) => 255 - value) });

/** @param {Mask} mask */
export const isEmpty = (mask) => mask.values.every((value) => value === 0);

/**
 * The mask with an edge that fades over `percent` of the long side: three passes of a running mean in
 * each direction, which is close to a Gaussian. (A canvas filter would do; Safari has none.)
 * @param {Mask} mask
 * @param {number} percent
 * @returns {Mask}
 */
export function softened(mask, percent) {
  const radius = Math.round((percent / 100) * Math.max(mask.width, mask.height) / 3);
  if (!radius) return mask;
  let from = Float32Array.from(mask.values);
  let to = new Float32Array(from.length);
  const pass = (/** @type {number} */ count, /** @type {number} */ length, /** @type {number} */ step, /** @type {number} */ next) => {
    for (let line = 0; line < count; line++) {
      const start = line * next;
      const at = (/** @type {number} */ i) => from[start + Math.max(0, Math.min(length - 1, i)) * step];
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        to[start + i * step] = sum / (2 * radius + 1);
        sum += at(i + radius + 1) - at(i - radius);
      }
    }
    [from, to] = [to, from];
  };
  for (let i = 0; i < 3; i++) {
    pass(mask.height, mask.width, 1, mask.width);
    pass(mask.width, mask.height, mask.width, 1);
  }
  return { ...mask, values: Uint8Array.from(from, Math.round) };
}

/**
 * The share of each region at each pixel. Where regions overlap, the later one lies on top.
 * @param {{ mask: Mask, soft: number }[]} regions
 * @returns {Mask[]}
 */
export function shares(regions) {
  const soft = regions.map(({ mask, soft: percent }) => softened(mask, percent));
  return soft.map((mask, i) => ({
    ...mask,
    values: mask.values.map((value, pixel) =>
      soft.slice(i + 1).reduce((rest, above) => (rest * (255 - above.values[pixel])) / 255, value)),
  }));
}

/** The mask as a picture: white where it applies, opaque everywhere. @param {Mask} mask */
export function maskPicture({ width, height, values }) {
  const pixels = new ImageData(width, height);
  values.forEach((value, i) => pixels.data.set([value, value, value, 255], 4 * i));
  return pixels;
}

/** Paints on the mask of one region. */
export class MaskEditor {
  #canvas;
  #context;
  #onStroke;
  #view;
  /** @type {Mask | undefined} */ #mask;
  /** @type {Mask | undefined} the same before the stroke that is going on */ #before;
  #soft = 0;
  /** @type {{ x: number, y: number } | undefined} where the stroke was last */ #last;
  /** Where the keyboard's brush is, from 0 to 1; shown once a key was used. */
  #cursor = { x: 0.5, y: 0.5, shown: false };
  #frame = 0;
  #brush;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./view.js').View} view
   * @param {() => { width: number, erase: boolean }} brush width: in percent of the long side
   * @param {(mask: Mask) => void} onStroke with a new mask, after each stroke
   */
  constructor(canvas, view, brush, onStroke) {
    this.#brush = brush;
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#view = view;
    this.#onStroke = onStroke;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.#mask) return;
      canvas.setPointerCapture(event.pointerId);
      this.#cursor.shown = false;
      this.#stroke(view.locate(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!this.#last || !canvas.hasPointerCapture(event.pointerId)) return;
      if (view.pinching) this.#abandon();
      else for (const point of event.getCoalescedEvents?.() ?? [event]) this.#stroke(view.locate(point));
    });
    canvas.addEventListener('pointerup', () => this.finish());
    canvas.addEventListener('pointercancel', () => this.#abandon());
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => { this.#cursor.shown = false; this.#draw(); });
  }

  /** The mask to paint on, or none. A stroke goes on while it is the mask on which it began. @param {Mask | undefined} mask @param {number} soft */
  show(mask, soft) {
    if (mask === this.#before && soft === this.#soft) return;
    this.#soft = soft;
    if (mask === this.#before) this.#draw();
    else this.#begin(mask);
  }

  /** @param {Mask | undefined} mask */
  #begin(mask) {
    this.#last = undefined;
    this.#before = mask;
    this.#mask = mask && { ...mask, values: mask.values.slice() };
    this.#canvas.hidden = !mask;
    this.#view.painting = Boolean(mask);
    if (!mask) return;
    this.#canvas.width = mask.width;
    this.#canvas.height = mask.height;
    this.#draw();
  }

  /** @param {{ x: number, y: number }} to */
  #stroke(to) {
    const mask = /** @type {Mask} */ (this.#mask);
    const from = this.#last ?? to;
    this.#last = to;
    const { width, height } = mask;
    const brush = this.#brush();
    const radius = Math.max(1, (brush.width / 200) * Math.max(width, height));
    const [ax, ay, bx, by] = [from.x * width, from.y * height, to.x * width, to.y * height];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const clamp = (/** @type {number} */ value, /** @type {number} */ most) => Math.max(0, Math.min(most, value));
    const [x0, x1] = [Math.min(ax, bx) - radius - 1, Math.max(ax, bx) + radius + 1].map((x) => Math.round(clamp(x, width)));
    const [y0, y1] = [Math.min(ay, by) - radius - 1, Math.max(ay, by) + radius + 1].map((y) => Math.round(clamp(y, height)));
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        // The distance from the stretch between the two points, with an edge one pixel wide.
        const along = length ? clamp(((x + 0.5 - ax) * (bx - ax) + (y + 0.5 - ay) * (by - ay)) / length, 1) : 0;
        const distance = Math.hypot(x + 0.5 - ax - along * (bx - ax), y + 0.5 - ay - along * (by - ay));
        const covered = 255 * clamp(radius - distance + 0.5, 1);
        const at = y * width + x;
        mask.values[at] = brush.erase ? Math.min(mask.values[at], 255 - covered) : Math.max(mask.values[at], covered);
      }
    }
    this.#drawSoon();
  }

  /** Ends the stroke that is going on, if there is one. */
  finish() {
    if (!this.#last || !this.#mask) return;
    this.#last = undefined;
    this.#before = { ...this.#mask, values: this.#mask.values.slice() };
    this.#draw();
    this.#onStroke(this.#before);
  }

  /** A second finger came down: this was to be a pinch. */
  #abandon() {
    this.#begin(this.#before);
  }

  #drawSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    if (!this.#mask) return;
    // Softening takes too long for every move of a stroke; it shows when the stroke ends.
    const { width, height, values } = this.#last ? this.#mask : softened(this.#mask, this.#soft);
    const pixels = new ImageData(width, height);
    values.forEach((value, i) => pixels.data.set([232, 84, 60, value * 0.62], 4 * i));
    this.#context.putImageData(pixels, 0, 0);
    if (!this.#cursor.shown) return;
    for (const [colour, wide] of /** @type {const} */ ([['#000', 4], ['#fff', 2]])) {
      this.#context.strokeStyle = colour;
      this.#context.lineWidth = wide;
      this.#context.beginPath();
      const radius = (this.#brush().width / 200) * Math.max(width, height);
      this.#context.arc(this.#cursor.x * width, this.#cursor.y * height, radius, 0, 2 * Math.PI);
      this.#context.stroke();
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#mask || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 0.1 : 0.02;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const cursor = this.#cursor;
    if (move) {
      event.preventDefault();
      cursor.x = Math.max(0, Math.min(1, cursor.x + move[0]));
      cursor.y = Math.max(0, Math.min(1, cursor.y + move[1]));
    } else if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      this.#stroke(cursor);
      this.finish();
    } else {
      return;
    }
    cursor.shown = true;
    this.#draw();
  }
}
