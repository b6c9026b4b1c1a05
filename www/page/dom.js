// Short names for what the page does with its elements.

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function $(id, kind) {
  const found = document.getElementById(id);
  if (!found || (kind && !(found instanceof kind))) throw new Error(`the page lacks #${id}`);
  return /** @type {T} */ (found);
}

/** @param {string} id */
export const input = (id) => $(id, HTMLInputElement);
/** @param {string} id */
export const button = (id) => $(id, HTMLButtonElement);
/** @param {string} id */
export const canvas = (id) => $(id, HTMLCanvasElement);
/** @param {string} id */
export const select = (id) => $(id, HTMLSelectElement);
/** @param {string} id */
export const dialog = (id) => $(id, HTMLDialogElement);

/**
 * An element with properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** One of the icons in index.html. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Gives an element properties, and leaves alone what it has already: to set a value again may close a menu, take a
 * pressed part away or be said once more.
 * @template {Element} E
 * @param {E} element
 * @param {Partial<E>} properties
 */
export function bring(element, properties) {
  for (const key of /** @type {(keyof E)[]} */ (Object.keys(properties))) {
    if (element[key] !== properties[key]) element[key] = /** @type {E[typeof key]} */ (properties[key]);
  }
}

/** @param {string} id @param {string} text */
export const write = (id, text) => bring($(id), { textContent: text });

/** What the elements of lists are of. @type {WeakMap<Element, unknown>} */
const keys = new WeakMap();

/**
 * Brings what an element holds to a list. What is there already of the list stays, and what has the focus is not even
 * moved: others are moved around it.
 * @template T
 * @template {HTMLElement} E
 * @param {HTMLElement} parent
 * @param {readonly T[]} list
 * @param {object} how
 * @param {(one: T) => unknown} how.key the same for what the same element shows
 * @param {(one: T) => E} how.make
 * @param {(element: E, one: T, i: number) => void} [how.update] also for what was just made
 * @param {HTMLElement[]} [how.first] stay in front of the list
 * @param {HTMLElement[]} [how.last] stay behind it
 */
export function showList(parent, list, { key, make: made, update, first = [], last = [] }) {
  /** @type {Map<unknown, E>} */
  const there = new Map();
  for (const child of parent.children) if (keys.has(child)) there.set(keys.get(child), /** @type {E} */ (child));
  const items = list.map((one) => {
    const name = key(one);
    const item = there.get(name) ?? made(one);
    there.delete(name);
    keys.set(item, name);
    return item;
  });
  for (const gone of there.values()) gone.remove();
  const all = [...first, ...items, ...last];
  const held = Math.max(0, all.findIndex((item) => item.contains(document.activeElement)));
  if (all.length && all[held].parentElement !== parent) parent.prepend(all[held]);
  for (let i = held - 1; i >= 0; i--) if (all[i].nextElementSibling !== all[i + 1]) parent.insertBefore(all[i], all[i + 1]);
  for (let i = held + 1; i < all.length; i++) if (all[i].previousElementSibling !== all[i - 1]) all[i - 1].after(all[i]);
  for (const [i, one] of list.entries()) update?.(items[i], one, i);
}

/** What one can choose from, and what is chosen; a menu that is open stays so. @param {HTMLSelectElement} menu @param {(readonly [value: string, text: string])[]} options @param {string} value */
export function showOptions(menu, options, value) {
  showList(menu, options, {
    key: ([name]) => name,
    make: ([name]) => make('option', { value: name }),
    update: (option, [, text]) => bring(option, { textContent: text }),
  });
  bring(menu, { value });
}

/** Names a control that has no text, for screen readers and as a tooltip. @param {HTMLElement} element @param {string} text */
export const label = (element, text) => bring(element, { ariaLabel: text, title: text });

/** Writes a slider's value beside it, and says it as well. @param {string} id @param {string} text */
export function tell(id, text) {
  write(`${id}-value`, text);
  bring(input(id), { ariaValueText: text });
}

/** @param {string} name @returns {string} the value of the chosen radio button */
export function chosen(name) {
  return /** @type {HTMLInputElement} */ (document.querySelector(`input[name=${name}]:checked`)).value;
}

/** @param {string} name @param {string} value */
export function choose(name, value) {
  const radio = document.querySelector(`input[name=${name}][value="${value}"]`);
  bring(/** @type {HTMLInputElement} */ (radio), { checked: true });
}

/** Calls back while a slider moves, and once more when it rests. @param {HTMLInputElement} slider @param {(value: number, moving: boolean) => void} use */
export function follow(slider, use) {
  slider.addEventListener('input', () => use(slider.valueAsNumber, true));
  slider.addEventListener('change', () => use(slider.valueAsNumber, false));
}

/** @param {string} name @param {(value: any) => void} use */
export function onRadio(name, use) {
  for (const radio of document.querySelectorAll(`input[name=${name}]`)) {
    radio.addEventListener('change', () => use(chosen(name)));
  }
}

/**
 * Makes a group of buttons one stop of the Tab key; the arrow keys go from one to the next.
 * @param {HTMLElement} group
 * @param {string} selector of the buttons
 */
export function roving(group, selector) {
  const all = () => /** @type {HTMLElement[]} */ ([...group.querySelectorAll(selector)]).filter((item) => item.checkVisibility());
  const settle = () => {
    const items = all();
    const stop = items.find((item) => item === document.activeElement)
      ?? items.find((item) => item.ariaPressed === 'true' || item.ariaCurrent === 'true') ?? items[0];
    for (const item of items) item.tabIndex = item === stop ? 0 : -1;
  };
  group.addEventListener('focusin', settle);
  group.addEventListener('keydown', (event) => {
    const items = all();
    const at = items.indexOf(/** @type {HTMLElement} */ (event.target));
    if (at < 0) return;
    const top = (/** @type {HTMLElement} */ item) => item.getBoundingClientRect().top;
    const columns = Math.max(1, items.findIndex((item) => top(item) > top(items[0]) + 4));
    const to = {
      ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns,
      Home: 0, End: items.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items[Math.max(0, Math.min(items.length - 1, to))].focus();
  });
  new MutationObserver(settle).observe(group, { childList: true, subtree: true, attributeFilter: ['aria-pressed', 'disabled', 'hidden'] });
  settle();
}
