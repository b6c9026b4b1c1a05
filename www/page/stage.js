// The stage: what is painted for it, what comes onto it, and what is kept of that.

import { $, bring, button, canvas, dialog, input, label } from './dom.js';
import { events, failure, keepSite, kind, painter, reasonOf } from './engine.js';
import { Improver } from './improve.js';
import { amended, lookKey, mended, undone } from './look.js';
import { dropOldWords, offerFirstHint } from './notices.js';
import { thumbnail } from './pictures.js';
import { remember } from './remember.js';
import { Written } from './save.js';
import { asked, store } from './store.js';
import { titleOf } from './styles.js';
import { complain, halted, resting, say, working } from './telling.js';
import { compareSlider, View } from './view.js';
import { RESTORING } from './visits.js';
import { edited, isUncovered, refinedSteps, shown, showsFilm, wantedKey } from './wanted.js';
import { number, words } from './words.js';

/**
 * @typedef {import('./store.js').Painting} Painting
 * @typedef {import('./strips.js').Photo} Photo
 * @typedef {import('./strips.js').Result} Result
 * @typedef {import('./painter.js').Task} Task
 */

const RESULTS_KEPT = { most: 24, bytes: 300e6 };

export const view = new View($('view'), $('sheet'), showZoom);
const { divide, photoOnly } = compareSlider({ sheet: $('sheet'), painting: canvas('painting'), divider: $('divider'), range: input('divide') });
export { photoOnly };

const improver = new Improver(painter, {
  asked: asked.improve,
  rests(task) {
    const { now } = store;
    return task.photo === now.photo && task.look === now.history.now && shown(now) !== undefined
      && !now.batch && !now.film.work && !now.learning && !painter.busy && !document.querySelector('dialog[open]');
  },
  tell: (seconds) => say('status', 'improving', { n: number(Math.max(1, Math.ceil(seconds))) }),
  done: improved,
});
export { improver };

// ---- what is asked for ---------------------------------------------------------------------

/** Paints what is wanted, unless that was done before. */
export function paint({ moving = false } = {}) {
  const { history, styles, stylesKnown, mixing, film } = store.now;
  const look = mended(history.now, styles, stylesKnown);
  store.change({
    history: look === history.now ? history : amended(history, look),
    mixing: mixing || look.styles.length > 1,
    film: film.showing ? { ...film, showing: false } : film,
  });
  complain();
  const { now } = store;
  const { photo } = now;
  if (!photo || !look.styles.length || edited(now) || now.batch || now.film.work) return;
  const known = now.results.find(({ key }) => key === wantedKey(now));
  if (moving || !(known || shown(now))) {
    painter.request({ photo, look }, { moving });
    return;
  }
  painter.stop();
  resting();
  if (shown(now)) sayAgain();
  else if (known) showResult(known);
}

/** What is seen was painted before. */
function sayAgain() {
  const { width, height } = /** @type {Painting} */ (store.now.painting).picture;
  say('status', 'again', { width, height });
}

/** Ends what is painted, or takes it up again. */
export function stop() {
  const { work, batch, history, photo } = store.now;
  if (work?.stopped) {
    resting();
    paint();
    return;
  }
  batch?.abort();
  painter.stop();
  if (history.now.refined && !batch && !shown(store.now)) {
    resting();
    keepRefined();
    return;
  }
  say('status', 'stopped');
  if (photo && !shown(store.now)) halted();
  else resting();
}

/** A style is another than it was: what was painted in it is painted again. @param {string} id */
export function repaintStyle(id) {
  const { results, history, painting } = store.now;
  const has = (/** @type {import('./look.js').Look} */ { styles, regions }) =>
    styles.some((style) => style.id === id) || regions.some(({ style }) => style === id);
  dropResults(results.filter(({ look }) => has(look)));
  if (!has(history.now)) return;
  store.change({ history: amended(history, { refined: false }), painting: painting && { ...painting, key: undefined, full: false } });
  paint();
}

/** Goes back or forth between looks. @param {(history: import('./look.js').LookHistory) => import('./look.js').LookHistory} way */
export function travel(way) {
  store.change({ history: way(store.now.history) });
  dropOldWords();
  if (!edited(store.now)) store.change({ editing: undefined }); // it does not come back with its region
  paint();
}

// ---- what comes ----------------------------------------------------------------------------

/**
 * Puts a picture onto the canvas.
 * @param {ImageBitmap} picture which is closed
 * @param {{ key: string, full?: boolean, steps?: number }} of
 * @param {Blob} [png] its file, where that is there
 */
function draw(picture, { key, full = false, steps = 0 }, png) {
  const { width, height } = picture;
  Object.assign(canvas('painting'), { width, height });
  /** @type {CanvasRenderingContext2D} */ (canvas('painting').getContext('2d')).drawImage(picture, 0, 0);
  picture.close();
  const { painting, photo } = store.now;
  const pixels = full || steps ? width : painting?.pixels ?? photo?.width ?? width;
  store.change({ painting: { picture: new Written(canvas('painting'), png), key, full, steps, pixels } });
}

