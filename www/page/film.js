// A film on the page: how it is painted, while it is painted, and what became of it. Its first frame is a photo as any
// other, so that styles, sliders and regions are those of photos.

import { $, bring, button, choose, chosen, follow, input, onRadio, select, showOptions, tell, write } from './dom.js';
import { stopEditing } from './editing.js';
import { failure, painter } from './engine.js';
import { canChooseFile, chosenFile, leaveRoom, removeFile, roomForFilm } from './film-room.js';
import { setSize } from './looks.js';
import { StyleGone } from './painter.js';
import { download, encode, paintingName, stem } from './save.js';
import { stylesOf } from './saving.js';
import { drawFrame, paint } from './stage.js';
import { store } from './store.js';
import { Bar, complain, resting, say } from './telling.js';
import { filmResult, shown, showsFilm } from './wanted.js';
import { long, number, words } from './words.js';
import { BadPicture, EngineFailed } from '../stylizer.js';

/**
 * @typedef {import('./strips.js').Photo} Photo
 * @typedef {import('./film-file.js').Container} Container
 *
 * @typedef {object} Settings besides the look, whose size it has
 * @property {number} steadiness percent
 * @property {number} from seconds
 * @property {number} to seconds
 * @property {Container} container
 *
 * @typedef {object} Opened a film, once it was read
 * @property {import('./film-file.js').FilmFile} file
 * @property {Settings} settings
 * @property {string} [planned] what the plan is for
 * @property {import('./film-file.js').Plan} [plan] how it is written, once that is known
 * @property {Result} [result] what was painted last
 *
 * @typedef {object} Result
 * @property {Blob} blob
 * @property {string} name
 * @property {string} url
 * @property {number} seconds
 * @property {number} frames
 * @property {boolean} whole
 * @property {boolean} saved
 * @property {FileSystemFileHandle | undefined} room
 * @property {FileSystemFileHandle | undefined} into the visitor's file that it was written to
 *
 * A film that is being painted.
 * @typedef {object} Work
 * @property {Photo} photo
 * @property {boolean} paused
 * @property {number} spent milliseconds, without pauses
 * @property {number} since when it went on last
 * @property {readonly number[]} times of the last frames, by `spent`
 * @property {number} frames that are done
 * @property {number} part of it that is done
 *
 * @typedef {object} FilmState
 * @property {ReadonlyMap<number, Opened | undefined>} opened by photo; nothing while it is being read
 * @property {Work | undefined} work
 * @property {boolean} showing whether the painted film is to be on the stage; see `showsFilm`
 */

const SIZES = [128, 192, 256, 384, 512, 768, 1024, 1280, 1920, 2560, 3840];
/** The smallest part that is painted, in seconds. */
const LEAST = 0.1;

const reader = () => import('./film-file.js');

/** Whether a file may be a film. @param {File} file */
export const isFilm = ({ name, type }) => type.startsWith('video/') || /\.(mp4|m4v|mov|webm|mkv|mts|m2ts)$/i.test(name);

/**
 * The first frame of a film, as a picture file. What is wrong with the film is said.
 * @param {File} film
 * @returns {Promise<File | undefined>}
 */
export async function firstFrameOf(film) {
  say('status', 'filmReading');
  try {
    const { FilmFile } = await reader();
    const file = await FilmFile.open(film);
    try {
      const picture = await encode(await file.firstFrame(), 'png', 100);
      return new File([picture], `${stem(film.name)}.png`, { type: 'image/png' });
    } finally {
      file.dispose();
    }
  } catch (error) {
    const { problem, codec } = /** @type {Partial<import('./film-file.js').BadFilm>} */ (error);
    say('status', 'idle');
    complain(problem ? `bad.${problem}` : 'filmNoReader', { name: film.name, codec: codec ?? '' });
    return undefined;
  }
}

/** @param {number} seconds */
const time = (seconds) => {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
};

/** What is said of an error that has no words of its own. @param {unknown} error */
const reasonOf = (error) => String(/** @type {Error} */ (error).message ?? error);

/** Ends the painting of a film; what is done by then is finished. */
let abort = new AbortController();
/** Wakes what waits while it pauses. */
let wake = () => {};

