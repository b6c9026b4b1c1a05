// The page: what a visitor does, and what the painter answers.

import { keepOffline, sharedLost, sharedPhotos, takeUpdate } from '../offline.js';
import { BadPicture, EngineFailed, LARGEST } from '../stylizer.js';
import { tunedStyle } from '../tuned.js';
import { renderAbout } from './about.js';
import { takePhoto } from './camera.js';
import { $, button, canvas, choose, dialog, follow, icon, input, label, make, onRadio, roving, select, tell } from './dom.js';
import { onDragStyle } from './drag.js';
import { Films, firstFrameOf, isFilm } from './film.js';
import { FirstHint } from './first-hint.js';
import { Gallery } from './gallery.js';
import { onHold } from './hold.js';
import { readsTrue } from './honest.js';
import { Improver } from './improve.js';
import { takeLink, wireLink } from './link.js';
import { LiveCamera } from './live.js';
import { History, lookKey, MOST_STYLES, regionsOn } from './look.js';
import { Mix } from './mix.js';
import { fullSize, Painter, StyleGone } from './painter.js';
import { check, onChoose, onDrop, onPaste, thumbnail } from './pictures.js';
import { emptyMask, inverted, isEmpty, MaskEditor } from './regions.js';
import { download, paintingName, stem, written, Written, ZipFile } from './save.js';
import { chosenFormat, fileOf, stylesOf, wireSaving } from './saving.js';
import { Search } from './search.js';
import { SAFE, SIZES, USUAL_FILM_SIZE, USUAL_SIZE } from './sizes.js';
import { Strips } from './strips.js';
import { surprise } from './surprise.js';
import { recall, remember } from './remember.js';
import { complain, complainOf, halted, resting, say, sayAgain, working } from './telling.js';
import { compareSlider, View } from './view.js';
import { Visits } from './visits.js';
import { inLanguage, language, number, speak, translate, words } from './words.js';

/**
 * @typedef {import('./look.js').Look} Look
 * @typedef {import('./look.js').Region} Region
 * @typedef {import('./strips.js').Photo} Photo
 * @typedef {import('./strips.js').Result} Result
 */

const RESULTS_KEPT = { most: 24, bytes: 300e6 };

const query = new URLSearchParams(location.search);
const wantedSize = Number(query.get('size'));
const sizeAsked = Number.isInteger(wantedSize) && wantedSize >= 16 && wantedSize <= LARGEST;
const improveAsked = /** @type {const} */ (['always', 'never']).find((when) => when === query.get('improve'));
const engineAsked = /** @type {const} */ (['webgpu', 'cpu']).find((kind) => kind === query.get('engine'));

/** @type {Photo[]} */
const photos = [];
/** @type {Photo | undefined} */
let photo;
/** @type {Result[]} newest first */
const results = [];
/** @type {number | undefined} the region being painted */
let editing;
/** @type {string | undefined} what is on the canvas in full size, a key of results */
let shown;
/** What is on the canvas. @type {Written | undefined} */
let painting;
let shownSeconds = 0;
/** Whether the visitor chose the size: no default may change it then. */
let sizeChosen = sizeAsked;
/** Whether the picture that was asked for waits for the engine. */
let awaited = false;
/** How far the engine is that is loaded now. @type {import('../stylizer.js').LoadProgress | undefined} */
let loading;
let lastId = 0;
/** @type {'one' | 'mix'} */
let many = 'one';
let comparing = false;
/** Steps of refining that the picture on the stage has. */
let refinedSteps = 0;
/** @type {AbortController | undefined} of the batch that is being painted */
let batch;
/** Whether the list of the page's styles is there: until then one that is missing may still come. */
let stylesKnown = false;
/** Keys of the paintings that were saved, shared or copied. @type {Set<string>} */
const savedOnes = new Set();

/** @param {'webgpu' | 'cpu'} engine @returns {Look} */
const firstLook = (engine) => ({
  styles: [],
  strength: 100,
  colours: 'style',
  brush: 384,
  size: sizeAsked ? wantedSize : USUAL_SIZE[engine],
  regions: [],
  refined: false,
});
const history = new History(firstLook(engineAsked ?? ('gpu' in navigator ? 'webgpu' : 'cpu')));

// ---- what is asked for ---------------------------------------------------------------------

const gallery = new Gallery($('gallery'), {
  onPress: pressStyle,
  onFiles: takeStyles,
  onCamera: async () => {
    const file = await takePhoto();
    if (file instanceof File) takeStyles([file]);
  },
  onRemoved: () => { mendLook(); changed(); },
  onChoose,
});

const search = new Search(gallery);

