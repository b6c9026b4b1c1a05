// The camera, painted while one looks at it.

import { cameraIsTwo, reasonOf, stopTracks } from './camera.js';
import { $, bring, button, canvas, dialog, icon, input, label, select, showOptions } from './dom.js';
import { failure, painter } from './engine.js';
import { download, paintingName } from './save.js';
import { stylesOf } from './saving.js';
import { store } from './store.js';
import { say } from './telling.js';
import { number, words } from './words.js';

/** @typedef {import('./look.js').Look} Look */

/** Kinds of recordings, the best first: what the browser writes is not what every program plays. */
const KINDS = ['video/mp4;codecs=avc1.42E01E,mp4a.40.2', 'video/webm;codecs=vp9,opus', 'video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'];
/** Milliseconds between figures: faster ones cannot be read. */
const FIGURES = 500;
const STEADINESS = 0.5;

const now = () => new Date().toISOString().slice(0, 19).replaceAll(':', '-');

/** A recording that goes on. */
class Recording {
  #recorder;
  /** @type {Blob[]} */ #parts = [];
  #stopped;
  #sound;

  /** @param {MediaStream} pictures @param {MediaStream | undefined} sound */
  constructor(pictures, sound) {
    this.#sound = sound;
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const tracks = [...pictures.getVideoTracks(), ...sound?.getAudioTracks() ?? []];
    this.#recorder = new MediaRecorder(new MediaStream(tracks), { mimeType, videoBitsPerSecond: 8e6 });
    this.#recorder.addEventListener('dataavailable', ({ data }) => this.#parts.push(data));
    this.#stopped = new Promise((done) => { this.#recorder.addEventListener('stop', done, { once: true }); });
    this.began = performance.now();
    this.#recorder.start(1000);
  }

