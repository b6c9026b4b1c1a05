// Film files, read and written (mediabunny): loaded once a film is chosen, as it is larger than all of the page.

import {
  AudioSampleSink, AudioSampleSource, BlobSource, BufferTarget, CanvasSink, EncodedAudioPacketSource, EncodedPacketSink, EncodedVideoPacketSource, Input,
  MATROSKA, MP4, MPEG_TS, Mp4OutputFormat, NullTarget, Output, QTFF, QUALITY_VERY_HIGH, StreamTarget, VideoSample, VideoSampleSource,
  WEBM, WebMOutputFormat, canEncodeVideo, getFirstEncodableAudioCodec,
} from 'mediabunny';

/**
 * @typedef {'mp4' | 'webm'} Container
 *
 * @typedef {object} Plan how a film is written in a container, in a size
 * @property {import('mediabunny').VideoCodec | undefined} codec undefined where this browser encodes none
 * @property {Sound[]} sounds
 *
 * @typedef {object} Sound what becomes of a track
 * @property {import('mediabunny').InputAudioTrack} track
 * @property {import('mediabunny').AudioCodec | null} codec of the track
 * @property {'copied' | 'encoded' | 'lost'} how
 * @property {import('mediabunny').AudioCodec} [into]
 * @property {boolean} [stereo] it is brought to two channels at 48 kHz, as its own cannot be encoded here
 *
 * @typedef {object} Order what is painted of a film, and how
 * @property {Container} container
 * @property {Plan} plan
 * @property {number} width even
 * @property {number} height even
 * @property {number} from seconds
 * @property {number} to seconds
 * @property {FileSystemFileHandle} [file] to write to while it grows; where nothing comes of it, it stays as it is
 *
 * @typedef {object} Listeners
 * @property {(canvas: HTMLCanvasElement | OffscreenCanvas, seconds: number) => Promise<ImageBitmap>} paint
 * @property {() => Promise<void>} gate waits while it pauses
 * @property {(picture: ImageBitmap, done: { frames: number, seconds: number }) => void} onFrame seconds: of the film, painted by
 *   now; the picture is closed after it
 *
 * @typedef {{ frames: number, seconds: number, blob: Blob, error?: unknown }} Painted
 */

const FORMATS = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS];
/** The best first: what plays everywhere. @type {Record<Container, import('mediabunny').VideoCodec[]>} */
const CODECS = { mp4: ['avc', 'vp9', 'av1', 'hevc'], webm: ['vp9', 'vp8', 'av1'] };
/** @type {Record<Container, import('mediabunny').AudioCodec[]>} */
const SOUNDS = { mp4: ['aac', 'opus', 'mp3', 'flac'], webm: ['opus', 'vorbis'] };
/** What can be encoded wherever anything can. */
const PLAIN = { numberOfChannels: 2, sampleRate: 48000 };
/** Longer than this, the first frame is kept smaller: it is only looked at. */
const FRAME_SIDE = 2560;

/** A film that cannot be used; `problem` is part of a key of the words. */
export class BadFilm extends Error {
  /** @param {'noFilm' | 'noVideo' | 'undecodable' | 'damaged'} problem @param {string} [codec] */
  constructor(problem, codec = '') {
    super(problem);
    this.problem = problem;
    this.codec = codec;
  }
}

const formatOf = (/** @type {Container} */ container) =>
  (container === 'mp4' ? new Mp4OutputFormat({ fastStart: false }) : new WebMOutputFormat());

export class FilmFile {
  #input;
  #video;
  #audio;
  /** Where it begins, by its own clock. */
  #start;

  /** Of the frames as they are shown: upright, with square pixels. */
  width = 0;
  height = 0;
  /** Seconds. */
  duration = 0;
  /** Frames a second, about. */
  rate = 0;
  /** Whether it has more light and colour than is painted. */
  hdr = false;

  /**
   * @param {Input} input
   * @param {import('mediabunny').InputVideoTrack} video
   * @param {import('mediabunny').InputAudioTrack[]} audio
   * @param {number} start
   */
  constructor(input, video, audio, start) {
    this.#input = input;
    this.#video = video;
    this.#audio = audio;
    this.#start = start;
  }