const painter = new Painter(
  { engine: engineAsked ?? 'auto', styleOf: (id) => gallery.get(id)?.picture },
  {
    onLoading(progress) {
      const { loaded, total } = progress;
      loading = progress;
      renderEngine();
      if (!painter.busy) return;
      awaited = true;
      working({ part: loaded && total ? loaded / total : undefined });
      if (loaded === undefined) say('work-words', 'starting');
      else if (total) say('work-words', 'downloading', { done: number(loaded / 1e6, 1), all: number(total / 1e6, 1) });
      else say('work-words', 'downloadingSome', { done: number(loaded / 1e6, 1) });
    },
    onPreparing(progress) {
      loading = progress;
      renderEngine();
    },
    onEngine() {
      if (awaited && painter.busy) {
        working();
        say('work-words', 'painting');
      }
      awaited = false;
      takeUsualSize();
      keepSite();
      render();
    },
    onNoEngine(error) {
      resting();
      complain('noEngine', reasonOf(error));
      say('engine-name', 'engineNone');
      $('engine').dataset.kind = 'none';
    },
    onBegin({ full, seconds }) {
      if (batch) return;
      refinedSteps = 0;
      if (history.now.refined) {
        working();
        say('work-words', 'refiningSoon');
        return;
      }
      if (!full) {
        // A preview takes a moment: it would only flicker.
        if ($('work').hidden && !shown) { working(); say('work-words', 'painting'); }
        return;
      }
      working({ seconds });
      if (seconds && seconds >= 2) say('work-words', 'paintingFor', { n: number(Math.ceil(seconds)) });
      else say('work-words', 'painting');
    },
    onPart(part) {
      if (!batch) working({ part });
    },
    onPicture: present,
    onRefined: presentRefined,
    onSmaller(from, to, code) {
      complain(/** @type {'smaller.memory'} */ (`smaller.${code}`), { from, to });
    },
    onUntuned(id) {
      complain('untuned', { name: gallery.get(id)?.title() ?? '' });
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
      if (!batch && !$('work').classList.contains('stopped')) resting();
      render();
    },
  },
);

const films = new Films(painter, {
  photo: () => photo,
  look: () => history.now,
  setSize(size) {
    sizeChosen = true;
    set({ size });
  },
  style: (id) => gallery.get(id),
  onBegin() {
    stopEditing();
    unshow();
    resting();
    complain();
    render();
  },
  onFrame(picture) {
    const { width, height } = picture;
    if (canvas('painting').width !== width || canvas('painting').height !== height) Object.assign(canvas('painting'), { width, height });
    /** @type {CanvasRenderingContext2D} */ (canvas('painting').getContext('2d')).drawImage(picture, 0, 0);
    view.pixels = width;
    if (canvas('painting').hidden) uncover();
  },
  render: () => render(),
  onStill: () => { if (!shown) changed(); },
  failure,
});

const live = new LiveCamera(painter, {
  look: () => history.now,
  style: (id) => gallery.get(id),
  styles: () => gallery.all,
  onPicture: (file) => takePhotos([file], { loose: true }),
  failure: (error) => (error instanceof StyleGone ? ['styleGone', { name: gallery.get(error.message)?.title() ?? '' }] : ['engineFailed', reasonOf(error)]),
});

const mix = new Mix({
  weight(id, weight, moving) {
    const styles = history.now.styles.map((style) => (style.id === id ? { id, weight } : style));
    // Weights of nothing but 0 say nothing.
    if (styles.some((style) => style.weight > 0)) set({ styles }, { moving });
    else render();
  },
  remove: pressStyle,
  style: (id) => gallery.get(id),
});

const improver = new Improver(painter, {
  asked: improveAsked,
  rests: (task) => task.photo === photo && task.look === history.now && shown === lookKey(task.look, task.photo.id)
    && !batch && !films.busy && !painter.busy && editing === undefined && !document.querySelector('dialog[open]'),
  tell: (seconds) => say('status', 'improving', { n: number(Math.max(1, Math.ceil(seconds))) }),
  done: improved,
});

const firstHint = new FirstHint();

const strips = new Strips({ photo: (one) => showPhoto(one), removePhoto, camera: shoot, result: goTo, styleNames });

/** Why an engine failed, and what the visitor can do. @param {Error} error */
function reasonOf(error) {
  const code = error instanceof EngineFailed ? error.code : 'crashed';
  const reason = words(`reason.${code}`);
  // Some failures have words of their own, beside what the code says.
  const detail = ['crashed', 'lost', 'time-out'].includes(error.message) ? '' : error.message;
  return { reason: detail ? words('reasonDetail', { reason, detail }) : reason, advice: words(`advice.${code}`) };
}

/** What to say of a picture that was not painted. @param {Error} error @param {import('./painter.js').Task} task @returns {import('./telling.js').Words} */
function failure(error, { photo: of, look }) {
  if (error instanceof StyleGone) return ['styleGone', { name: gallery.get(error.message)?.title() ?? '' }];
  if (error instanceof BadPicture) return ['bad.unreadable', { name: error.part === 'photo' ? of.name : styleNames(look) }];
  return ['engineFailed', reasonOf(error)];
}

const kind = () => painter.engine?.kind ?? 'cpu';

/** What is on the stage is no longer what is wanted, nor to be saved. */
function unshow() {
  shown = undefined;
  dialog('save-dialog').close();
}

/** @type {'webgpu' | 'cpu' | undefined} the engine with which the site is kept on the device */
let keptWith;

/** @param {Photo | undefined} of */
const usualSize = (of) => (of?.film ? USUAL_FILM_SIZE : USUAL_SIZE)[kind()];

/** The size that the engine does in a few seconds, unless the visitor chose another. */
function takeUsualSize() {
  if (dialog('save-dialog').open) return; // it waits until the dialog closes
  const look = history.now;
  const size = usualSize(photo);
  // What was painted already is painted again where it gets better, never where it gets worse.
  const painted = results.some((result) => result.look.size === look.size);
  if (sizeChosen || look.size === size || (painted && Number(look.size) > size)) return;
  history.amend({ ...look, size, refined: false });
  const smaller = results.find(({ key }) => key === shown);
  if (smaller) dropResult(smaller);
  changed();
}

/** Keeps the site for visits without a network, once nothing else needs the network. */
function keepSite() {
  if (!painter.engine || painter.busy || !painter.settled || keptWith === kind()) return;
  keptWith = kind();
  keepOffline(keptWith, () => updateSays('updateThere')).then((kept) => say('offline', `offline.${kept}`));
}