/** Puts a frame of a film onto the canvas. @param {ImageBitmap} frame */
export function drawFrame(frame) {
  const { width, height } = frame;
  const { painting } = store.now;
  if (painting?.key !== undefined || painting?.pixels !== width || canvas('painting').height !== height) {
    Object.assign(canvas('painting'), { width, height });
    store.change({ painting: { picture: new Written(canvas('painting')), full: false, steps: 0, pixels: width } });
  }
  /** @type {CanvasRenderingContext2D} */ (canvas('painting').getContext('2d')).drawImage(frame, 0, 0);
}

/** @param {ImageBitmap} picture @param {Task} task @param {{ full: boolean, seconds: number }} done */
function present(picture, task, { full, seconds }) {
  const { photo } = store.now;
  if (!photo || task.photo !== photo || edited(store.now)) return picture.close();
  const { width, height } = picture;
  draw(picture, { key: lookKey(task.look, task.photo.id), full });
  if (!full) return;
  store.change({ lastSeconds: seconds });
  remember(RESTORING, null);
  resting();
  say('status', task.look.refined ? 'refined' : 'painted', { width, height, seconds: number(seconds, 1) });
  keepResult(photo, task.look);
  offerFirstHint();
  improver.soon(task);
}

/** A painting got better by itself. @param {ImageBitmap} picture @param {Task} task @param {number} seconds */
function improved(picture, task, seconds) {
  const dialogs = /** @type {HTMLDialogElement | null} */ (document.querySelector('dialog[open]'));
  // What is being saved is what was seen when that began.
  if (dialogs) return dialogs.addEventListener('close', () => improved(picture, task, seconds), { once: true });
  const { photo, history } = store.now;
  if (task.photo !== photo || task.look !== history.now || !shown(store.now)) return picture.close();
  const refined = amended(history, { refined: true });
  store.change({ history: refined });
  present(picture, { photo, look: refined.now }, { full: true, seconds });
}

/** @param {import('../stylizer.js').RefineProgress} progress @param {Task} task @param {number} [seconds] */
function presentRefined({ done, total, loaded, bytes, picture }, task, seconds) {
  const { batch, photo, history } = store.now;
  if (batch || task.photo !== photo || task.look !== history.now) return picture?.close();
  if (loaded !== undefined && done === 0) {
    working({ part: bytes && loaded / bytes });
    const [done, all] = [loaded, bytes ?? 0].map((size) => number(size / 1e6, 1));
    return bytes ? say('work-words', 'downloading', { done, all }) : say('work-words', 'downloadingSome', { done });
  }
  if (picture) draw(picture, { key: lookKey(task.look, photo.id), steps: done });
  working({ part: done / total });
  if (seconds === undefined) say('work-words', 'refining');
  else say('work-words', 'refiningFor', { n: number(Math.max(1, Math.ceil(seconds))) });
}

/** Refining ended early: what there is of it stays, or, where there is nothing yet, what there was before. */
function keepRefined() {
  const { photo, painting, history } = store.now;
  const steps = refinedSteps(store.now);
  if (!photo) return;
  if (!steps || !painting) return travel(undone);
  store.change({ painting: { ...painting, full: true } });
  say('status', 'refinedUntil', { n: steps });
  keepResult(photo, history.now);
}

/** Keeps what is shown among the results. @param {Photo} photo @param {import('./look.js').Look} look */
async function keepResult(photo, look) {
  const now = shown(store.now);
  if (!now?.key) return;
  const { key, picture: written } = now;
  const files = await Promise.all([written.file('png'), thumbnail(canvas('painting'))]).catch(() => undefined);
  const { photos, results } = store.now;
  // A newer picture may have come onto the canvas meanwhile. What cannot be written is said when it is to be saved.
  if (!files || shown(store.now)?.picture !== written || results.some((one) => one.key === key) || !photos.includes(photo)) return;
  const [picture, small] = files;
  const all = [{ key, photo, look, picture, small, thumb: URL.createObjectURL(small) }, ...results];
  let bytes = 0;
  const kept = all.filter((one, i) => {
    if (i > 0) bytes += one.picture.size;
    return i < RESULTS_KEPT.most && bytes <= RESULTS_KEPT.bytes;
  });
  store.change({ results: all });
  dropResults(all.filter((one) => !kept.includes(one)));
}

/** @param {readonly Result[]} gone */
export function dropResults(gone) {
  if (!gone.length) return;
  store.change({ results: store.now.results.filter((one) => !gone.includes(one)) });
  for (const { thumb } of gone) URL.revokeObjectURL(thumb);
}