/** The film on the stage, once it was read. */
function opened() {
  const { photo, film } = store.now;
  return photo?.film && film.opened.get(photo.id);
}

/** @param {Partial<FilmState>} part */
const change = (part) => store.change({ film: { ...store.now.film, ...part } });

/** @param {number} id of the photo @param {Partial<Opened>} part */
function changeFilm(id, part) {
  const one = store.now.film.opened.get(id);
  if (one) change({ opened: new Map(store.now.film.opened).set(id, { ...one, ...part }) });
}

/** @param {Partial<Work>} part */
function changeWork(part) {
  const { work } = store.now.film;
  if (work) change({ work: { ...work, ...part } });
}

/** @param {Partial<Settings>} part */
function setFilm(part) {
  const [one, { photo }] = [opened(), store.now];
  if (one && photo) changeFilm(photo.id, { settings: { ...one.settings, ...part } });
}

export function wireFilm() {
  select('film-size').addEventListener('change', () => setSize(Number(select('film-size').value)));
  follow(input('film-steadiness'), (steadiness) => setFilm({ steadiness }));
  follow(input('film-from'), (from) => {
    const { settings, file } = /** @type {Opened} */ (opened());
    setFilm({ from: Math.min(from, file.duration - LEAST), to: Math.max(settings.to, Math.min(from + LEAST, file.duration)) });
  });
  follow(input('film-to'), (to) => {
    const { settings } = /** @type {Opened} */ (opened());
    setFilm({ to: Math.max(to, LEAST), from: Math.min(settings.from, Math.max(0, to - LEAST)) });
  });
  onRadio('film-format', () => setFilm({ container: /** @type {Container} */ (chosen('film-format')) }));
  button('paint-film').addEventListener('click', () => paintFilm());
  button('paint-film-into').addEventListener('click', paintInto);
  button('paint-film-into').hidden = !canChooseFile();
  button('film-pause').addEventListener('click', pause);
  button('film-stop').addEventListener('click', end);
  button('film-show').addEventListener('click', () => {
    change({ showing: !store.now.film.showing });
    if (!store.now.film.showing) showStill();
  });
  button('film-save').addEventListener('click', save);
  button('film-frame').addEventListener('click', saveFrame);
  button('film-loop').addEventListener('click', saveLoop);
}

/** The stage shows the first frame again. */
function showStill() {
  if (!shown(store.now)) paint();
}

/** @param {Photo} photo which has left the page */
export function forgetFilm({ id }) {
  const { film } = store.now;
  const one = film.opened.get(id);
  const left = new Map(film.opened);
  left.delete(id);
  change({ opened: left });
  if (film.work?.photo.id === id) end();
  one?.file.dispose();
  drop(one?.result);
}

/** Reads a film that came to the stage. @param {Photo} photo */
async function open({ id, film, name }) {
  change({ opened: new Map(store.now.film.opened).set(id, undefined) });
  try {
    const { FilmFile } = await reader();
    const file = await FilmFile.open(/** @type {File} */ (film));
    // What plays everywhere, where that can be written.
    const container = (await file.plan('mp4', { width: 256, height: 144 })).codec ? 'mp4' : 'webm';
    const { opened } = store.now.film;
    if (!opened.has(id)) return file.dispose();
    change({ opened: new Map(opened).set(id, { file, settings: { steadiness: 50, from: 0, to: file.duration, container } }) });
  } catch (error) {
    console.warn(error);
    say('film-error', 'bad.damaged', { name });
  }
}

/** Long side of a film that keeps its size. @param {import('./film-file.js').FilmFile} file */
const ownSide = ({ width, height }) => Math.min(SIZES[SIZES.length - 1], Math.max(16, 2 * Math.floor(Math.max(width, height) / 2)));

/** Long side of its paintings. @param {Opened} one */
function longOf({ file }) {
  const { size } = store.now.history.now;
  return size === 'own' ? ownSide(file) : Math.min(size, ownSide(file));
}

/** Of its painted frames: encoders want even numbers. @param {Opened} one @param {number} [size] */
function sizeOf(one, size = longOf(one)) {
  const { width, height } = one.file;
  const scale = size / Math.max(width, height);
  const [wide, high] = [width, height].map((side) => Math.max(2, 2 * Math.round((side * scale) / 2)));
  return { width: wide, height: high };
}