  /** @param {Blob} file @returns {Promise<FilmFile>} rejected with {@link BadFilm} */
  static async open(file) {
    const input = new Input({ source: new BlobSource(file), formats: FORMATS });
    try {
      if (!await input.canRead()) throw new BadFilm('noFilm');
      const video = await input.getPrimaryVideoTrack();
      if (!video) throw new BadFilm((await input.getTracks()).length ? 'noVideo' : 'damaged');
      const codec = await video.getCodec();
      if (!codec || !await video.canDecode()) throw new BadFilm('undecodable', (codec ?? String(await video.getInternalCodecId() ?? '')).toUpperCase());
      const audio = await input.getAudioTracks();
      // What lies before the beginning is not shown.
      const start = Math.max(0, await input.getFirstTimestamp([video, ...audio]));
      const film = new FilmFile(input, video, audio, start);
      film.width = await video.getDisplayWidth();
      film.height = await video.getDisplayHeight();
      film.hdr = await video.hasHighDynamicRange();
      film.rate = (await video.computePacketStats(60)).averagePacketRate;
      // Not every file says how long its last frame is.
      const last = await new EncodedPacketSink(video).getPacket(Infinity, { metadataOnly: true });
      film.duration = last ? last.timestamp + (last.duration || 1 / film.rate) - start : 0;
      if (!(film.duration > 0) || !film.width || !film.height) throw new BadFilm('damaged');
      return film;
    } catch (error) {
      input.dispose();
      throw error instanceof BadFilm ? error : new BadFilm('damaged');
    }
  }