/** @param {'updateThere' | 'updateOthers' | 'updateFailed'} what */
function updateSays(what) {
  $('update').hidden = false;
  button('take-update').hidden = what === 'updateFailed';
  say('update-words', what);
}

/** Takes back what was said of the look with which the visit began. */
function hideNotices() {
  $('restored').hidden = true;
  $('linked').hidden = true;
}

/** Another look, which is not refined unless it says so. @param {Partial<Look>} change @param {{ moving?: boolean }} [options] */
function set(change, { moving = false } = {}) {
  hideNotices();
  firstHint.used();
  history.set({ ...history.now, refined: false, ...change }, { moving });
  changed({ moving });
}

/** Drops styles that are no more, and chooses one where none is left. */
function mendLook() {
  const look = history.now;
  const styles = look.styles.filter(({ id }) => gallery.get(id) || !stylesKnown);
  const [first] = gallery.all;
  if (!styles.length && first) styles.push({ id: first.id, weight: 50 });
  const regions = look.regions.filter(({ style }) => style === null || gallery.get(style) || !stylesKnown);
  // A look that lacks nothing stays the same, and so what is kept of it.
  const whole = regions.length === look.regions.length && styles.length === look.styles.length && styles.every((style, i) => style === look.styles[i]);
  if (!whole) history.amend({ ...look, styles, regions });
}

/** Shows the look, and paints it unless that was done before. */
function changed({ moving = false } = {}) {
  mendLook();
  const look = history.now;
  if (look.styles.length > 1) many = 'mix';
  films.leaveStage();
  render();
  complain();
  if (!photo || !look.styles.length || editing !== undefined || batch || films.busy) return;
  const key = lookKey(look, photo.id);
  const known = results.find((result) => result.key === key);
  unshow(); // until the picture on the stage is of this look
  renderToolbar();
  if (known && !moving) {
    painter.stop();
    resting();
    showResult(known);
  } else {
    painter.request({ photo, look }, { moving });
  }
}

/** @param {string} id */
function pressStyle(id) {
  const { styles } = history.now;
  if (many === 'one') return set({ styles: [{ id, weight: 50 }] });
  if (styles.some((style) => style.id === id)) {
    if (styles.length > 1) set({ styles: styles.filter((style) => style.id !== id) });
  } else if (styles.length < MOST_STYLES) {
    set({ styles: [...styles, { id, weight: 50 }] });
  } else {
    say('status', 'mostStyles', { n: MOST_STYLES });
  }
}

/** A style that was dragged onto the picture is not taken out of a mixture that has it. @param {string} id */
function dropStyle(id) {
  if (!history.now.styles.some((style) => style.id === id) || many === 'one') pressStyle(id);
}

/** Other styles of the page, by chance. */
function surpriseMe() {
  const styles = surprise(gallery.all, history.now.styles, many === 'one' ? 1 : 2);
  if (!styles.length) return;
  set({ styles });
  say('status', 'surprised', { styles: styleNames(history.now) });
}

/** Takes the look that the address of the page brings. */
function openLink() {
  const link = takeLink(history.now, (id) => gallery.get(id));
  if (!link) return;
  const { change, whole } = link;
  const some = Object.keys(change).length > 0;
  if (change.styles) many = change.styles.length > 1 ? 'mix' : 'one';
  if (change.size) sizeChosen = true;
  if (some) set(change);
  say('linked', !some ? 'linkedNot' : whole ? 'linked' : 'linkedPartly');
  $('linked').hidden = false;
}

// ---- what comes in -------------------------------------------------------------------------

/**
 * @param {File[]} files
 * @param {{ folder?: string, loose?: boolean }} [from] folder: of Impasto's, where they are; loose: they are
 *   not on the visitor's disk
 */
async function takePhotos(files, { folder = '', loose = false } = {}) {
  await restored;
  complain();
  hideNotices();
  /** @type {Photo | undefined} */
  let first;
  for (const given of files) {
    try {
      if (await tunedStyle(given)) {
        await takeStyles([given]); // wherever it was dropped
        continue;
      }
      const frame = isFilm(given) ? await firstFrameOf(given) : given;
      if (!frame) continue; // which was said
      const film = frame === given ? undefined : given;
      const { file, ...about } = await check(frame);
      const name = (film ?? file).name || 'photo';
      const taken = {
        ...about, id: ++lastId, file, name, url: URL.createObjectURL(file),
        path: folder + (about.common && !film ? name : `${stem(name)}.png`),
        loose: loose || about.loose || film !== undefined,
        ...(film && { film }),
      };
      photos.push(taken);
      if (!first) {
        first = taken;
        showPhoto(taken);
      }
      render();
    } catch (error) {
      complainOf(error);
    }
  }
  if (first && !readsTrue()) complain('canvasNoise');
}

async function shoot() {
  const taken = await takePhoto({ mayLive: true });
  if (taken === 'live') live.open();
  else if (taken) takePhotos([taken], { loose: true });
}

/** @param {File[]} files */
async function takeStyles(files) {
  await restored;
  complain();
  for (const file of files) {
    try {
      const { id, kept } = await gallery.addOwn(file);
      search.clear();
      pressStyle(id);
      kept.then((done) => { if (!done) complain('notKept'); });
    } catch (error) {
      complainOf(error);
    }
  }
}

/** @param {Photo} wanted @param {{ asItIs?: boolean }} [options] asItIs: the look is not for it to change */
function showPhoto(wanted, { asItIs = false } = {}) {
  if (photo === wanted) return;
  stopEditing();
  const other = Boolean(wanted.film) !== Boolean(photo?.film);
  if (other && !sizeChosen && !asItIs) history.amend({ ...history.now, size: usualSize(wanted), refined: false });
  photo = wanted;
  unshow();
  const image = /** @type {HTMLImageElement} */ ($('photo'));
  image.src = wanted.url;
  canvas('painting').hidden = true;
  view.show(wanted.width, wanted.height);
  say('status', painter.engine ? 'painting' : 'starting');
  changed();
}

