// What the page says, in the visitor's language. The sentences are in words-en.js and words-zh.js.

import { en } from './words-en.js';
import { zh } from './words-zh.js';
import { label } from './dom.js';
import { recall, remember } from './remember.js';

/** @typedef {'en' | 'zh'} Language */

const catalogues = { en, zh };
/** Where the choice is kept, once the visitor has made one. */
const KEPT = 'impasto-language';

/** @returns {Language} */
function preferred() {
  const asked = new URLSearchParams(location.search).get('lang') ?? recall(KEPT);
  for (const tag of [asked ?? '', ...navigator.languages]) {
    const found = Object.keys(catalogues).find((language) => tag.toLowerCase().startsWith(language));
    if (found) return /** @type {Language} */ (found);
  }
  return 'en';
}

export let language = preferred();

/** @param {Language} wanted */
export function speak(wanted) {
  language = wanted;
  remember(KEPT, wanted);
}

/**
 * A text of the catalogue, with its {placeholders} filled in. A text may have forms for one and for
 * several; the number `n` chooses.
 * @param {keyof typeof en} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function words(key, values = {}) {
  /** @type {string | Partial<Record<Intl.LDMLPluralRule, string>>} */
  const forms = catalogues[language][key];
  const text = typeof forms === 'string'
    ? forms
    : forms[new Intl.PluralRules(language).select(Number(values.n))] ?? forms.other ?? '';
  return text.replace(/\{(\w+)\}/g, (/** @type {string} */ _, /** @type {string} */ name) => String(values[name]));
}

/** A number with its decimals, as the language writes it. @param {number} value @param {number} digits */
export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A length of time, as one says it. @param {number} seconds */
export const long = (seconds) => (seconds < 90 ? words('seconds', { n: Math.max(1, Math.round(seconds)) }) : words('minutes', { n: Math.round(seconds / 60) }));

/** Of texts in several languages, the one to show. @param {Partial<Record<Language, string>>} texts */
export const inLanguage = (texts) => texts[language] ?? texts.en ?? '';

/** Fills in the words of index.html. */
export function translate() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : language;
  document.title = words('title');
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-words]'))) {
    element.textContent = words(/** @type {keyof typeof en} */ (element.dataset.words));
  }
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-label]'))) {
    const text = words(/** @type {keyof typeof en} */ (element.dataset.label));
    if (element.tagName === 'BUTTON') label(element, text);
    else element.ariaLabel = text;
  }
}