/** Finds out how a film can be written, where that is not known of this size and format. @param {number} id of the photo @param {Opened} one */
async function replan(id, one) {
  const { container } = one.settings;
  const size = sizeOf(one);
  const planned = `${container} ${size.width} ${size.height}`;
  if (one.planned === planned) return;
  changeFilm(id, { planned, plan: undefined });
  const plan = await one.file.plan(container, size);
  if (store.now.film.opened.get(id)?.planned === planned) changeFilm(id, { plan }); // else another one comes
}

/** @param {Photo} photo @param {Container} container */
const nameFor = (photo, container) => paintingName(photo.name, stylesOf(store.now.history.now), container);

/** Paints into a file that the visitor chooses now. */
async function paintInto() {
  const [one, { photo, film }] = [opened(), store.now];
  if (!photo || !one || film.work) return;
  const { container } = one.settings;
  say('film-error');
  try {
    const into = await chosenFile(nameFor(photo, container), container);
    if (into) await paintFilm(into);
  } catch (error) {
    console.warn(error);
    say('film-error', 'filmNotThere', { reason: reasonOf(error) });
  }
}

/** What was painted into this file, which is empty now. @param {FileSystemFileHandle} file */
async function forgetIn(file) {
  for (const [id, one] of store.now.film.opened) {
    if (!one?.result?.into || !await file.isSameEntry(one.result.into)) continue;
    drop(one.result);
    changeFilm(id, { result: undefined });
  }
}

/** @param {FileSystemFileHandle} [into] the file that it is written to, if the visitor chose one */
async function paintFilm(into) {
  const [one, { photo, film, history: { now: look } }] = [opened(), store.now];
  if (!photo || !one?.plan?.codec || film.work) return;
  const { file, settings, plan } = one;
  const { from, to, container } = settings;
  const size = sizeOf(one);
  abort = new AbortController();
  const { signal } = abort;
  stopEditing();
  resting();
  complain();
  say('film-error');
  say('status', 'filmBegun');
  change({ showing: false, work: { photo, paused: false, spent: 0, since: performance.now(), times: [], frames: 0, part: 0 } });
  if (store.now.painting) store.change({ painting: { ...store.now.painting, full: false } }); // frames come onto it
  const name = into?.name ?? nameFor(photo, container);
  if (into) await forgetIn(into);
  const room = into ? undefined : await roomForFilm();
  /** @type {import('./film-file.js').Painted | undefined} */
  let painted;
  /** @type {unknown} */
  let failed;
  try {
    const order = { container, plan, ...size, from, to, file: into ?? room };
    const how = { size: Math.max(size.width, size.height), steadiness: settings.steadiness / 100 };
    await painter.film({ photo, look }, how, signal, async (paint) => {
      changeWork({ since: performance.now() });
      painted = await file.paint(order, signal, {
        paint,
        gate: () => gate(signal),
        onFrame: (picture, { frames, seconds }) => onFrame(picture, frames, seconds / (to - from)),
      });
    });
    failed = painted?.error;
  } catch (error) {
    if (!signal.aborted) failed = error;
  }
  change({ work: undefined });
  const wanted = store.now.film.opened.get(photo.id);
  if (painted && wanted) {
    drop(wanted.result);
    const { blob, frames, seconds } = painted;
    const whole = !failed && !signal.aborted;
    changeFilm(photo.id, { result: { blob, name, url: URL.createObjectURL(blob), frames, seconds, whole, saved: Boolean(into), room, into } });
    change({ showing: store.now.photo === photo });
    say('status', whole ? 'filmPainted' : 'filmStopped', { n: frames });
  } else {
    if (room) leaveRoom(room);
    if (into) await removeFile(into);
    say('status', 'stopped');
  }
  if (failed) {
    console.warn(failed);
    if ([EngineFailed, BadPicture, StyleGone].some((kind) => failed instanceof kind)) say('film-error', ...failure(/** @type {Error} */ (failed), { photo, look }));
    else say('film-error', painted ? 'filmBroken' : 'filmFailed', { reason: reasonOf(failed) });
  }
  if (!store.now.film.showing) showStill();
}