/** @param {Photo} gone */
function removePhoto(gone) {
  const at = photos.indexOf(gone);
  photos.splice(at, 1);
  films.forget(gone);
  URL.revokeObjectURL(gone.thumb);
  for (const result of results.filter((one) => one.photo === gone)) dropResult(result);
  if (photo === gone) {
    painter.stop();
    resting();
    photo = undefined;
    unshow();
    stopEditing();
    const next = photos[at] ?? photos[at - 1];
    if (next) showPhoto(next);
    else say('status', 'idle');
  }
  URL.revokeObjectURL(gone.url);
  render();
}

/** The photos that come with the page, one click away. */
async function loadSamples() {
  const list = new URL('../samples/samples.json', import.meta.url);
  const response = await fetch(list);
  if (!response.ok) return; // the page works without them
  const row = /** @type {HTMLElement} */ ($('samples').querySelector('.row'));
  for (const { file, thumb, title, provenance } of await response.json()) {
    const image = make('img', { src: new URL(thumb, list).href, alt: '', width: 152, height: 114 });
    const one = make('button', { type: 'button', className: 'sample' }, image);
    const name = () => {
      one.ariaLabel = words('sample', { name: inLanguage(title) });
      one.title = `${inLanguage(title)}\n${provenance}`;
    };
    one.addEventListener('click', async () => {
      const picture = await fetch(new URL(file, list)).catch(() => undefined);
      if (!picture?.ok) return complain('sampleGone');
      takePhotos([new File([await picture.blob()], file, { type: 'image/jpeg' })], { folder: 'www/samples/' });
    });
    name();
    onLanguage.push(name);
    row.append(one);
  }
}

// ---- the stage -----------------------------------------------------------------------------

const view = new View($('view'), $('sheet'), renderZoom);

function renderZoom() {
  const zoom = `${number(view.scale * 100)} %`;
  button('zoom-fit').textContent = zoom;
  label(button('zoom-fit'), words(view.whole ? 'zoomActual' : 'zoomFit', { zoom }));
}
const { divide, photoOnly } = compareSlider({ sheet: $('sheet'), painting: canvas('painting'), divider: $('divider'), range: input('divide') });

/** @param {boolean} on */
function compare(on) {
  comparing = on;
  divide(on && !canvas('painting').hidden && editing === undefined && !films.busy);
  button('compare').ariaPressed = String(on);
}

/** @param {ImageBitmap} picture @param {import('./painter.js').Task} task @param {{ full: boolean, seconds: number }} done */
function present(picture, task, { full, seconds }) {
  if (task.photo !== photo || editing !== undefined) return picture.close();
  const { width, height } = picture;
  drawPainting(picture);
  uncover();
  if (!full) return;
  view.pixels = width;
  shown = lookKey(task.look, photo.id);
  shownSeconds = seconds;
  remember(RESTORING, null);
  resting();
  say('status', task.look.refined ? 'refined' : 'painted', { width, height, seconds: number(seconds, 1) });
  keepResult(shown, photo, task.look);
  firstHint.painted();
  render();
  improver.soon(task);
}

/** A painting got better by itself. @param {ImageBitmap} picture @param {import('./painter.js').Task} task @param {number} seconds */
function improved(picture, task, seconds) {
  const dialogs = /** @type {HTMLDialogElement | null} */ (document.querySelector('dialog[open]'));
  // What is being saved is what was seen when that began.
  if (dialogs) return dialogs.addEventListener('close', () => improved(picture, task, seconds), { once: true });
  if (task.photo !== photo || task.look !== history.now || shown !== lookKey(task.look, photo.id)) return picture.close();
  history.amend({ ...task.look, refined: true });
  present(picture, { photo, look: history.now }, { full: true, seconds });
}

/** @param {import('../stylizer.js').RefineProgress} progress @param {import('./painter.js').Task} task @param {number} [seconds] */
function presentRefined({ done, total, loaded, bytes, picture }, task, seconds) {
  if (batch || task.photo !== photo || task.look !== history.now) return picture?.close();
  if (loaded !== undefined && done === 0) {
    working({ part: bytes && loaded / bytes });
    const [done, all] = [loaded, bytes ?? 0].map((size) => number(size / 1e6, 1));
    return bytes ? say('work-words', 'downloading', { done, all }) : say('work-words', 'downloadingSome', { done });
  }
  if (picture) {
    drawPainting(picture);
    uncover();
    view.pixels = canvas('painting').width;
    refinedSteps = done;
  }
  working({ part: done / total });
  if (seconds === undefined) say('work-words', 'refining');
  else say('work-words', 'refiningFor', { n: number(Math.max(1, Math.ceil(seconds))) });
}

/** Refining ended early: what there is of it stays, or, where there is nothing yet, what there was before. */
function keepRefined() {
  if (!photo) return;
  if (!refinedSteps) return travel('undo');
  shown = lookKey(history.now, photo.id);
  say('status', 'refinedUntil', { n: refinedSteps });
  keepResult(shown, photo, history.now);
  render();
}

/** @param {ImageBitmap} picture which is closed @param {Blob} [png] its file, where that is there */
function drawPainting(picture, png) {
  const { width, height } = picture;
  Object.assign(canvas('painting'), { width, height });
  /** @type {CanvasRenderingContext2D} */ (canvas('painting').getContext('2d')).drawImage(picture, 0, 0);
  picture.close();
  painting = new Written(canvas('painting'), png);
}