/** @param {Result} result its look is the present one */
async function showResult(result) {
  const bitmap = await createImageBitmap(result.picture).catch(() => undefined);
  if (wantedKey(store.now) !== result.key) return bitmap?.close();
  if (!bitmap) {
    // What was kept of it cannot be read: it is painted again.
    dropResults([result]);
    store.change({ history: amended(store.now.history, { refined: false }) });
    paint();
    return;
  }
  draw(bitmap, { key: result.key, full: true }, result.picture);
  remember(RESTORING, null);
  sayAgain();
}

// ---- what the painter tells ----------------------------------------------------------------

/** @param {() => void} onEngine another engine is there, or more is known of it */
export function hearPainter(onEngine) {
  Object.assign(events, /** @type {import('./painter.js').Events} */ ({
    onLoading(progress) {
      const { loaded, total } = progress;
      store.change({ loading: progress });
      if (!painter.busy) return;
      store.change({ awaited: true });
      working({ part: loaded && total ? loaded / total : undefined });
      if (loaded === undefined) say('work-words', 'starting');
      else if (total) say('work-words', 'downloading', { done: number(loaded / 1e6, 1), all: number(total / 1e6, 1) });
      else say('work-words', 'downloadingSome', { done: number(loaded / 1e6, 1) });
    },
    onPreparing: (progress) => store.change({ loading: progress }),
    onEngine() {
      if (store.now.awaited && painter.busy) {
        working();
        say('work-words', 'painting');
      }
      store.change({ awaited: false });
      onEngine();
      keepSite();
    },
    onNoEngine(error) {
      resting();
      complain('noEngine', reasonOf(error));
      store.change({ noEngine: true });
    },
    onBegin({ full, seconds }) {
      const { batch, history, work } = store.now;
      if (batch) return;
      if (history.now.refined) {
        working();
        say('work-words', 'refiningSoon');
      } else if (full) {
        working({ seconds });
        if (seconds && seconds >= 2) say('work-words', 'paintingFor', { n: number(Math.ceil(seconds)) });
        else say('work-words', 'painting');
      } else if (!work && !shown(store.now)) {
        working();
        say('work-words', 'painting');
      }
    },
    onPart(part) {
      if (!store.now.batch) working({ part });
    },
    onPicture: present,
    onRefined: presentRefined,
    onSmaller(from, to, code) {
      complain(/** @type {'smaller.memory'} */ (`smaller.${code}`), { from, to });
    },
    onUntuned(id) {
      complain('untuned', { name: titleOf(id) });
    },
    onFailed(error, task) {
      resting();
      if (task.look.refined) {
        keepRefined();
        // After it: what goes back to the painting before takes complaints back.
        complain('notRefined', reasonOf(error));
        return;
      }
      complain(...failure(error, task));
      say('status', 'failed');
    },
    onIdle() {
      keepSite();
      const { batch, work } = store.now;
      if (!batch && !work?.stopped) resting();
      store.touch();
    },
  }));
}

// ---- what is seen --------------------------------------------------------------------------

function showZoom() {
  const zoom = `${number(view.scale * 100)} %`;
  bring(button('zoom-fit'), { textContent: zoom });
  label(button('zoom-fit'), words(view.whole ? 'zoomActual' : 'zoomFit', { zoom }));
}

/** @param {Readonly<import('./store.js').State>} state */
export function showStage(state) {
  const { photo, photos, painting, comparing, film } = state;
  const uncovered = isUncovered(state);
  bring($('sheet'), { hidden: !photo });
  bring($('invitation'), { hidden: Boolean(photo) });
  bring($('toolbar'), { hidden: !photo });
  bring($('strips'), { hidden: !photos.length });
  document.body.classList.toggle('started', Boolean(photo));
  bring(canvas('painting'), { hidden: !uncovered });
  if (photo) {
    const image = /** @type {HTMLImageElement} */ ($('photo'));
    bring(image, { alt: words('photoLabel', { name: photo.name }) });
    bring(canvas('painting'), { ariaLabel: words('paintingLabel', { name: photo.name }) });
    bring($('view'), { tabIndex: 0, ariaLabel: words('viewLabel') });
    $('view').setAttribute('role', 'group');
    if (image.src !== photo.url) {
      image.src = photo.url;
      view.show(photo.width, photo.height);
    }
    view.pixels = painting && uncovered ? painting.pixels : photo.width;
  } else {
    for (const name of ['tabindex', 'role', 'aria-label']) $('view').removeAttribute(name);
  }
  showZoom();
  divide(comparing && uncovered && !film.work);
  bring(button('compare'), { ariaPressed: String(comparing), disabled: !uncovered || film.work !== undefined || showsFilm(state) });
  for (const id of ['zoom-out', 'zoom-fit', 'zoom-in']) bring(button(id), { disabled: showsFilm(state) });
  // It would show what is not wanted any more.
  if (!shown(state) && dialog('save-dialog').open) dialog('save-dialog').close();
}
