// The visit that is kept on this device: how it comes back, and how it ends.

import { input } from './dom.js';
import { stopEditing } from './editing.js';
import { kind, painter } from './engine.js';
import { amended, begun, keptSteps, lookKey } from './look.js';
import { dropNotices, noteRestored } from './notices.js';
import { removePhoto, showPhoto, takeUsualSize } from './photos.js';
import { check } from './pictures.js';
import { recall, remember } from './remember.js';
import { paint } from './stage.js';
import { asked, firstLook, store } from './store.js';
import { loadKept } from './styles.js';
import { complain, resting, say } from './telling.js';
import { RESTORING, Visits } from './visits.js';
import { hasUnsavedFilm, shown } from './wanted.js';

/** @typedef {import('./strips.js').Result} Result */

export const visits = new Visits(() => {
  const { photos, photo, results, history, mixing, sizeChosen } = store.now;
  return {
    photos,
    photo: photo?.id,
    results: results.map(({ photo: of, look, picture, small }) => ({ photo: of.id, look, picture, small })),
    looks: keptSteps(history),
    mixing,
    sizeChosen,
  };
}, () => store.touch());

/** Takes the last visit up again, where one is kept. @param {Promise<void>} bundled when the page's own styles are there */
export async function restore(bundled) {
  const tries = Number(recall(RESTORING) ?? 0);
  // What twice did not come to a picture may be too much for this device, and is not tried a third time.
  const visit = await visits.restore({ fresh: tries > 1 });
  remember(RESTORING, null);
  if (!visit) return;
  remember(RESTORING, String(tries + 1));
  await bundled;
  await loadKept().catch(() => {});
  let lost = 0;
  const photos = [...store.now.photos];
  for (const { id, file: given, name, path, loose, film } of visit.photos) {
    try {
      const { file, ...rest } = await check(given);
      photos.push({ ...rest, id, file, name, path, loose, ...(film && { film }), url: URL.createObjectURL(file) });
    } catch {
      lost++;
    }
  }
  const looks = [...visit.looks.past, visit.looks.now, ...visit.looks.future, ...visit.results.map(({ look }) => look)];
  store.takeIds([...photos.map(({ id }) => id), ...looks.flatMap(({ regions }) => regions.map(({ id }) => id))]);
  const wanted = photos.find(({ id }) => id === visit.photo) ?? photos[0];
  if (!wanted) return complain('lostPictures', { n: lost });
  /** @type {Result[]} */
  const results = [];
  for (const { photo: id, look, picture, small } of visit.results) {
    const photo = photos.find((one) => one.id === id);
    const key = lookKey(look, id);
    if (photo && !results.some((result) => result.key === key)) {
      results.push({ key, photo, look, picture, small, thumb: URL.createObjectURL(small) });
    }
  }
  let history = /** @type {import('./look.js').LookHistory} */ (visit.looks);
  // Refining takes long: what there was of it comes back, but it does not begin anew by itself.
  if (history.now.refined && !results.some(({ key }) => key === lookKey(history.now, wanted.id))) history = amended(history, { refined: false });
  let { sizeChosen } = visit;
  if (tries) {
    sizeChosen = asked.size !== undefined;
    history = amended(history, { size: firstLook(kind()).size, refined: false });
  }
  store.change({ photos, results, history, mixing: visit.mixing, sizeChosen });
  showPhoto(wanted, { asItIs: true });
  if (painter.engine) takeUsualSize();
  noteRestored();
  if (lost) complain('lostPictures', { n: lost });
}

/** Removes the visit from the page and from the device. */
export function startAfresh() {
  store.now.batch?.abort();
  store.now.learning?.abort.abort();
  painter.stop();
  resting();
  stopEditing();
  store.change({ photo: undefined, painting: undefined }); // so that no other one is shown in its place
  for (const one of store.now.photos) removePhoto(one);
  store.change({
    history: begun(firstLook(kind())), mixing: false, sizeChosen: asked.size !== undefined, saved: new Set(),
  });
  dropNotices();
  say('status', 'idle');
  paint();
  visits.forget();
  store.settle();
  input('photo-file').focus();
}

/** Notes what is to be noted, and warns, when the page is left. */
export function wireLeaving() {
  addEventListener('pagehide', () => remember(RESTORING, null));
  addEventListener('beforeunload', (event) => {
    const { batch, film, learning, photo, history, saved } = store.now;
    const now = shown(store.now);
    const busy = batch !== undefined || learning !== undefined || film.work !== undefined || hasUnsavedFilm(store.now) || (photo !== undefined && history.now.refined && !now);
    if (busy || (visits.unsaved && !(now?.key !== undefined && saved.has(now.key)))) event.preventDefault();
  });
}