/** Shows what is on the canvas. */
function uncover() {
  canvas('painting').hidden = false;
  canvas('painting').ariaLabel = words('paintingLabel', { name: photo?.name ?? '' });
  compare(comparing);
}

/** @param {string} key @param {Photo} of @param {Look} look */
async function keepResult(key, of, look) {
  const now = /** @type {Written} */ (painting);
  const files = await Promise.all([now.file('png'), thumbnail(canvas('painting'))]).catch(() => undefined);
  // A newer picture may have come onto the canvas meanwhile. What cannot be written is said when it is to be saved.
  if (!files || shown !== key || painting !== now || results.some((result) => result.key === key) || !photos.includes(of)) return;
  const [picture, small] = files;
  results.unshift({ key, photo: of, look, picture, small, thumb: URL.createObjectURL(small) });
  let bytes = 0;
  const [, ...older] = results;
  for (const [i, old] of older.entries()) {
    bytes += old.picture.size;
    if (i + 2 > RESULTS_KEPT.most || bytes > RESULTS_KEPT.bytes) dropResult(old);
  }
  render();
}

/** @param {Result} result */
function dropResult(result) {
  results.splice(results.indexOf(result), 1);
  URL.revokeObjectURL(result.thumb);
}

/** @param {Result} result its look is the present one */
async function showResult(result) {
  const bitmap = await createImageBitmap(result.picture).catch(() => undefined);
  if (!photo || result.photo !== photo || lookKey(history.now, photo.id) !== result.key) return bitmap?.close();
  if (!bitmap) {
    // What was kept of it cannot be read: it is painted again.
    dropResult(result);
    history.amend({ ...history.now, refined: false });
    return changed();
  }
  const { width, height } = bitmap;
  drawPainting(bitmap, result.picture);
  view.pixels = width;
  shown = result.key;
  remember(RESTORING, null);
  uncover();
  say('status', 'again', { width, height });
  render();
}

/** @param {Result} result */
function goTo(result) {
  stopEditing();
  if (result.photo !== photo) {
    photo = undefined; // so that the change of look paints nothing for the photo that leaves
    history.set(result.look);
    showPhoto(result.photo, { asItIs: true });
  } else {
    set(result.look);
  }
}

function stop() {
  if ($('work').classList.contains('stopped')) {
    $('work').classList.remove('stopped');
    changed();
    return;
  }
  batch?.abort();
  painter.stop();
  if (history.now.refined && !batch && !shown) {
    resting();
    return keepRefined();
  }
  say('status', 'stopped');
  if (photo && !shown) halted();
  else resting();
}

// ---- regions -------------------------------------------------------------------------------

const editor = new MaskEditor(canvas('mask'), view, (mask) => changeRegion({ mask }));

const region = () => history.now.regions.find(({ id }) => id === editing);

/** @param {Partial<Region>} change @param {{ moving?: boolean }} [options] */
function changeRegion(change, options) {
  const regions = history.now.regions.map((one) => (one.id === editing ? { ...one, ...change } : one));
  set({ regions }, options);
}

function addRegion() {
  if (!photo) return;
  const id = ++lastId;
  const used = new Set(history.now.styles.map((style) => style.id));
  const other = gallery.all.find((style) => !used.has(style.id));
  const fresh = { id, photo: photo.id, style: other?.id ?? null, soft: 4, mask: emptyMask(photo.width, photo.height) };
  history.amend({ ...history.now, regions: [...history.now.regions, fresh] });
  edit(id);
}

/** @param {number} id */
function edit(id) {
  painter.stop();
  resting();
  editing = id;
  unshow();
  canvas('painting').hidden = true;
  view.pixels = /** @type {Photo} */ (photo).width;
  compare(false);
  say('status', 'paintRegion');
  render();
  $('region-tools').scrollIntoView({ block: 'nearest' });
  canvas('mask').focus({ preventScroll: true });
}

function stopEditing() {
  if (editing === undefined) return;
  const left = region();
  editing = undefined;
  if (left && isEmpty(left.mask)) {
    history.amend({ ...history.now, regions: history.now.regions.filter((one) => one !== left) });
  }
}

/** @param {Region} gone */
function removeRegion(gone) {
  if (editing === gone.id) editing = undefined;
  set({ regions: history.now.regions.filter((one) => one.id !== gone.id) });
  button('add-region').focus();
}

// ---- what is kept of the visit -------------------------------------------------------------

const visits = new Visits(() => ({
  photos,
  photo: photo?.id,
  results: results.map(({ photo: of, look, picture, small }) => ({ photo: of.id, look, picture, small })),
  looks: history.kept,
  mixing: many === 'mix',
  sizeChosen,
}), () => {
  if (dialog('about-dialog').open) about();
});

/** Where it is noted that a visit is being restored: how often in a row that did not end well. */
const RESTORING = 'impasto-restoring';