/** @param {Result | undefined} result which nobody needs any more */
function drop(result) {
  if (!result) return;
  URL.revokeObjectURL(result.url);
  if (result.room) leaveRoom(result.room);
}

/** What is done by now is finished. */
function end() {
  abort.abort();
  wake();
}

function pause() {
  const { work } = store.now.film;
  if (!work) return;
  const now = performance.now();
  if (!work.paused) return changeWork({ paused: true, spent: work.spent + now - work.since });
  changeWork({ paused: false, since: now });
  wake();
}

/** Waits while it pauses. @param {AbortSignal} signal */
async function gate(signal) {
  while (store.now.film.work?.paused && !signal.aborted) {
    await new Promise((done) => { wake = () => done(undefined); });
  }
}

/** @param {ImageBitmap} picture @param {number} frames @param {number} part */
function onFrame(picture, frames, part) {
  const { photo, film: { work } } = store.now;
  if (!work) return;
  const spent = work.paused ? work.spent : work.spent + performance.now() - work.since;
  changeWork({ times: [...work.times.slice(-30), spent], frames, part });
  if (photo === work.photo) drawFrame(picture);
}

function save() {
  const [result, { photo }] = [filmResult(store.now), store.now];
  if (!result || !photo) return;
  download(result.blob, result.name);
  changeFilm(photo.id, { result: { ...result, saved: true } });
}

/** What is seen of the painted film now, as a picture. */
async function saveFrame() {
  const result = filmResult(store.now);
  const video = $('film-video', HTMLVideoElement);
  const { videoWidth: width, videoHeight: height, currentTime } = video;
  if (!result || !width) return;
  const sheet = Object.assign(document.createElement('canvas'), { width, height });
  sheet.getContext('2d')?.drawImage(video, 0, 0);
  try {
    download(await encode(sheet, 'png', 100), `${stem(result.name)}-at-${currentTime.toFixed(1)}s.png`);
  } catch (error) {
    say('film-error', 'filmLoopFailed', { reason: reasonOf(error) });
  }
}

/** Its beginning as a GIF. */
async function saveLoop() {
  const result = filmResult(store.now);
  if (!result) return;
  say('film-error');
  button('film-loop').disabled = true;
  say('status', 'filmLooping');
  try {
    const { loopOf } = await import('./film-loop.js');
    const gif = await loopOf(result.blob);
    download(gif, `${stem(result.name)}.gif`);
    say('status', 'filmLooped', { megabytes: number(gif.size / 1e6, gif.size < 1e7 ? 2 : 0) });
  } catch (error) {
    console.warn(error);
    say('status', 'idle');
    say('film-error', 'filmLoopFailed', { reason: reasonOf(error) });
  } finally {
    button('film-loop').disabled = false;
  }
}

const bar = new Bar($('film-progress'));

/** @param {Readonly<import('./store.js').State>} state */
export function showFilm(state) {
  const { photo, film } = state;
  bring($('film'), { hidden: !photo?.film });
  if (photo?.film && !film.opened.has(photo.id)) open(photo);
  const one = opened();
  bring($('film-settings', HTMLFieldSetElement), { hidden: !one, disabled: film.work !== undefined });
  if (photo && one) {
    replan(photo.id, one);
    showSettings(state, one);
  }
  showVideo(state);
  showBar(state);
}

/** @param {Readonly<import('./store.js').State>} state @param {Opened} one */
function showSettings({ photo, history: { now: look } }, one) {
  const { file, settings: { steadiness, from, to, container }, plan } = one;
  const { duration, rate } = file;
  write('film-about', words('filmAbout', { time: time(duration), rate: number(rate, rate % 1 < 0.05 ? 0 : 1), width: file.width, height: file.height }));
  const [own, size] = [ownSide(file), longOf(one)];
  const sides = [...new Set([...SIZES.filter((side) => side < own), size, own])].sort((a, b) => a - b);
  showOptions(select('film-size'), sides.map((side) => {
    const { width, height } = sizeOf(one, side);
    return [String(side), `${width} × ${height}`];
  }), String(size));
  bring(input('film-steadiness'), { value: String(steadiness) });
  tell('film-steadiness', `${number(steadiness)} %`);
  for (const [name, value] of /** @type {const} */ ([['film-from', from], ['film-to', to]])) {
    bring(input(name), { max: String(duration), step: String(duration > 60 ? 0.1 : 0.01), value: String(value) });
    tell(name, time(value));
  }
  choose('film-format', container);
  const frames = Math.max(1, Math.round((to - from) * rate));
  const each = photo && painter.secondsFor({ photo, look });
  write('film-hint', [
    each ? words('filmTakes', { n: frames, time: long(frames * each) }) : words('filmFrames', { n: frames }),
    file.hdr ? words('filmHdr') : '',
  ].join(' ').trim());
  const [text, bad] = sayOf(plan, container);
  write('film-sound', text);
  $('film-sound').classList.toggle('warning', bad);
  for (const id of ['paint-film', 'paint-film-into']) bring(button(id), { disabled: !plan?.codec || !look.styles.length });
  bring(button('paint-film-into'), { title: words('paintFilmIntoHint') });
}

