// What lasts as long as a button or a key is held.

/** Milliseconds after which a press is no click any more. */
const LONG = 250;
/** Where a letter is written, or chooses. */
const TAKES_LETTERS = 'select, textarea, input:not([type=range], [type=radio], [type=checkbox], [type=file])';

/**
 * Connects a button that is clicked or held, by pointer, and the key that is held in its place.
 * @param {HTMLButtonElement} button
 * @param {string} key a small letter
 * @param {{ click: () => void, hold: (on: boolean) => void }} on
 */
export function onHold(button, key, { click, hold }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let held = false;
  /** Whether the last press was a long one, which ends without a click. */
  let long = false;
  const begin = () => {
    held = true;
    hold(true);
  };
  const end = () => {
    clearTimeout(timer);
    if (!held) return;
    held = false;
    hold(false);
  };
  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    long = false;
    timer = setTimeout(() => {
      long = true;
      begin();
    }, LONG);
  });
  button.addEventListener('click', (event) => {
    // The keyboard's clicks count none.
    if (!long || event.detail === 0) click();
  });
  // A finger that rests asks for a menu.
  button.addEventListener('contextmenu', (event) => { if (held) event.preventDefault(); });
  button.addEventListener('blur', end);
  for (const over of ['pointerup', 'pointercancel', 'blur']) addEventListener(over, end);
  document.addEventListener('keydown', (event) => {
    if (event.repeat) return;
    end(); // with another key, the end of this one may not be told
    if (event.key.toLowerCase() !== key || event.ctrlKey || event.metaKey || event.altKey || button.disabled) return;
    if (/** @type {Element} */ (event.target).closest(TAKES_LETTERS) || document.querySelector('dialog[open]')) return;
    begin();
  });
  document.addEventListener('keyup', (event) => { if (event.key.toLowerCase() === key) end(); });
}