/** Takes the last visit up again, where one is kept. */
async function restore() {
  const tries = Number(recall(RESTORING) ?? 0);
  // What twice did not come to a picture may be too much for this device, and is not tried a third time.
  const visit = await visits.restore({ fresh: tries > 1 });
  remember(RESTORING, null);
  if (!visit) return;
  remember(RESTORING, String(tries + 1));
  await bundled;
  await gallery.loadKept().catch(() => {});
  let lost = 0;
  for (const { id, file: given, name, path, loose, film } of visit.photos) {
    try {
      const { file, ...rest } = await check(given);
      photos.push({ ...rest, id, file, name, path, loose, ...(film && { film }), url: URL.createObjectURL(file) });
    } catch {
      lost++;
    }
  }
  const looks = [...visit.looks.past, visit.looks.now, ...visit.looks.future, ...visit.results.map(({ look }) => look)];
  lastId = Math.max(lastId, ...photos.map(({ id }) => id), ...looks.flatMap(({ regions }) => regions.map(({ id }) => id)));
  const wanted = photos.find(({ id }) => id === visit.photo) ?? photos[0];
  if (!wanted) return complain('lostPictures', { n: lost });
  for (const { photo: id, look, picture, small } of visit.results) {
    const of = photos.find((one) => one.id === id);
    const key = lookKey(look, id);
    if (of && !results.some((result) => result.key === key)) {
      results.push({ key, photo: of, look, picture, small, thumb: URL.createObjectURL(small) });
    }
  }
  history.restore(visit.looks);
  many = visit.mixing ? 'mix' : 'one';
  ({ sizeChosen } = visit);
  const { now } = history;
  // Refining takes long: what there was of it comes back, but it does not begin anew by itself.
  if (now.refined && !results.some(({ key }) => key === lookKey(now, wanted.id))) history.amend({ ...now, refined: false });
  if (tries) {
    sizeChosen = sizeAsked;
    history.amend({ ...history.now, size: firstLook(kind()).size, refined: false });
  }
  showPhoto(wanted, { asItIs: true });
  if (painter.engine) takeUsualSize();
  $('restored').hidden = false;
  if (lost) complain('lostPictures', { n: lost });
}

/** Removes the visit from the page and from the device. */
function startAfresh() {
  batch?.abort();
  painter.stop();
  resting();
  stopEditing();
  photo = undefined; // so that no other one is shown in its place
  unshow();
  for (const one of [...photos]) removePhoto(one);
  history.restore({ past: [], now: firstLook(kind()), future: [] });
  many = 'one';
  sizeChosen = sizeAsked;
  savedOnes.clear();
  hideNotices();
  say('status', 'idle');
  changed();
  visits.forget();
  input('photo-file').focus();
}

addEventListener('pagehide', () => remember(RESTORING, null));
addEventListener('beforeunload', (event) => {
  const busy = batch !== undefined || films.busy || films.unsaved || (photo !== undefined && history.now.refined && shown === undefined);
  if (busy || (visits.unsaved && !(shown !== undefined && savedOnes.has(shown)))) event.preventDefault();
});

// ---- showing it all ------------------------------------------------------------------------

function render() {
  const look = history.now;
  $('sheet').hidden = !photo;
  $('invitation').hidden = Boolean(photo);
  $('toolbar').hidden = !photo;
  $('strips').hidden = !photos.length;
  document.body.classList.toggle('started', Boolean(photo));
  if (photo) {
    const image = /** @type {HTMLImageElement} */ ($('photo'));
    image.alt = words('photoLabel', { name: photo.name });
    $('view').tabIndex = 0;
    $('view').ariaLabel = words('viewLabel');
    $('view').setAttribute('role', 'group');
  } else {
    for (const name of ['tabindex', 'role', 'aria-label']) $('view').removeAttribute(name);
  }

  gallery.render(look.styles.map(({ id }) => id));
  search.render();
  button('surprise').disabled = gallery.all.every(({ own }) => own);
  choose('many', many);
  $('style-title').textContent = styleTitle();
  mix.render(look.styles, many === 'mix');
  input('strength').value = String(look.strength);
  tell('strength', `${number(look.strength)} %`);
  input('brush').value = String(look.brush);
  tell('brush', words(look.brush < 256 ? 'brushFine' : look.brush > 512 ? 'brushBroad' : 'brushMedium'));
  choose('colours', look.colours);
  $('colours-hint').textContent = words(`colours.${look.colours}`);
  renderSize();
  renderRegions();
  strips.render({ photos, photo, results, shown, canPaint: look.styles.length > 0 });
  renderToolbar();
  renderZoom();
  renderEngine();
  films.render();
  live.renderWords();
  visits.changed();
}

/** @param {Look} look */
function styleNames(look) {
  return look.styles.map(({ id }) => gallery.get(id)?.title() ?? words('goneStyle')).join(' + ');
}

function styleTitle() {
  const { styles } = history.now;
  if (many === 'mix') return words('mixHint', { n: styles.length, most: MOST_STYLES });
  return gallery.get(styles[0]?.id ?? null)?.title() ?? '';
}

function renderSize() {
  const { size } = history.now;
  $('size-field').hidden = Boolean(photo?.film); // it has its own
  const own = photo && Math.min(LARGEST, Math.max(photo.width, photo.height));
  const list = [...new Set([...SIZES, ...(size === 'own' ? [] : [size])])].sort((a, b) => a - b)
    .filter((one) => !own || one < own);
  const options = list.map((one) => new Option(words('pixels', { n: one }), String(one)));
  if (photo && own) {
    const scale = own / Math.max(photo.width, photo.height);
    const [width, height] = [photo.width, photo.height].map((side) => Math.round(side * scale));
    options.push(new Option(words('ownSize', { width, height }), 'own'));
  }
  select('size').replaceChildren(...options);
  select('size').value = size === 'own' || (own && size >= own) ? 'own' : String(size);

  const hint = $('size-hint');
  hint.textContent = '';
  if (!photo) return;
  const task = { photo, look: history.now };
  const scale = fullSize(task) / Math.max(photo.width, photo.height);
  const pixels = (photo.width * photo.height * scale ** 2) / 1e6;
  const seconds = painter.secondsFor(task);
  const large = pixels > SAFE[kind()];
  hint.classList.toggle('warning', large);
  hint.textContent = [
    seconds && seconds > 5 ? words('sizeSeconds', { n: Math.ceil(seconds) }) : '',
    large ? words('sizeWarning') : '',
  ].join(' ').trim();
}

