// A film on the page: how it is painted, while it is painted, and what became of it. Its first frame is a photo as any
// other, so that styles, sliders and regions are those of photos.

import { $, button, choose, chosen, follow, input, onRadio, select, tell } from './dom.js';
import { canChooseFile, chosenFile, leaveRoom, removeFile, roomForFilm } from './film-room.js';
import { StyleGone } from './painter.js';
import { download, encode, paintingName, stem } from './save.js';
import { stylesOf } from './saving.js';
import { Bar, complain, complainAt, say } from './telling.js';
import { number, words } from './words.js';
import { BadPicture, EngineFailed } from '../stylizer.js';

/**
 * @typedef {import('./strips.js').Photo} Photo
 * @typedef {import('./look.js').Look} Look
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
 * @typedef {object} Work
 * @property {Photo} photo
 * @property {AbortController} abort
 * @property {boolean} dropped nobody wants what is done
 * @property {boolean} paused
 * @property {() => void} wake what waits while it pauses
 * @property {number} spent milliseconds, without pauses
 * @property {number} since when it went on last
 * @property {number[]} times of the last frames, by `spent`
 * @property {{ frames: number, part: number }} done
 *
 * @typedef {object} Page
 * @property {() => Photo | undefined} photo on the stage
 * @property {() => Look} look
 * @property {(size: number) => void} setSize of the look
 * @property {(id: string | null) => import('./gallery.js').Style | undefined} style
 * @property {() => void} onBegin
 * @property {(picture: ImageBitmap) => void} onFrame of the photo on the stage
 * @property {() => void} render
 * @property {() => void} onStill the stage shows the first frame again
 * @property {(error: Error, task: import('./painter.js').Task) => import('./telling.js').Words} failure what to say of it
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

/** A length of time, as one says it. @param {number} seconds */
const long = (seconds) => (seconds < 90 ? words('seconds', { n: Math.max(1, Math.round(seconds)) }) : words('minutes', { n: Math.round(seconds / 60) }));

export class Films {
  #painter;
  #page;
  /** By photo; nothing while it is being read. @type {Map<number, Opened | undefined>} */ #opened = new Map();
  /** @type {Work | undefined} */ #work;
  /** Whether the painted film is on the stage. */
  #showing = false;
  #bar = new Bar($('film-progress'));