/** What there is to say before it begins. @param {import('./film-file.js').Plan | undefined} plan @param {Container} container @returns {[text: string, bad: boolean]} */
function sayOf(plan, container) {
  if (!plan) return ['', false];
  if (!('VideoEncoder' in window)) return [words('filmNoEncoder'), true];
  if (!plan.codec) return [words('filmNotInto', { format: container === 'mp4' ? 'MP4' : 'WebM' }), true];
  const lost = plan.sounds.filter(({ how }) => how === 'lost');
  if (lost.length) return [words('filmSoundLost', { codec: lost.map(({ codec }) => (codec ?? '?').toUpperCase()).join(', ') }), true];
  const into = plan.sounds.find(({ how }) => how === 'encoded')?.into;
  if (into) return [words('filmSoundEncoded', { codec: into === 'opus' ? 'Opus' : into.toUpperCase() }), false];
  return [words(plan.sounds.length ? 'filmSoundKept' : 'filmSilent'), false];
}

/** @param {Readonly<import('./store.js').State>} state */
function showVideo(state) {
  const video = $('film-video', HTMLVideoElement);
  const url = showsFilm(state) ? filmResult(state)?.url : undefined;
  bring(video, { hidden: !url });
  if (!url) {
    if (video.src) {
      video.removeAttribute('src');
      video.load();
    }
    return;
  }
  if (video.src === url) return;
  video.src = url;
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) video.play().catch(() => {}); // it has a button for that
}

/** @param {Readonly<import('./store.js').State>} state */
function showBar(state) {
  const { work } = state.film;
  const result = work ? undefined : filmResult(state);
  bring($('film-bar'), { hidden: !work && !result });
  for (const id of ['film-pause', 'film-stop', 'film-progress']) bring($(id), { hidden: !work });
  for (const id of ['film-show', 'film-loop']) bring($(id), { hidden: !result });
  bring($('film-save'), { hidden: !result || Boolean(result.into) });
  bring($('film-frame'), { hidden: !showsFilm(state) });
  write('film-words', work ? wordsOfWork(work) : result ? wordsOfResult(result) : '');
  write('film-show', words(showsFilm(state) ? 'filmHide' : 'filmShow'));
  write('film-pause', words(work?.paused ? 'goOn' : 'pause'));
  bring(button('film-loop'), { title: words('filmLoopHint') });
  bar.show(work && { part: work.frames ? work.part : undefined });
}

/** @param {Result} result */
function wordsOfResult({ name, seconds, blob: { size }, whole, into }) {
  const about = { name, time: time(seconds), megabytes: number(size / 1e6, size < 1e7 ? 2 : 0) };
  if (into) return words(whole ? 'filmDoneIn' : 'filmPartIn', about);
  return words(whole ? 'filmDone' : 'filmPart', about);
}

/** @param {Work} work */
function wordsOfWork({ paused, times, frames, part }) {
  if (paused) return words('filmPaused', { n: frames });
  if (times.length < 2) return words('filmBegun');
  const last = times[times.length - 1];
  const rate = ((times.length - 1) * 1000) / (last - times[0]);
  const left = part > 0 ? (last / 1000 / part) * (1 - part) : 0;
  return words('filmProgress', { n: frames, rate: number(rate, rate < 10 ? 1 : 0), time: long(left) });
}
