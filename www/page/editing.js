// Regions on the page: their list, the tools for the one that is being painted, and the mask over the photo.

import { $, bring, button, canvas, follow, icon, input, label, make, onRadio, select, showList, showOptions, tell } from './dom.js';
import { painter } from './engine.js';
import { amended, regionsOn } from './look.js';
import { set } from './looks.js';
import { emptyMask, inverted, isEmpty, MaskEditor } from './regions.js';
import { paint, view } from './stage.js';
import { store } from './store.js';
import { styleOf } from './styles.js';
import { resting, say } from './telling.js';
import { edited } from './wanted.js';
import { number, words } from './words.js';

/** @typedef {import('./look.js').Region} Region */

const editor = new MaskEditor(canvas('mask'), view, () => store.now.brush, (mask) => changeRegion({ mask }));

/** @param {readonly Region[]} regions */
const amendRegions = (regions) => store.change({ history: amended(store.now.history, { regions: [...regions] }) });

/** @param {Partial<Region>} change @param {{ moving?: boolean }} [options] */
function changeRegion(change, options) {
  const { history, editing } = store.now;
  set({ regions: history.now.regions.map((one) => (one.id === editing ? { ...one, ...change } : one)) }, options);
}

function addRegion() {
  const { photo, styles, history: { now: look } } = store.now;
  if (!photo) return;
  const id = store.freshId();
  const used = new Set(look.styles.map((style) => style.id));
  const other = styles.find((style) => !used.has(style.id));
  amendRegions([...look.regions, { id, photo: photo.id, style: other?.id ?? null, soft: 4, mask: emptyMask(photo.width, photo.height) }]);
  edit(id);
}

/** @param {number} id */
function edit(id) {
  stopEditing();
  painter.stop();
  resting();
  store.change({ editing: id, comparing: false });
  say('status', 'paintRegion');
  store.settle();
  $('region-tools').scrollIntoView({ block: 'nearest' });
  canvas('mask').focus({ preventScroll: true });
}

/** Ends the stroke that is going on: what is painted by now is a step of its own. */
export const endStroke = () => editor.finish();

/** What is painted by now is kept. */
export function stopEditing() {
  endStroke();
  const left = edited(store.now);
  store.change({ editing: undefined });
  if (left && isEmpty(left.mask)) amendRegions(store.now.history.now.regions.filter((one) => one !== left));
}

/** @param {number} gone */
function removeRegion(gone) {
  const { editing, history } = store.now;
  if (editing === gone) store.change({ editing: undefined });
  set({ regions: history.now.regions.filter(({ id }) => id !== gone) });
  store.settle();
  button('add-region').focus();
}

export function wireEditing() {
  button('add-region').addEventListener('click', addRegion);
  select('region-style').addEventListener('change', () => changeRegion({ style: select('region-style').value || null }));
  follow(input('region-soft'), (soft, moving) => changeRegion({ soft }, { moving }));
  follow(input('region-brush'), (width) => store.change({ brush: { ...store.now.brush, width } }));
  onRadio('tool', (tool) => store.change({ brush: { ...store.now.brush, erase: tool === 'erase' } }));
  button('region-invert').addEventListener('click', () => {
    const now = edited(store.now);
    if (now) changeRegion({ mask: inverted(now.mask) });
  });
  button('region-done').addEventListener('click', () => {
    stopEditing();
    paint();
    store.settle();
    button('add-region').focus({ preventScroll: true });
  });
}

/** @param {Readonly<import('./store.js').State>} state */
export function showRegions(state) {
  const { photo, history, styles, brush, film } = state;
  const list = photo ? regionsOn(history.now, photo.id) : [];
  const now = edited(state);
  bring(button('add-region'), { disabled: !photo || now !== undefined || film.work !== undefined });
  bring($('regions-hint'), { hidden: list.length > 0 || now !== undefined });
  showList($('region-list'), list, {
    key: ({ id }) => id,
    make: ({ id }) => item(id),
    update(row, one, i) {
      const [image, none, text, change, remove] = /** @type {HTMLElement[]} */ ([...row.children]);
      const style = styleOf(one.style);
      const name = style?.title() ?? words('noStyle');
      const title = words('regionName', { n: i + 1, name });
      bring(/** @type {HTMLImageElement} */ (image), { src: style?.thumb ?? '', hidden: !style });
      bring(none, { hidden: style !== undefined });
      bring(text, { textContent: title });
      bring(/** @type {HTMLButtonElement} */ (change), {
        textContent: words('editRegion'), ariaLabel: `${words('editRegion')}: ${title}`, disabled: one === now || film.work !== undefined,
      });
      label(remove, words('removeRegion', { n: i + 1, name }));
    },
  });
  bring($('region-tools'), { hidden: !now });
  document.body.classList.toggle('editing', Boolean(now));
  editor.show(now?.mask, now?.soft ?? 0);
  tell('region-brush', `${number(brush.width)} %`);
  if (!now) return;
  showOptions(select('region-style'), [['', words('noStyle')], ...styles.map(({ id, title }) => /** @type {const} */ ([id, title()]))], now.style ?? '');
  bring(input('region-soft'), { value: String(now.soft) });
  tell('region-soft', `${number(now.soft)} %`);
}

/** @param {number} id */
function item(id) {
  const change = make('button', { type: 'button', className: 'small' });
  change.addEventListener('click', () => edit(id));
  const remove = make('button', { type: 'button', className: 'icon' }, icon('delete'));
  remove.addEventListener('click', () => removeRegion(id));
  const image = make('img', { alt: '', width: 36, height: 36 });
  return make('li', {}, image, make('span', { className: 'none' }), make('span', { className: 'name' }), change, remove);
}