  /** @returns {Promise<Blob>} a whole file: what the browser itself writes does not say how long it is */
  async end() {
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
    await this.#stopped;
    stopTracks(this.#sound);
    const [type] = this.#recorder.mimeType.split(';');
    const raw = new Blob(this.#parts, { type });
    try {
      const { rewritten } = await import('./film-file.js');
      return await rewritten(raw, type === 'video/mp4' ? 'mp4' : 'webm');
    } catch (error) {
      console.warn(error);
      return raw;
    }
  }
}

export class LiveCamera {
  #onPicture;
  #box = dialog('live-dialog');
  #video = $('live-video', HTMLVideoElement);
  /** Of the camera. @type {MediaStream | undefined} */ #stream;
  /** Ends what paints. @type {AbortController | undefined} */ #abort;
  /** @type {import('../live.js').Live | undefined} */ #live;
  /** @type {((look: Look) => Promise<void>) | undefined} */ #change;
  /** @type {Recording | undefined} */ #recording;
  #facing = 'user';
  #told = 0;
  /** Of the camera that is being started: an older one is no longer wanted. */
  #turn = 0;

  /** @param {(file: File) => void} onPicture a photo was taken, in the camera's own size */
  constructor(onPicture) {
    this.#onPicture = onPicture;
    const changed = () => this.#changed();
    select('live-style').addEventListener('change', changed);
    for (const id of ['live-mirror', 'live-mirror-record']) input(id).addEventListener('change', () => this.#mirror());
    button('live-snap').addEventListener('click', () => this.#snap());
    button('live-record').addEventListener('click', () => this.#record());
    button('live-turn').addEventListener('click', () => {
      this.#facing = this.#facing === 'user' ? 'environment' : 'user';
      this.#start();
    });
    button('live-full').addEventListener('click', () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else $('live-stage').requestFullscreen().catch(() => {});
    });
    button('live-full').hidden = !document.fullscreenEnabled;
    // Its light is off as soon as nobody looks.
    this.#box.addEventListener('close', () => this.#end());
    document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden') this.#box.close(); });
    addEventListener('pagehide', () => this.#end());
  }

  open() {
    showOptions(select('live-style'), [['', words('liveAsOnPage')], ...store.now.styles.map(({ id, title }) => /** @type {const} */ ([id, title()]))], '');
    say('live-error');
    this.#box.showModal();
    this.#renderButtons();
    return this.#start();
  }

  get #look() {
    const look = store.now.history.now;
    const { value: id } = select('live-style');
    return id ? { ...look, styles: [{ id, weight: 50 }] } : look;
  }

  async #start() {
    await this.#stop();
    const turn = ++this.#turn;
    say('live-error');
    say('live-words', 'cameraStarting');
    /** @type {MediaStream} */
    let stream;
    try {
      const video = { facingMode: this.#facing, width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30 } };
      stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      if (turn === this.#turn) say('live-words', reasonOf(error));
      return;
    }
    if (turn !== this.#turn || !this.#box.open) return stopTracks(stream);
    this.#stream = stream;
    this.#video.srcObject = stream;
    this.#video.play().catch(() => {});
    // The camera was pulled out, or another program took it.
    stream.getVideoTracks()[0].addEventListener('ended', () => {
      if (stream !== this.#stream) return;
      this.#stop();
      say('live-words', 'cameraBusy');
    });
    button('live-turn').hidden = !await cameraIsTwo();
    const abort = this.#abort = new AbortController();
    say('live-words', 'starting');
    try {
      await painter.live(stream, this.#look, {
        canvas: canvas('live-canvas'), steadiness: STEADINESS, mirror: input('live-mirror-record').checked,
        onFrame: (frame) => this.#onFrame(frame),
        onFailed: (error) => {
          say('live-error', ...failure(error));
          abort.abort();
        },
      }, abort.signal, async (live, change) => {
        this.#live = live;
        this.#change = change;
        this.#mirror();
        await new Promise((done) => { abort.signal.addEventListener('abort', done, { once: true }); });
      });
    } catch (error) {
      if (!abort.signal.aborted) say('live-error', ...failure(/** @type {Error} */ (error)));
    }
    if (this.#abort === abort) await this.#stop();
  }

  /** Lets go of the camera. */
  async #stop() {
    this.#turn++;
    stopTracks(this.#stream);
    this.#stream = undefined;
    this.#video.srcObject = null;
    const recording = this.#recording;
    this.#recording = undefined;
    this.#abort?.abort();
    this.#abort = this.#live = this.#change = undefined;
    this.#told = 0;
    $('live-figures').textContent = '';
    this.#renderButtons();
    if (recording) await this.#keep(recording);
  }

  #end() {
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    this.#stop();
  }

  /** @param {import('../live.js').LiveFrame} frame */
  #onFrame({ width, height, latency, rate }) {
    const time = performance.now();
    if (!this.#told) {
      say('live-words', this.#recording ? 'liveRecording' : 'liveOn');
      this.#renderButtons(true);
    }
    if (time - this.#told < FIGURES) return;
    this.#told = time;
    const seconds = this.#recording ? (time - this.#recording.began) / 1000 : undefined;
    const figures = words('liveFigures', { rate: number(rate, rate < 10 ? 1 : 0), latency: number(latency * 1000), width, height });
    $('live-figures').textContent = seconds === undefined ? figures
      : `● ${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, '0')}  ${figures}`;
  }

  #changed() {
    this.#change?.(this.#look).catch((error) => say('live-error', ...failure(error)));
  }

  #mirror() {
    const [seen, recorded] = ['live-mirror', 'live-mirror-record'].map((id) => input(id).checked);
    if (this.#live) this.#live.mirror = recorded;
    canvas('live-canvas').classList.toggle('mirrored', seen !== recorded);
  }

  /** A photo as large as the camera gives it; the page paints it as any other. */
  async #snap() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#stream || !width) return;
    const sheet = Object.assign(document.createElement('canvas'), { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d'));
    if (input('live-mirror-record').checked) context.setTransform(-1, 0, 0, 1, width, 0);
    context.drawImage(this.#video, 0, 0);
    const blob = await new Promise((done) => { sheet.toBlob(done, 'image/jpeg', 0.95); });
    this.#onPicture(new File([blob], `camera-${now()}.jpg`, { type: 'image/jpeg' }));
    say('live-words', 'liveTaken', { width, height });
  }

  async #record() {
    const live = this.#live;
    if (!live) return;
    if (this.#recording) {
      const recording = this.#recording;
      this.#recording = undefined;
      this.#renderButtons(true);
      return this.#keep(recording);
    }
    say('live-error');
    /** @type {MediaStream | undefined} */
    let sound;
    if (input('live-sound').checked) {
      sound = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => undefined);
      if (!sound) say('live-error', 'liveNoSound');
      if (live !== this.#live) return stopTracks(sound);
    }
    try {
      this.#recording = new Recording(live.stream, sound);
      say('live-words', 'liveRecording');
    } catch (error) {
      stopTracks(sound);
      say('live-error', 'liveNotRecorded', { reason: /** @type {Error} */ (error).message });
    }
    this.#renderButtons(true);
  }

  /** @param {Recording} recording */
  async #keep(recording) {
    const look = this.#look;
    const blob = await recording.end();
    const name = paintingName(`camera-${now()}.webm`, stylesOf(look), blob.type === 'video/mp4' ? 'mp4' : 'webm');
    download(blob, name);
    say('live-words', 'liveRecorded', { megabytes: number(blob.size / 1e6, 1) });
  }

  /** Says it in the language of the page. */
  show() {
    label(button('live-full'), words('fullScreen'));
    this.#renderButtons(this.#told > 0);
  }

  #renderButtons(on = false) {
    for (const id of ['live-snap', 'live-record']) bring(button(id), { disabled: !on });
    const recording = this.#recording !== undefined;
    const says = words(recording ? 'liveStop' : 'liveRecord');
    // What is pressed may be the icon.
    if (button('live-record').textContent !== says) button('live-record').replaceChildren(icon(recording ? 'stop' : 'record'), says);
    bring(button('live-record'), { ariaPressed: String(recording), hidden: !('MediaRecorder' in window) });
    bring(input('live-sound'), { disabled: recording });
  }
}