function renderRegions() {
  const list = photo ? regionsOn(history.now, photo.id) : [];
  if (editing !== undefined && !region()) editing = undefined; // undone
  button('add-region').disabled = !photo || editing !== undefined;
  $('regions-hint').hidden = list.length > 0 || editing !== undefined;
  $('region-list').replaceChildren(...list.map((one, i) => {
    const style = gallery.get(one.style);
    const name = style?.title() ?? words('noStyle');
    const change = make('button', { type: 'button', className: 'small' }, words('editRegion'));
    change.ariaLabel = `${words('editRegion')}: ${words('regionName', { n: i + 1, name })}`;
    change.disabled = editing === one.id || films.busy;
    change.addEventListener('click', () => edit(one.id));
    const remove = make('button', { type: 'button', className: 'icon' }, icon('delete'));
    label(remove, words('removeRegion', { n: i + 1, name }));
    remove.addEventListener('click', () => removeRegion(one));
    const picture = style ? make('img', { src: style.thumb, alt: '', width: 36, height: 36 }) : make('span', { className: 'none' });
    return make('li', {}, picture, make('span', { className: 'name' }, words('regionName', { n: i + 1, name })), change, remove);
  }));
  const now = region();
  $('region-tools').hidden = !now;
  document.body.classList.toggle('editing', Boolean(now));
  editor.show(now?.mask, now?.soft ?? 0);
  if (!now) return;
  select('region-style').replaceChildren(
    new Option(words('noStyle'), ''),
    ...gallery.all.map((style) => new Option(style.title(), style.id)));
  select('region-style').value = now.style ?? '';
  input('region-soft').value = String(now.soft);
  tell('region-soft', `${number(now.soft)} %`);
  tell('region-brush', `${number(editor.brush)} %`);
}

function renderToolbar() {
  button('undo').disabled = !history.canUndo;
  button('redo').disabled = !history.canRedo;
  const ready = shown !== undefined;
  for (const id of ['copy', 'share', 'save']) button(id).disabled = !ready;
  saving.prepare();
  button('compare').disabled = canvas('painting').hidden || films.busy || films.showing;
  for (const id of ['zoom-out', 'zoom-fit', 'zoom-in']) button(id).disabled = films.showing;
  const look = history.now;
  button('batch').disabled ||= films.busy;
  button('add-region').disabled ||= films.busy;
  button('refine').disabled = !ready || look.refined || look.strength === 0;
}

function renderEngine() {
  const { engine } = painter;
  const { loaded = 0, part } = loading ?? {};
  const amount = part === undefined ? words('megabytes', { n: number(loaded / 1e6, 1) }) : `${number(part * 100)} %`;
  if (!engine) {
    if (loaded) say('engine-name', 'engineLoading', { amount });
    return;
  }
  $('engine').dataset.kind = engine.kind;
  if (painter.preparing && loading?.kind === 'webgpu') {
    if (loaded) say('engine-name', 'engineGpuLoading', { amount });
    else say('engine-name', 'engineGpuStarting');
  } else if (engine.kind === 'webgpu') say('engine-name', 'engineGpu', { name: engine.name });
  else say('engine-name', 'engineCpu');
  if (dialog('about-dialog').open) about();
}

// ---- what goes out -------------------------------------------------------------------------

/** Every photo in the present look, as one file. */
async function paintAll() {
  const look = history.now;
  stopEditing();
  batch = new AbortController();
  const { signal } = batch;
  const { format } = chosenFormat();
  const zip = new ZipFile();
  /** @type {string[]} */
  const failed = [];
  const all = photos.filter(({ film }) => !film);
  await painter.alone(async () => {
    for (const [i, one] of all.entries()) {
      if (signal.aborted) return;
      working({ part: i / all.length });
      say('work-words', 'paintingBatch', { n: i + 1, all: all.length });
      try {
        const picture = await painter.one({ photo: one, look }, signal);
        const blob = await fileOf(one, written(picture));
        await zip.add(paintingName(one.name, stylesOf(look, (id) => gallery.get(id)), format), blob);
      } catch {
        if (!signal.aborted) failed.push(one.name);
      }
    }
  });
  batch = undefined;
  resting();
  if (signal.aborted) {
    if (!shown) changed();
    return say('status', 'stopped');
  }
  if (!shown) changed();
  if (failed.length) complain('batchFailed', { names: failed.join(', ') });
  try {
    if (zip.count) download(await zip.finish(), 'impasto.zip');
    say('status', 'batchDone', { n: zip.count });
  } catch (error) {
    complain('notSaved', { reason: /** @type {Error} */ (error).message });
  }
}

// ---- wiring --------------------------------------------------------------------------------

/** What else to do when the language changes. @type {(() => void)[]} */
const onLanguage = [];

function inEveryWord() {
  translate();
  const other = language === 'en' ? 'zh' : 'en';
  const switcher = button('language');
  switcher.textContent = { en: 'English', zh: '中文' }[other];
  switcher.lang = { en: 'en', zh: 'zh-CN' }[other];
  $('self-test', HTMLAnchorElement).search = `?lang=${language}`;
  sayAgain();
  for (const again of onLanguage) again();
  render();
}