  /** @param {import('./painter.js').Painter} painter @param {Page} page */
  constructor(painter, page) {
    this.#painter = painter;
    this.#page = page;
    select('film-size').addEventListener('change', () => page.setSize(Number(select('film-size').value)));
    follow(input('film-steadiness'), (steadiness) => this.#set({ steadiness }));
    follow(input('film-from'), (from) => {
      const { settings, file } = /** @type {Opened} */ (this.#now);
      this.#set({ from: Math.min(from, file.duration - LEAST), to: Math.max(settings.to, Math.min(from + LEAST, file.duration)) });
    });
    follow(input('film-to'), (to) => {
      const { settings } = /** @type {Opened} */ (this.#now);
      this.#set({ to: Math.max(to, LEAST), from: Math.min(settings.from, Math.max(0, to - LEAST)) });
    });
    onRadio('film-format', () => this.#set({ container: /** @type {Container} */ (chosen('film-format')) }));
    button('paint-film').addEventListener('click', () => this.#paint());
    button('paint-film-into').addEventListener('click', () => this.#paintInto());
    button('paint-film-into').hidden = !canChooseFile();
    button('film-pause').addEventListener('click', () => this.#pause());
    button('film-stop').addEventListener('click', () => this.#end());
    button('film-show').addEventListener('click', () => {
      this.#showing = !this.#showing;
      page.render();
      if (!this.#showing) page.onStill();
    });
    button('film-save').addEventListener('click', () => this.#save());
    button('film-frame').addEventListener('click', () => this.#saveFrame());
    button('film-loop').addEventListener('click', () => this.#saveLoop());
  }

  /** Whether one is being painted. */
  get busy() { return this.#work !== undefined; }

  /** Whether the painted film is on the stage. */
  get showing() { return this.#showing && !this.busy && Boolean(this.#now?.result); }

  /** Whether a painted one would be lost. */
  get unsaved() { return [...this.#opened.values()].some((one) => one?.result && !one.result.saved); }

  /** The film on the stage, once it was read. */
  get #now() {
    const photo = this.#page.photo();
    return photo?.film && this.#opened.get(photo.id);
  }

  /** The stage is to show the first frame again. */
  leaveStage() {
    this.#showing = false;
  }

  /** @param {Photo} photo which has left the page */
  forget({ id }) {
    if (this.#work?.photo.id === id) {
      this.#work.dropped = true;
      this.#end();
    }
    const one = this.#opened.get(id);
    this.#opened.delete(id);
    one?.file.dispose();
    this.#drop(one?.result);
  }

  /** Reads a film that came to the stage. @param {Photo} photo */
  async #open(photo) {
    this.#opened.set(photo.id, undefined);
    try {
      const { FilmFile } = await reader();
      const file = await FilmFile.open(/** @type {File} */ (photo.film));
      if (!this.#opened.has(photo.id)) return file.dispose();
      // What plays everywhere, where that can be written.
      const container = (await file.plan('mp4', { width: 256, height: 144 })).codec ? 'mp4' : 'webm';
      this.#opened.set(photo.id, { file, settings: { steadiness: 50, from: 0, to: file.duration, container } });
      this.render();
    } catch (error) {
      console.warn(error);
      complainAt('film-error', 'bad.damaged', { name: photo.name });
    }
  }

  /** Long side of a film that keeps its size. @param {import('./film-file.js').FilmFile} file */
  #own({ width, height }) {
    return Math.min(SIZES[SIZES.length - 1], Math.max(16, 2 * Math.floor(Math.max(width, height) / 2)));
  }

  /** Long side of its paintings. @param {Opened} one */
  #longOf({ file }) {
    const { size } = this.#page.look();
    return size === 'own' ? this.#own(file) : Math.min(size, this.#own(file));
  }

  /** Of its painted frames: encoders want even numbers. @param {Opened} one @param {number} [size] */
  #sizeOf(one, size = this.#longOf(one)) {
    const { width, height } = one.file;
    const scale = size / Math.max(width, height);
    const [wide, high] = [width, height].map((side) => Math.max(2, 2 * Math.round((side * scale) / 2)));
    return { width: wide, height: high };
  }

  /** @param {Partial<Settings>} change */
  #set(change) {
    const one = this.#now;
    if (!one) return;
    one.settings = { ...one.settings, ...change };
    this.render();
  }

  /** Finds out how a film can be written, where that is not known of this size and format. @param {Opened} one */
  async #replan(one) {
    const { container } = one.settings;
    const size = this.#sizeOf(one);
    const wanted = `${container} ${size.width} ${size.height}`;
    if (one.planned === wanted) return;
    one.planned = wanted;
    one.plan = undefined;
    const plan = await one.file.plan(container, size);
    if (one.planned !== wanted) return; // another one comes
    one.plan = plan;
    this.render();
  }

  /** @param {Photo} photo @param {Container} container */
  #nameFor(photo, container) {
    return paintingName(photo.name, stylesOf(this.#page.look(), this.#page.style), container);
  }

  /** Paints into a file that the visitor chooses now. */
  async #paintInto() {
    const [photo, one] = [this.#page.photo(), this.#now];
    if (!photo || !one || this.#work) return;
    const { container } = one.settings;
    complainAt('film-error');
    try {
      const into = await chosenFile(this.#nameFor(photo, container), container);
      if (into) await this.#paint(into);
    } catch (error) {
      console.warn(error);
      complainAt('film-error', 'filmNotThere', { reason: reasonOf(error) });
    }
  }

  /** @param {FileSystemFileHandle} [into] the file that it is written to, if the visitor chose one */
  async #paint(into) {
    const [photo, one] = [this.#page.photo(), this.#now];
    if (!photo || !one?.plan?.codec || this.#work) return;
    const { file, settings, plan } = one;
    const look = this.#page.look();
    const { from, to, container } = settings;
    const size = this.#sizeOf(one);
    /** @type {Work} */
    const work = {
      photo, abort: new AbortController(), dropped: false, paused: false, wake: () => {},
      spent: 0, since: performance.now(), times: [], done: { frames: 0, part: 0 },
    };
    this.#work = work;
    const { signal } = work.abort;
    complainAt('film-error');
    this.#showing = false;
    this.#page.onBegin();
    say('status', 'filmBegun');
    this.render();
    const name = into?.name ?? this.#nameFor(photo, container);
    if (into) await this.#forgetIn(into);
    const room = into ? undefined : await roomForFilm();
    /** @type {import('./film-file.js').Painted | undefined} */
    let painted;
    /** @type {unknown} */
    let failed;
    try {
      const order = { container, plan, ...size, from, to, file: into ?? room };
      const how = { size: Math.max(size.width, size.height), steadiness: settings.steadiness / 100 };
      await this.#painter.film({ photo, look }, how, signal, async (paint) => {
        work.since = performance.now();
        painted = await file.paint(order, signal, {
          paint,
          gate: () => this.#gate(work),
          onFrame: (picture, { frames, seconds }) => this.#onFrame(work, picture, frames, seconds / (to - from)),
        });
      });
      failed = painted?.error;
    } catch (error) {
      if (!signal.aborted) failed = error;
    }
    this.#work = undefined;
    const kept = painted && !work.dropped;
    if (!kept && room) leaveRoom(room);
    if (!kept && into) await removeFile(into);
    if (kept && painted) {
      this.#drop(one.result);
      const { blob, frames, seconds } = painted;
      one.result = { blob, name, url: URL.createObjectURL(blob), frames, seconds, whole: !failed && !signal.aborted, saved: Boolean(into), room, into };
      this.#showing = this.#page.photo() === photo;
      say('status', one.result.whole ? 'filmPainted' : 'filmStopped', { n: frames });
    } else {
      say('status', 'stopped');
    }
    if (failed) {
      console.warn(failed);
      if ([EngineFailed, BadPicture, StyleGone].some((kind) => failed instanceof kind)) complainAt('film-error', ...this.#page.failure(/** @type {Error} */ (failed), { photo, look }));
      else complainAt('film-error', painted ? 'filmBroken' : 'filmFailed', { reason: reasonOf(failed) });
    }
    this.#page.render();
    if (!this.#showing) this.#page.onStill();
  }

  /** @param {Result | undefined} result which nobody needs any more */
  #drop(result) {
    if (!result) return;
    URL.revokeObjectURL(result.url);
    if (result.room) leaveRoom(result.room);
  }

  /** What was painted into this file, which is empty now. @param {FileSystemFileHandle} file */
  async #forgetIn(file) {
    for (const one of this.#opened.values()) {
      if (!one?.result?.into || !await file.isSameEntry(one.result.into)) continue;
      this.#drop(one.result);
      one.result = undefined;
    }
  }

  /** What is done by now is finished. */
  #end() {
    this.#work?.abort.abort();
    this.#work?.wake();
  }

  #pause() {
    const work = this.#work;
    if (!work) return;
    work.paused = !work.paused;
    if (work.paused) {
      work.spent += performance.now() - work.since;
    } else {
      work.since = performance.now();
      work.wake();
    }
    this.#renderBar();
  }

  /** Waits while it pauses. @param {Work} work */
  async #gate(work) {
    while (work.paused && !work.abort.signal.aborted) {
      await new Promise((done) => { work.wake = () => done(undefined); });
    }
  }

  /** @param {Work} work @param {ImageBitmap} picture @param {number} frames @param {number} part */
  #onFrame(work, picture, frames, part) {
    const spent = work.paused ? work.spent : work.spent + performance.now() - work.since;
    work.times = [...work.times.slice(-30), spent];
    work.done = { frames, part };
    if (this.#page.photo() === work.photo) this.#page.onFrame(picture);
    this.#renderBar();
  }

  #save() {
    const result = this.#now?.result;
    if (!result) return;
    download(result.blob, result.name);
    result.saved = true;
    this.render();
  }

  /** What is seen of the painted film now, as a picture. */
  async #saveFrame() {
    const result = this.#now?.result;
    const video = $('film-video', HTMLVideoElement);
    const { videoWidth: width, videoHeight: height, currentTime } = video;
    if (!result || !width) return;
    const sheet = Object.assign(document.createElement('canvas'), { width, height });
    sheet.getContext('2d')?.drawImage(video, 0, 0);
    try {
      download(await encode(sheet, 'png', 100), `${stem(result.name)}-at-${currentTime.toFixed(1)}s.png`);
    } catch (error) {
      complainAt('film-error', 'filmLoopFailed', { reason: reasonOf(error) });
    }
  }

  /** Its beginning as a GIF. */
  async #saveLoop() {
    const result = this.#now?.result;
    if (!result) return;
    complainAt('film-error');
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
      complainAt('film-error', 'filmLoopFailed', { reason: reasonOf(error) });
    } finally {
      button('film-loop').disabled = false;
    }
  }

  render() {
    const photo = this.#page.photo();
    const film = photo?.film;
    $('film').hidden = !film;
    if (film && !this.#opened.has(photo.id)) this.#open(photo);
    const one = this.#now;
    $('film-settings').hidden = !one;
    $('film-settings', HTMLFieldSetElement).disabled = this.busy;
    if (one) {
      this.#replan(one);
      this.#renderSettings(one);
    }
    this.#renderVideo(one?.result);
    this.#renderBar();
  }

  /** @param {Opened} one */
  #renderSettings(one) {
    const { file, settings: { steadiness, from, to, container }, plan } = one;
    const { duration, rate } = file;
    $('film-about').textContent = words('filmAbout', { time: time(duration), rate: number(rate, rate % 1 < 0.05 ? 0 : 1), width: file.width, height: file.height });
    const [own, size] = [this.#own(file), this.#longOf(one)];
    const sides = [...new Set([...SIZES.filter((side) => side < own), size, own])].sort((a, b) => a - b);
    select('film-size').replaceChildren(...sides.map((side) => {
      const { width, height } = this.#sizeOf(one, side);
      return new Option(`${width} × ${height}`, String(side));
    }));
    select('film-size').value = String(size);
    input('film-steadiness').value = String(steadiness);
    tell('film-steadiness', `${number(steadiness)} %`);
    for (const [name, value] of /** @type {const} */ ([['film-from', from], ['film-to', to]])) {
      Object.assign(input(name), { max: String(duration), step: String(duration > 60 ? 0.1 : 0.01) });
      input(name).value = String(value);
      tell(name, time(value));
    }
    choose('film-format', container);
    const frames = Math.max(1, Math.round((to - from) * rate));
    const [photo, look] = [this.#page.photo(), this.#page.look()];
    const each = photo && this.#painter.secondsFor({ photo, look });
    $('film-hint').textContent = [
      each ? words('filmTakes', { n: frames, time: long(frames * each) }) : words('filmFrames', { n: frames }),
      file.hdr ? words('filmHdr') : '',
    ].join(' ').trim();
    const [text, bad] = this.#sayOf(plan, container);
    $('film-sound').textContent = text;
    $('film-sound').classList.toggle('warning', bad);
    for (const id of ['paint-film', 'paint-film-into']) button(id).disabled = !plan?.codec || !look.styles.length;
    button('paint-film-into').title = words('paintFilmIntoHint');
  }

  /** What there is to say before it begins. @param {import('./film-file.js').Plan | undefined} plan @param {Container} container @returns {[text: string, bad: boolean]} */
  #sayOf(plan, container) {
    if (!plan) return ['', false];
    if (!('VideoEncoder' in window)) return [words('filmNoEncoder'), true];
    if (!plan.codec) return [words('filmNotInto', { format: container === 'mp4' ? 'MP4' : 'WebM' }), true];
    const lost = plan.sounds.filter(({ how }) => how === 'lost');
    if (lost.length) return [words('filmSoundLost', { codec: lost.map(({ codec }) => (codec ?? '?').toUpperCase()).join(', ') }), true];
    const into = plan.sounds.find(({ how }) => how === 'encoded')?.into;
    if (into) return [words('filmSoundEncoded', { codec: into === 'opus' ? 'Opus' : into.toUpperCase() }), false];
    return [words(plan.sounds.length ? 'filmSoundKept' : 'filmSilent'), false];
  }

  /** @param {Result | undefined} result */
  #renderVideo(result) {
    const video = $('film-video', HTMLVideoElement);
    const shows = this.showing;
    video.hidden = !shows;
    if (!shows || !result) {
      if (video.src) {
        video.removeAttribute('src');
        video.load();
      }
      return;
    }
    if (video.src === result.url) return;
    video.src = result.url;
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) video.play().catch(() => {}); // it has a button for that
  }

  #renderBar() {
    const work = this.#work;
    const result = work ? undefined : this.#now?.result;
    $('film-bar').hidden = !work && !result;
    for (const id of ['film-pause', 'film-stop', 'film-progress']) $(id).hidden = !work;
    for (const id of ['film-show', 'film-loop']) $(id).hidden = !result;
    $('film-save').hidden = !result || Boolean(result.into);
    $('film-frame').hidden = !this.showing;
    if (result) {
      button('film-show').textContent = words(this.#showing ? 'filmHide' : 'filmShow');
      button('film-loop').title = words('filmLoopHint');
      const about = { time: time(result.seconds), megabytes: number(result.blob.size / 1e6, result.blob.size < 1e7 ? 2 : 0) };
      if (result.into) $('film-words').textContent = words(result.whole ? 'filmDoneIn' : 'filmPartIn', { ...about, name: result.name });
      else $('film-words').textContent = words(result.whole ? 'filmDone' : 'filmPart', about);
    }
    if (!work) return this.#bar.rest();
    const { frames, part } = work.done;
    this.#bar.show({ part: frames ? part : undefined });
    button('film-pause').textContent = words(work.paused ? 'goOn' : 'pause');
    const { times } = work;
    const last = times[times.length - 1];
    const rate = times.length > 1 ? ((times.length - 1) * 1000) / (last - times[0]) : 0;
    const left = part > 0 ? (last / 1000 / part) * (1 - part) : 0;
    if (work.paused) $('film-words').textContent = words('filmPaused', { n: frames });
    else if (!rate) $('film-words').textContent = words('filmBegun');
    else $('film-words').textContent = words('filmProgress', { n: frames, rate: number(rate, rate < 10 ? 1 : 0), time: long(left) });
  }
}
