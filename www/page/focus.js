// The focus comes back to a control that could not be used for a moment, such as a button that waits for a painting:
// browsers take it away for good.

/** What had the focus when it was disabled. @type {HTMLElement | undefined} */
let left;

const forget = () => { left = undefined; };

export function wireFocus() {
  // The visitor has gone elsewhere.
  for (const type of ['pointerdown', 'focusin']) addEventListener(type, forget, true);
  addEventListener('keydown', (event) => { if (event.key === 'Tab') forget(); }, true);
}

/** To be called when all is shown. */
export function keepFocus() {
  const now = /** @type {HTMLElement | null} */ (document.activeElement);
  if (now && now !== document.body) {
    if (now.matches(':disabled')) left = now;
  } else if (left?.isConnected && !left.matches(':disabled')) {
    left.focus({ preventScroll: true });
  }
}