onChoose(input('photo-file'), (files) => takePhotos(files));
onChoose(input('another-file'), (files) => takePhotos(files));
onDrop($('styles'), $('stage'), { photos: (files) => takePhotos(files), styles: takeStyles });
onPaste($('styles'), { photos: (files) => takePhotos(files, { loose: true }), styles: takeStyles });
button('camera').addEventListener('click', shoot);

$('controls').addEventListener('submit', (event) => event.preventDefault());
onRadio('many', (/** @type {'one' | 'mix'} */ value) => {
  many = value;
  const { styles } = history.now;
  if (value === 'one' && styles.length > 1) set({ styles: styles.slice(0, 1) });
  else render();
});
button('surprise').addEventListener('click', surpriseMe);
onDragStyle($('gallery'), $('stage'), dropStyle);
follow(input('strength'), (strength, moving) => set({ strength }, { moving }));
follow(input('brush'), (brush, moving) => set({ brush }, { moving }));
onRadio('colours', (colours) => set({ colours }));
select('size').addEventListener('change', () => {
  sizeChosen = true;
  const { value } = select('size');
  set({ size: value === 'own' ? 'own' : Number(value) });
});

button('add-region').addEventListener('click', addRegion);
select('region-style').addEventListener('change', () => changeRegion({ style: select('region-style').value || null }));
follow(input('region-soft'), (soft, moving) => changeRegion({ soft }, { moving }));
input('region-brush').addEventListener('input', () => { editor.brush = input('region-brush').valueAsNumber; render(); });
onRadio('tool', (tool) => { editor.erase = tool === 'erase'; });
button('region-invert').addEventListener('click', () => {
  const now = region();
  if (now) changeRegion({ mask: inverted(now.mask) });
});
button('region-done').addEventListener('click', () => {
  stopEditing();
  changed();
  button('add-region').focus({ preventScroll: true });
});

const travel = (/** @type {'undo' | 'redo'} */ way) => {
  $('linked').hidden = true;
  history[way]();
  changed();
};
button('undo').addEventListener('click', () => travel('undo'));
button('redo').addEventListener('click', () => travel('redo'));
document.addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector('dialog[open]')) return;
  const way = { z: event.shiftKey ? 'redo' : 'undo', y: 'redo' }[event.key.toLowerCase()];
  if (!way) return;
  event.preventDefault();
  travel(/** @type {'undo' | 'redo'} */ (way));
});
$('view').addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 'c' && !event.ctrlKey && !event.metaKey && !button('compare').disabled) compare(!comparing);
});
roving($('toolbar'), 'button:not([hidden], :disabled)');
onHold(button('compare'), 'v', { click: () => compare(!comparing), hold: photoOnly });
button('zoom-in').addEventListener('click', () => view.zoomTo(view.zoom * 1.5));
button('zoom-out').addEventListener('click', () => view.zoomTo(view.zoom / 1.5));
button('zoom-fit').addEventListener('click', () => (view.whole ? view.actual() : view.fit()));
button('stop').addEventListener('click', stop);
button('take-update').addEventListener('click', async () => {
  button('take-update').disabled = true;
  const end = await takeUpdate();
  button('take-update').disabled = false;
  updateSays(end === 'others' ? 'updateOthers' : 'updateFailed');
});
button('refine').addEventListener('click', () => set({ refined: true }));

const saving = wireSaving({
  shown: () => (photo && shown !== undefined && painting ? { photo, look: history.now, picture: painting } : undefined),
  style: (id) => gallery.get(id),
  painter,
  risky: (pixels) => pixels > SAFE[kind()],
  failure,
  onSaved: () => { if (shown !== undefined) savedOnes.add(shown); },
});
wireLink({ now: () => ({ look: history.now, photo: photo?.id ?? 0 }), styleOf: (id) => gallery.get(id) });
// What waited for it.
dialog('save-dialog').addEventListener('close', () => { if (painter.engine) takeUsualSize(); });
button('batch').addEventListener('click', paintAll);

const about = () => renderAbout(painter, shownSeconds, {
  improver, visits, photos: photos.length, paintings: results.length, styles: gallery.all.filter((style) => style.own).length,
});
button('engine').addEventListener('click', () => {
  about();
  dialog('about-dialog').showModal();
});
button('forget').addEventListener('click', async () => {
  await gallery.removeAll();
  about();
});
input('improve').addEventListener('change', () => { improver.wanted = input('improve').checked; });
input('keep').addEventListener('change', () => {
  visits.wanted = input('keep').checked;
  about();
});
button('afresh').addEventListener('click', () => dialog('afresh-dialog').showModal());
button('afresh-yes').addEventListener('click', () => {
  dialog('afresh-dialog').close();
  startAfresh();
});
for (const box of document.querySelectorAll('dialog')) {
  // A click on the backdrop closes: the dialog's own content lies in its form.
  box.addEventListener('click', (event) => { if (event.target === box) box.close(); });
}
button('language').addEventListener('click', () => {
  speak(language === 'en' ? 'zh' : 'en');
  inEveryWord();
});

say('status', 'idle');
say('engine-name', 'engineStarting');
inEveryWord();
loadSamples();
const bundled = gallery.loadBundled().then(() => { stylesKnown = true; }, () => complain('noStyles')).then(() => {
  mendLook();
  changed();
});
const restored = restore().catch(reportError).then(() => visits.begin()); // what comes in waits for it
Promise.all([bundled, restored]).then(async () => {
  openLink();
  addEventListener('hashchange', openLink);
  const shared = await sharedPhotos().catch(() => []);
  if (shared.length) await takePhotos(shared, { loose: true });
  if (sharedLost()) complain('sharedLost');
  await gallery.loadKept().catch(() => {}); // a browser that keeps nothing has nothing kept
  render();
});
