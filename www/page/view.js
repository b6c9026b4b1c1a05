// The picture on the stage: fitted, zoomed, moved about, and compared with the photo.

/** Times the fitted size. */
const MOST = 16;

export class View {
  #view;
  #sheet;
  #onZoom;
  #width = 1;
  #height = 1;
  /** Width of the picture that is seen, in its own pixels: a painting has others than its photo. */
  #pixels = 1;
  #zoom = 1;
  /** The middle of the view, as a part of the picture. */
  #at = { x: 0.5, y: 0.5 };
  /** @type {Map<number, { x: number, y: number }>} */
  #pointers = new Map();
  /** While a region is painted one pointer paints, and only two move the picture. */
  painting = false;

  /**
   * @param {HTMLElement} view what shows
   * @param {HTMLElement} sheet what is shown
   * @param {() => void} onZoom
   */
  constructor(view, sheet, onZoom) {
    this.#view = view;
    this.#sheet = sheet;
    this.#onZoom = onZoom;
    new ResizeObserver(() => this.#place()).observe(view);
    view.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    view.addEventListener('pointerdown', (event) => this.#down(event));
    view.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel', 'pointerleave']) {
      view.addEventListener(end, (event) => this.#pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
    view.addEventListener('dblclick', (event) => {
      if (this.painting || !this.#onPicture(event)) return;
      if (!this.whole) this.fit();
      else this.#zoomTo(this.#actual > 1.01 ? this.#actual : 2.5, event.clientX, event.clientY);
    });
    view.addEventListener('keydown', (event) => this.#key(event));
  }

  get zoom() { return this.#zoom; }

  /** Whether the picture is as large as the view. */
  get whole() { return Math.abs(this.#zoom - 1) < 0.01; }

  /** Device pixels for each pixel of the picture. */
  get scale() { return (this.#size().width * devicePixelRatio) / this.#pixels; }

  /** The zoom at which the scale is 1. */
  get #actual() { return this.#zoom / this.scale; }

  /** @param {number} width of the picture that is seen now in place of the one before, in its own pixels */
  set pixels(width) {
    if (this.#pixels === width) return;
    this.#pixels = width;
    this.#onZoom();
  }

  /** Whether two fingers are down. */
  get pinching() { return this.#pointers.size > 1; }

  /** Another picture, whole. @param {number} width @param {number} height */
  show(width, height) {
    this.#width = width;
    this.#height = height;
    this.#pixels = width;
    this.fit();
  }

  fit() {
    this.#zoom = 1;
    this.#at = { x: 0.5, y: 0.5 };
    this.#place();
  }

  /** One device pixel for each pixel of the picture. */
  actual() {
    this.#zoomTo(this.#actual);
  }

  /** Zooms so that what is at this place of the window stays there; without a place, the middle. @param {number} zoom @param {number} [clientX] @param {number} [clientY] */
  zoomTo(zoom, clientX, clientY) {
    const actual = this.#actual;
    // Step by step it goes no further out than to the whole picture.
    const least = this.#zoom < 1 ? Math.min(this.#zoom, actual) : 1;
    this.#zoomTo(Math.max(least, Math.min(Math.max(MOST, actual), zoom)), clientX, clientY);
  }

  /** The same without a limit. @param {number} zoom @param {number} [clientX] @param {number} [clientY] */
  #zoomTo(zoom, clientX, clientY) {
    const box = this.#view.getBoundingClientRect();
    const dx = clientX === undefined ? 0 : clientX - box.left - box.width / 2;
    const dy = clientY === undefined ? 0 : clientY - box.top - box.height / 2;
    const before = this.#size();
    const held = { x: this.#at.x + dx / before.width, y: this.#at.y + dy / before.height };
    this.#zoom = zoom;
    const after = this.#size();
    this.#at = { x: held.x - dx / after.width, y: held.y - dy / after.height };
    this.#place();
  }

  /** @param {number} dx pixels @param {number} dy pixels */
  moveBy(dx, dy) {
    const size = this.#size();
    this.#at = { x: this.#at.x - dx / size.width, y: this.#at.y - dy / size.height };
    this.#place();
  }

  /** Where a point of the window is on the picture, from 0 to 1. @param {{ clientX: number, clientY: number }} point */
  locate({ clientX, clientY }) {
    const box = this.#sheet.getBoundingClientRect();
    return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  }

  #size() {
    const { clientWidth, clientHeight } = this.#view;
    const scale = Math.min(clientWidth / this.#width, clientHeight / this.#height) * this.#zoom;
    return { width: this.#width * scale, height: this.#height * scale };
  }

  #place() {
    const { clientWidth, clientHeight } = this.#view;
    const { width, height } = this.#size();
    // The picture's edge never comes inside the view where the picture is larger.
    const within = (/** @type {number} */ at, /** @type {number} */ shown) =>
      (shown >= 1 ? 0.5 : Math.max(shown / 2, Math.min(1 - shown / 2, at)));
    this.#at = { x: within(this.#at.x, clientWidth / width), y: within(this.#at.y, clientHeight / height) };
    const { style } = this.#sheet;
    style.width = `${width}px`;
    style.height = `${height}px`;
    // Between two device pixels the picture would be blurred.
    const whole = (/** @type {number} */ at) => Math.round(at * devicePixelRatio) / devicePixelRatio;
    style.left = `${whole(clientWidth / 2 - this.#at.x * width)}px`;
    style.top = `${whole(clientHeight / 2 - this.#at.y * height)}px`;
    this.#view.classList.toggle('zoomed', this.#zoom > 1);
    this.#onZoom();
  }

  /** @param {Event} event */
  #onPicture(event) {
    return !this.#sheet.hidden && !/** @type {Element} */ (event.target).closest('button, label, input, #work');
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    // Where the page itself scrolls, the wheel is for that; a pinch on a touchpad comes with ctrlKey.
    const pageScrolls = document.documentElement.scrollHeight > innerHeight + 1;
    if (this.#sheet.hidden || (pageScrolls && !event.ctrlKey)) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
    this.zoomTo(this.#zoom * Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.#onPicture(event) || event.button !== 0) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    this.#pointers.set(event.pointerId, now);
    if (this.#pointers.size === 1) {
      if (!this.painting && this.#zoom > 1) this.moveBy(now.x - last.x, now.y - last.y);
      return;
    }
    const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const apart = (/** @type {typeof now} */ point) => Math.hypot(point.x - other.x, point.y - other.y);
    // Half of the move belongs to each of the two fingers.
    this.moveBy((now.x - last.x) / 2, (now.y - last.y) / 2);
    this.zoomTo(this.#zoom * apart(now) / Math.max(1, apart(last)), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.#view) return;
    const step = 60;
    const act = {
      '+': () => this.zoomTo(this.#zoom * 1.25),
      '=': () => this.zoomTo(this.#zoom * 1.25),
      '-': () => this.zoomTo(this.#zoom / 1.25),
      0: () => this.fit(),
      1: () => this.actual(),
      ArrowLeft: () => this.moveBy(step, 0),
      ArrowRight: () => this.moveBy(-step, 0),
      ArrowUp: () => this.moveBy(0, step),
      ArrowDown: () => this.moveBy(0, -step),
    }[event.key];
    if (!act || this.#sheet.hidden) return;
    event.preventDefault();
    act();
  }
}

/**
 * The line between the photo and the painting, moved by pointer or keyboard.
 * @param {{ sheet: HTMLElement, painting: HTMLElement, divider: HTMLElement, range: HTMLInputElement }} parts
 * @returns {{ divide: (on: boolean) => void, photoOnly: (on: boolean) => void }} divide: switches it on or off; photoOnly:
 *   shows the photo alone, whatever the line does
 */
export function compareSlider({ sheet, painting, divider, range }) {
  let divided = false;
  let alone = false;
  const place = () => {
    const part = alone ? 100 : divided ? range.valueAsNumber : 0;
    divider.hidden = !divided && !alone;
    divider.classList.toggle('photo-only', alone);
    divider.style.setProperty('--at', `${part}%`);
    painting.style.clipPath = part ? `inset(0 0 0 ${part}%)` : '';
  };
  const follow = (/** @type {PointerEvent} */ event) => {
    const box = sheet.getBoundingClientRect();
    range.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
    place();
  };
  const line = /** @type {HTMLElement} */ (divider.querySelector('.line'));
  line.addEventListener('pointerdown', (event) => {
    event.stopPropagation(); // does not move the picture
    event.preventDefault();
    line.setPointerCapture(event.pointerId);
    range.focus();
    follow(event);
  });
  line.addEventListener('pointermove', (event) => {
    if (line.hasPointerCapture(event.pointerId)) follow(event);
  });
  range.addEventListener('input', place);
  return {
    divide(on) {
      if (on === divided) return; // the line stays where it was moved to
      divided = on;
      if (on) range.value = '50';
      place();
    },
    photoOnly(on) {
      alone = on;
      place();
    },
  };
}
