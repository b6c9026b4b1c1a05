// The photos of the visit: which one is on the stage, and what goes with one that leaves.

import { dialog } from './dom.js';
import { stopEditing } from './editing.js';
import { kind, painter } from './engine.js';
import { forgetFilm } from './film.js';
import { amended, stepped } from './look.js';
import { set } from './looks.js';
import { USUAL_FILM_SIZE, USUAL_SIZE } from './sizes.js';
import { dropResults, paint } from './stage.js';
import { store } from './store.js';
import { resting, say } from './telling.js';
import { shown } from './wanted.js';

/** @typedef {import('./strips.js').Photo} Photo */

/** @param {Photo | undefined} of */
const usualSize = (of) => (of?.film ? USUAL_FILM_SIZE : USUAL_SIZE)[kind()];

/** The size that the engine does in a few seconds, unless the visitor chose another. */
export function takeUsualSize() {
  if (dialog('save-dialog').open) return; // it waits until the dialog closes
  const { photo, history, results, sizeChosen } = store.now;
  const size = usualSize(photo);
  // What was painted already is painted again where it gets better, never where it gets worse.
  const painted = results.some(({ look }) => look.size === history.now.size);
  if (sizeChosen || history.now.size === size || (painted && Number(history.now.size) > size)) return;
  const smaller = shown(store.now)?.key;
  store.change({ history: amended(history, { size, refined: false }) });
  dropResults(results.filter(({ key }) => key === smaller));
  paint();
}

/** @param {Photo} wanted @param {{ asItIs?: boolean }} [options] asItIs: the look is not for it to change */
export function showPhoto(wanted, { asItIs = false } = {}) {
  if (store.now.photo === wanted) return;
  stopEditing();
  const { photo, history, sizeChosen } = store.now;
  const other = Boolean(wanted.film) !== Boolean(photo?.film);
  const usual = other && !sizeChosen && !asItIs;
  store.change({
    photo: wanted,
    painting: undefined,
    history: usual ? amended(history, { size: usualSize(wanted), refined: false }) : history,
  });
  say('status', painter.engine ? 'painting' : 'starting');
  paint();
}

/** @param {import('./strips.js').Result} result */
export function goTo({ photo, look }) {
  stopEditing();
  if (photo === store.now.photo) return set(look);
  store.change({ history: stepped(store.now.history, look) });
  showPhoto(photo, { asItIs: true });
}

/** @param {Photo} gone */
export function removePhoto(gone) {
  const { photo, photos, results } = store.now;
  const at = photos.indexOf(gone);
  const left = photos.filter((one) => one !== gone);
  dropResults(results.filter((one) => one.photo === gone));
  store.change({ photos: left });
  forgetFilm(gone);
  if (photo === gone) {
    painter.stop();
    resting();
    stopEditing();
    store.change({ photo: undefined, painting: undefined });
    const next = left[at] ?? left[at - 1];
    if (next) showPhoto(next);
    else say('status', 'idle');
  }
  URL.revokeObjectURL(gone.thumb);
  URL.revokeObjectURL(gone.url);
}