  /**
   * The frames that are shown in a part of it, the first and the last one cut to that.
   * @param {{ width: number, height: number }} size that they are brought to
   * @param {number} from seconds
   * @param {number} to seconds
   * @returns {AsyncGenerator<{ canvas: HTMLCanvasElement | OffscreenCanvas, at: number, until: number }>} seconds from the part's beginning; a
   *   canvas is drawn over two frames later
   */
  async* frames(size, from, to) {
    const [begin, end] = [this.#start + from, this.#start + to];
    const sink = new CanvasSink(this.#video, { ...size, fit: 'fill', poolSize: 2 });
    for await (const { canvas, timestamp, duration } of sink.canvases(begin, end)) {
      const until = Math.min(timestamp + (duration || 1 / this.rate), end);
      yield { canvas, at: Math.max(timestamp, begin) - begin, until: until - begin };
    }
  }

  /** Its first frame. @returns {Promise<HTMLCanvasElement>} rejected with {@link BadFilm} */
  async firstFrame() {
    const scale = Math.min(1, FRAME_SIDE / Math.max(this.width, this.height));
    const size = { width: Math.round(this.width * scale), height: Math.round(this.height * scale) };
    try {
      for await (const { canvas } of new CanvasSink(this.#video, { ...size, fit: 'fill' }).canvases(this.#start)) {
        return /** @type {HTMLCanvasElement} */ (canvas);
      }
    } catch (error) {
      console.warn(error);
    }
    throw new BadFilm('damaged');
  }

  /** @param {Container} container @param {{ width: number, height: number }} size @returns {Promise<Plan>} */
  async plan(container, size) {
    const format = formatOf(container);
    const [codec, sounds] = await Promise.all([
      codecFor(container, size),
      Promise.all(this.#audio.map((track) => soundOf(track, format, container))),
    ]);
    return { codec, sounds };
  }

  /**
   * Paints and writes it. When `signal` is aborted, what is done by then is finished as a whole file.
   * @param {Order} order
   * @param {AbortSignal} signal
   * @param {Listeners} listeners
   * @returns {Promise<Painted | undefined>} nothing where no frame was painted; `error` is what ended it before its end
   */
  async paint({ container, plan, width, height, from, to, file }, signal, { paint, gate, onFrame }) {
    // What is painted to its end keeps all of its sound, which may last longer.
    const [begin, end] = [this.#start + from, to >= this.duration - 1e-3 ? Infinity : this.#start + to];
    const grown = file && await growing(file);
    const target = grown?.target ?? new BufferTarget();
    const output = new Output({ format: formatOf(container), target });
    const pictures = new VideoSampleSource({ codec: /** @type {import('mediabunny').VideoCodec} */ (plan.codec), quality: QUALITY_VERY_HIGH });
    output.addVideoTrack(pictures);
    const sounds = plan.sounds.filter(({ how }) => how !== 'lost').map((sound) => new SoundWriter(sound, begin, end));
    let frames = 0;
    let seconds = 0;
    /** @type {unknown} */
    let failed;
    try {
      for (const sound of sounds) output.addAudioTrack(sound.source, await sound.about());
      await output.start();
      for await (const { canvas, at, until } of this.frames({ width, height }, from, end - this.#start)) {
        await gate();
        if (signal.aborted) break;
        const picture = await paint(canvas, at);
        try {
          const sample = new VideoSample(picture, { timestamp: at, duration: Math.max(until - at, 0) });
          try {
            await pictures.add(sample);
          } finally {
            sample.close();
          }
          frames++;
          seconds = until;
          onFrame(picture, { frames, seconds });
        } finally {
          picture.close();
        }
        for (const sound of sounds) await sound.until(seconds);
      }
      if (!signal.aborted && frames) for (const sound of sounds) await sound.until(end - begin);
    } catch (error) {
      if (!signal.aborted) failed = error;
    }
    try {
      if (!frames) {
        if (failed) throw failed;
        return undefined;
      }
      grown?.keep();
      await output.finalize();
      const { mimeType: type } = output.format;
      const blob = new Blob([target instanceof BufferTarget ? /** @type {ArrayBuffer} */ (target.buffer) : await /** @type {FileSystemFileHandle} */ (file).getFile()], { type });
      return { frames, seconds, blob, error: failed };
    } finally {
      for (const sound of sounds) await sound.end();
      if (output.state === 'pending' || output.state === 'started') await output.cancel().catch(() => {});
      await grown?.leave();
    }
  }

  dispose() {
    this.#input.dispose();
  }
}

/**
 * The same film, of which every player knows how long it is: recorders write a file from its beginning to its end.
 * @param {Blob} file
 * @param {Container} container
 */
export async function rewritten(file, container) {
  const input = new Input({ source: new BlobSource(file), formats: FORMATS });
  try {
    const target = new BufferTarget();
    const output = new Output({ format: formatOf(container), target });
    const tracks = [];
    for (const track of await input.getTracks()) {
      const codec = await track.getCodec();
      const video = track.isVideoTrack();
      if (!codec || !(video || track.isAudioTrack())) continue;
      const source = video ? new EncodedVideoPacketSource(/** @type {import('mediabunny').VideoCodec} */ (codec))
        : new EncodedAudioPacketSource(/** @type {import('mediabunny').AudioCodec} */ (codec));
      if (source instanceof EncodedVideoPacketSource) output.addVideoTrack(source);
      else output.addAudioTrack(source);
      const about = { decoderConfig: await /** @type {any} */ (track).getDecoderConfig() ?? undefined };
      tracks.push({ source, about, packets: new EncodedPacketSink(track).packets() });
    }
    const start = await input.getFirstTimestamp();
    await output.start();
    await Promise.all(tracks.map(async ({ source, about, packets }) => {
      for await (const packet of packets) await source.add(packet.clone({ timestamp: packet.timestamp - start }), about);
      source.close();
    }));
    await output.finalize();
    return new Blob([/** @type {ArrayBuffer} */ (target.buffer)], { type: output.format.mimeType });
  } finally {
    input.dispose();
  }
}

/**
 * What a film is written to while it grows. There is nothing in the file before the stream is closed, and an output that is
 * cancelled closes it as well: half a film must not come to look like a whole one.
 * @param {FileSystemFileHandle} file
 */
async function growing(file) {
  const writable = await file.createWritable();
  let whole = false;
  const stream = new WritableStream({
    write: (chunk) => writable.write(chunk),
    close: () => (whole ? writable.close() : writable.abort()),
  });
  return {
    target: new StreamTarget(stream, { chunked: true }),
    /** What is written by its end stays. */
    keep: () => { whole = true; },
    /** Lets go of what was not closed. */
    leave: () => writable.abort().catch(() => {}),
  };
}

/** The best codec that encodes a frame of this size here. @param {Container} container @param {{ width: number, height: number }} size */
async function codecFor(container, { width, height }) {
  for (const codec of CODECS[container]) {
    if (await canEncodeVideo(codec, { width, height, quality: QUALITY_VERY_HIGH }).catch(() => false)
      && await encodes(codec, container, width, height)) return codec;
  }
  return undefined;
}

/** Browsers say that they can encode what they cannot: one frame tells. @param {import('mediabunny').VideoCodec} codec @param {Container} container @param {number} width @param {number} height */
async function encodes(codec, container, width, height) {
  const output = new Output({ format: formatOf(container), target: new NullTarget() });
  const source = new VideoSampleSource({ codec, quality: QUALITY_VERY_HIGH });
  output.addVideoTrack(source);
  try {
    await output.start();
    const sheet = new OffscreenCanvas(width, height);
    sheet.getContext('2d')?.fillRect(0, 0, width, height);
    const sample = new VideoSample(sheet, { timestamp: 0, duration: 1 });
    try {
      await source.add(sample);
    } finally {
      sample.close();
    }
    await output.finalize();
    return true;
  } catch {
    await output.cancel().catch(() => {});
    return false;
  }
}

/** @param {import('mediabunny').InputAudioTrack} track @param {import('mediabunny').OutputFormat} format @param {Container} container @returns {Promise<Sound>} */
async function soundOf(track, format, container) {
  const codec = await track.getCodec();
  if (codec && format.getSupportedAudioCodecs().includes(codec) && await track.getDecoderConfig()) return { track, codec, how: 'copied' };
  if (codec && await track.canDecode()) {
    const own = { numberOfChannels: await track.getNumberOfChannels(), sampleRate: await track.getSampleRate() };
    for (const [stereo, shape] of /** @type {const} */ ([[false, own], [true, PLAIN]])) {
      const into = await getFirstEncodableAudioCodec(SOUNDS[container], { ...shape, quality: QUALITY_VERY_HIGH }).catch(() => null);
      if (into) return { track, codec, how: 'encoded', into, stereo };
    }
  }
  return { track, codec, how: 'lost' };
}

/** Writes a track's part beside the pictures, never far ahead of them. */
class SoundWriter {
  #sound;
  #begin;
  #end;
  /** @type {AsyncGenerator<() => Promise<number>> | undefined} */ #parts;
  #done = 0;

  /** @param {Sound} sound @param {number} begin @param {number} end */
  constructor(sound, begin, end) {
    this.#sound = sound;
    this.#begin = begin;
    this.#end = end;
    const { how, codec, into, stereo } = sound;
    this.source = how === 'copied' ? new EncodedAudioPacketSource(/** @type {import('mediabunny').AudioCodec} */ (codec))
      : new AudioSampleSource({
        codec: /** @type {import('mediabunny').AudioCodec} */ (into), quality: QUALITY_VERY_HIGH, ...(stereo ? { transform: PLAIN } : {}),
      });
  }

  async about() {
    return { languageCode: await this.#sound.track.getLanguageCode() };
  }

  /** Writes all that begins before. @param {number} seconds from the beginning of the part that is painted */
  async until(seconds) {
    this.#parts ??= this.source instanceof EncodedAudioPacketSource ? this.#copied(this.source) : this.#encoded(this.source);
    while (this.#done < seconds) {
      const { done, value: write } = await this.#parts.next();
      this.#done = done ? Infinity : await write();
      if (done) this.source.close(); // nothing waits for more of it
    }
  }

  /** Lets go of what it reads. */
  async end() {
    await this.#parts?.return(undefined);
  }

  /** @param {EncodedAudioPacketSource} source @returns {AsyncGenerator<() => Promise<number>>} each writes a part and says when it ends */
  async* #copied(source) {
    const { track } = this.#sound;
    const sink = new EncodedPacketSink(track);
    const config = { decoderConfig: await track.getDecoderConfig() ?? undefined };
    const first = await sink.getPacket(this.#begin) ?? await sink.getFirstPacket();
    if (!first) return;
    for await (const packet of sink.packets(first)) {
      // A packet is heard for some hundredths of a second: the one across the beginning belongs to what is before.
      const timestamp = packet.timestamp - this.#begin;
      if (timestamp < -1e-6) continue;
      if (packet.timestamp >= this.#end) return;
      yield async () => {
        await source.add(packet.clone({ timestamp: Math.max(timestamp, 0) }), config);
        return timestamp + packet.duration;
      };
    }
  }

  /** @param {AudioSampleSource} source @returns {AsyncGenerator<() => Promise<number>>} */
  async* #encoded(source) {
    for await (const whole of new AudioSampleSink(this.#sound.track).samples(this.#begin, this.#end)) {
      const { timestamp, duration, sampleRate, numberOfFrames } = whole;
      const first = Math.max(0, Math.round((this.#begin - timestamp) * sampleRate));
      const last = Math.min(numberOfFrames, Math.round((this.#end - timestamp) * sampleRate));
      if (first >= last) {
        whole.close();
        continue;
      }
      const part = first > 0 || last < numberOfFrames ? whole.trim(first, last) : whole;
      try {
        part.setTimestamp(Math.max(0, part.timestamp - this.#begin));
        yield async () => {
          await source.add(part);
          return timestamp + duration - this.#begin;
        };
      } finally {
        part.close();
        if (part !== whole) whole.close();
      }
    }
  }
}
