// How to paint: the sliders, the colours, the size, and the buttons of the picture.

import { $, bring, button, choose, follow, input, onRadio, roving, select, showOptions, tell, write } from './dom.js';
import { endStroke } from './editing.js';
import { kind, painter } from './engine.js';
import { onHold } from './hold.js';
import { canRedo, canUndo, MOST_STYLES, redone, undone } from './look.js';
import { set, setMixing, setSize, surpriseMe } from './looks.js';
import { fullSize } from './painter.js';
import { SAFE, SIZES } from './sizes.js';
import { photoOnly, stop, travel, view } from './stage.js';
import { store } from './store.js';
import { titleOf } from './styles.js';
import { shown } from './wanted.js';
import { number, words } from './words.js';
import { LARGEST } from '../stylizer.js';

/** @typedef {import('./store.js').State} State */

/** Goes back or forth; a stroke that is going on is a step, too. @param {Parameters<typeof travel>[0]} way */
function go(way) {
  endStroke();
  travel(way);
}

const compare = () => store.change({ comparing: !store.now.comparing });

export function wireControls() {
  $('controls').addEventListener('submit', (event) => event.preventDefault());
  onRadio('many', (value) => setMixing(value === 'mix'));
  button('surprise').addEventListener('click', surpriseMe);
  follow(input('strength'), (strength, moving) => set({ strength }, { moving }));
  follow(input('brush'), (brush, moving) => set({ brush }, { moving }));
  onRadio('colours', (colours) => set({ colours }));
  select('size').addEventListener('change', () => {
    const { value } = select('size');
    setSize(value === 'own' ? 'own' : Number(value));
  });

  button('undo').addEventListener('click', () => go(undone));
  button('redo').addEventListener('click', () => go(redone));
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector('dialog[open]')) return;
    const way = { z: event.shiftKey ? redone : undone, y: redone }[event.key.toLowerCase()];
    if (!way) return;
    event.preventDefault();
    go(way);
  });
  $('view').addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() === 'c' && !event.ctrlKey && !event.metaKey && !button('compare').disabled) compare();
  });
  roving($('toolbar'), 'button:not([hidden], :disabled)');
  onHold(button('compare'), 'v', { click: compare, hold: photoOnly });
  button('zoom-in').addEventListener('click', () => view.zoomTo(view.zoom * 1.5));
  button('zoom-out').addEventListener('click', () => view.zoomTo(view.zoom / 1.5));
  button('zoom-fit').addEventListener('click', () => (view.whole ? view.actual() : view.fit()));
  button('stop').addEventListener('click', stop);
  button('refine').addEventListener('click', () => set({ refined: true }));
}

/** @param {Readonly<State>} state */
export function showControls(state) {
  const { history, mixing } = state;
  const { now: { styles, strength, brush, colours, refined } } = history;
  choose('many', mixing ? 'mix' : 'one');
  write('style-title', mixing ? words('mixHint', { n: styles.length, most: MOST_STYLES }) : titleOf(styles[0]?.id ?? ''));
  bring(input('strength'), { value: String(strength) });
  tell('strength', `${number(strength)} %`);
  bring(input('brush'), { value: String(brush) });
  tell('brush', words(brush < 256 ? 'brushFine' : brush > 512 ? 'brushBroad' : 'brushMedium'));
  choose('colours', colours);
  write('colours-hint', words(`colours.${colours}`));
  showSize(state);

  bring(button('undo'), { disabled: !canUndo(history) });
  bring(button('redo'), { disabled: !canRedo(history) });
  const ready = shown(state) !== undefined;
  for (const id of ['copy', 'share', 'save']) bring(button(id), { disabled: !ready });
  bring(button('refine'), { disabled: !ready || refined || strength === 0 });
}

/** @param {Readonly<State>} state */
function showSize({ photo, history: { now: look } }) {
  const { size } = look;
  bring($('size-field'), { hidden: Boolean(photo?.film) }); // it has its own
  const own = photo && Math.min(LARGEST, Math.max(photo.width, photo.height));
  /** @type {(readonly [string, string])[]} */
  const options = [...new Set([...SIZES, ...(size === 'own' ? [] : [size])])].sort((a, b) => a - b)
    .filter((one) => !own || one < own)
    .map((one) => [String(one), words('pixels', { n: one })]);
  if (photo && own) {
    const scale = own / Math.max(photo.width, photo.height);
    const [width, height] = [photo.width, photo.height].map((side) => Math.round(side * scale));
    options.push(['own', words('ownSize', { width, height })]);
  }
  showOptions(select('size'), options, size === 'own' || (own && size >= own) ? 'own' : String(size));

  const task = photo && { photo, look };
  const scale = photo && task ? fullSize(task) / Math.max(photo.width, photo.height) : 0;
  const pixels = photo ? (photo.width * photo.height * scale ** 2) / 1e6 : 0;
  const seconds = task && painter.secondsFor(task);
  const large = pixels > SAFE[kind()];
  $('size-hint').classList.toggle('warning', large);
  write('size-hint', [
    seconds && seconds > 5 ? words('sizeSeconds', { n: Math.ceil(seconds) }) : '',
    large ? words('sizeWarning') : '',
  ].join(' ').trim());
}
