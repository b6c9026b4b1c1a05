// Small choices, kept on this device where the browser keeps anything; elsewhere they last as long as the page.

/** @type {Map<string, string | null>} */
const here = new Map();

/** @param {string} key */
export function recall(key) {
  if (here.has(key)) return here.get(key) ?? null;
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off
  }
}

/** @param {string} key @param {string | null} value nothing forgets it */
export function remember(key, value) {
  here.set(key, value);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage is switched off, or full.
  }
}
