// The tiles of the styles, and the field above them that finds some.

import { $, bring, button, icon, input, label, make, roving, showList, write } from './dom.js';
import { onChoose } from './pictures.js';
import { store } from './store.js';
import { styleOf, toggleFavourite } from './styles.js';
import { words } from './words.js';

/** @typedef {import('./styles.js').Style} Style */

const file = make('input', { type: 'file', id: 'style-file', accept: 'image/*,.style,.json', multiple: true });
const add = make('label', { className: 'tile add' }, icon('plus'), file);
const camera = make('button', { type: 'button', className: 'tile add' }, icon('camera'));

/** @type {{ press: (id: string) => void, files: (files: File[]) => void, camera: () => void, remove: (style: Style) => void }} */
let on;

/** @param {typeof on} does */
export function wireGallery(does) {
  on = does;
  const root = $('gallery');
  onChoose(file, on.files);
  camera.addEventListener('click', on.camera);
  root.replaceChildren(add, camera);
  roving(root, '.tile:not([hidden]) > .pick');
  root.addEventListener('keydown', (event) => {
    const { style } = /** @type {HTMLElement} */ (event.target).dataset;
    if (event.key.toLowerCase() === 'f' && !event.ctrlKey && !event.metaKey && !event.altKey && style) toggleFavourite(style);
  });
  const field = input('style-search');
  field.addEventListener('input', () => store.change({ search: field.value }));
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !field.value) return;
    event.preventDefault();
    store.change({ search: '' });
  });
}

/** Favourites come first, then pictures of the visitor's own, the newest first. @param {Readonly<import('./store.js').State>} state @returns {Style[]} */
function inOrder({ styles, favourites }) {
  const rank = (/** @type {Style} */ { id, own }) => (favourites.has(id) ? 0 : own ? 1 : 2);
  const own = styles.filter((style) => style.own).reverse();
  return [...own, ...styles.filter((style) => !style.own)].sort((a, b) => rank(a) - rank(b));
}

/** @param {Readonly<import('./store.js').State>} state */
export function showGallery(state) {
  const { styles, favourites, search, history: { now: look } } = state;
  bring(file, { ariaLabel: words('addStyle') });
  bring(add, { title: words('addStyle') });
  label(camera, words('photographStyle'));
  const wanted = plain(search).split(/\s+/);
  let found = 0;
  showList($('gallery'), inOrder(state), {
    first: [add, camera],
    key: ({ id }) => id,
    make: tile,
    update(item, style) {
      const has = plain(style.keywords);
      const hidden = !wanted.every((word) => has.includes(word));
      if (!hidden) found++;
      const at = look.styles.findIndex(({ id }) => id === style.id);
      const order = look.styles.length > 1 && at >= 0 ? String(at + 1) : '';
      bring(item, { hidden });
      if (item.dataset.order !== order) item.dataset.order = order;
      const [pick, star, remove] = /** @type {HTMLButtonElement[]} */ ([...item.children]);
      const title = style.title();
      bring(pick, { ariaLabel: title, title: `${title}\n${style.note || words('ownNote')}`, ariaPressed: String(at >= 0) });
      bring(/** @type {HTMLElement} */ (pick.lastElementChild), { textContent: title });
      bring(star, { ariaPressed: String(favourites.has(style.id)) });
      label(star, words('favourite', { name: title }));
      if (remove) label(remove, words('removeStyle', { name: title }));
    },
  });
  const text = search.trim();
  bring(input('style-search'), { value: search, placeholder: words('findStyle') });
  write('styles-found', text ? words(found ? 'stylesFound' : 'noStyleFound', { n: found, text }) : '');
  bring(button('surprise'), { disabled: styles.every(({ own }) => own) });
}

/** @param {Style} style */
function tile({ id, thumb, own }) {
  const image = make('img', { src: thumb, alt: '', decoding: 'async', loading: 'lazy', width: 80, height: 80, draggable: false });
  const pick = make('button', { type: 'button', className: 'pick', draggable: true }, image, make('span', { className: 'name' }));
  pick.dataset.style = id;
  pick.addEventListener('click', () => on.press(id));
  // By keyboard it is F on the style: no tile has two stops of the Tab key.
  const star = make('button', { type: 'button', className: 'star', tabIndex: -1 }, icon('star'));
  star.addEventListener('click', () => toggleFavourite(id));
  const item = make('div', { className: 'tile' }, pick, star);
  if (own) {
    const remove = make('button', { type: 'button', className: 'remove' }, icon('close'));
    remove.addEventListener('click', () => {
      const style = styleOf(id);
      if (style) on.remove(style);
      file.focus();
    });
    item.append(remove);
  }
  return item;
}

/** A text without what one leaves out in a hurry: capitals and accents. @param {string} text */
const plain = (text) => text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').trim();
