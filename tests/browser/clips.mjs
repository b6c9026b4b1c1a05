// Film clips for the tests, made and read back in the browser, which has the codecs.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { folder, onBlank, root } from './visit.mjs';

const library = join(root, 'node_modules/mediabunny/dist/bundles/mediabunny.min.mjs');

/** Runs `use` on a page that has the library as `window.media`. */
async function withMedia(use) {
  await onBlank({}, async (page) => {
    const source = await readFile(library, 'utf8');
    await page.route(`${page.site}test/media.mjs`, (route) => route.fulfill({ contentType: 'text/javascript', body: source }));
    await page.evaluate(async (site) => { window.media = await import(`${site}test/media.mjs`); }, page.site);
    await use(page);
  });
}

const bytesOf = (base64) => Buffer.from(base64, 'base64');

/**
 * Makes a clip of ten frames, a bar moving to the right over a bright upper and a dark lower half.
 * @param {string} name of the file
 * @param {object} [how]
 * @param {'mp4' | 'webm' | 'mov'} [how.container]
 * @param {string | null} [how.codec] of the pictures
 * @param {string | null} [how.sound] its codec
 * @param {number[]} [how.times] when each frame begins, and the last one ends, in seconds
 * @param {number} [how.rotation] that players are told to turn it by
 * @param {[number, number]} [how.pixel] shape of a pixel
 */
export async function clip(name, how = {}) {
  const file = join(folder, name);
  await withMedia(async (page) => {
    const base64 = await page.evaluate(async ({
      container = 'mp4', codec = container === 'webm' ? 'vp8' : 'avc', sound = null, width = 64, height = 48,
      times = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], rotation = 0, pixel = [1, 1],
    }) => {
      const { AudioSample, AudioSampleSource, BufferTarget, MovOutputFormat, Mp4OutputFormat, Output, QUALITY_HIGH, VideoSample, VideoSampleSource, WebMOutputFormat } = window.media;
      const format = { mp4: new Mp4OutputFormat(), webm: new WebMOutputFormat(), mov: new MovOutputFormat() }[container];
      const output = new Output({ format, target: new BufferTarget() });
      const pictures = codec && new VideoSampleSource({ codec, quality: QUALITY_HIGH });
      const tones = sound && new AudioSampleSource({ codec: sound, quality: QUALITY_HIGH });
      if (pictures) output.addVideoTrack(pictures, { rotation });
      if (tones) output.addAudioTrack(tones);
      await output.start();
      const sheet = new OffscreenCanvas(width, height);
      const context = sheet.getContext('2d');
      const shape = { displayWidth: width * pixel[0], displayHeight: height * pixel[1] };
      const end = times.at(-1);
      if (pictures) for (const [i, timestamp] of times.slice(0, -1).entries()) {
        context.fillStyle = '#e8e0d0';
        context.fillRect(0, 0, width, height / 2);
        context.fillStyle = '#302010';
        context.fillRect(0, height / 2, width, height / 2);
        context.fillStyle = '#c03020';
        context.fillRect((i * (width - 8)) / 10, 0, 8, height);
        const frame = new VideoFrame(sheet, { timestamp: Math.round(timestamp * 1e6), duration: Math.round((times[i + 1] - timestamp) * 1e6), ...shape });
        const sample = new VideoSample(frame, { timestamp, duration: times[i + 1] - timestamp });
        await pictures.add(sample);
        sample.close();
      }
      if (tones) {
        const data = new Float32Array(Math.round(48000 * end)).map((_, i) => 0.4 * Math.sin((i * 2 * Math.PI * 440) / 48000));
        const sample = new AudioSample({ data, format: 'f32', numberOfChannels: 1, sampleRate: 48000, timestamp: 0 });
        await tones.add(sample);
        sample.close();
      }
      await output.finalize();
      return new Uint8Array(output.target.buffer).toBase64?.() ?? btoa(Array.from(new Uint8Array(output.target.buffer), (byte) => String.fromCharCode(byte)).join(''));
    }, how);
    await writeFile(file, bytesOf(base64));
  });
  return file;
}

/**
 * What is in a film.
 * @param {string} file
 */
export async function read(file) {
  let found;
  await withMedia(async (page) => {
    const base64 = (await readFile(file)).toString('base64');
    found = await page.evaluate(async (text) => {
      const { ALL_FORMATS, BlobSource, CanvasSink, EncodedPacketSink, Input } = window.media;
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const input = new Input({ source: new BlobSource(new Blob([bytes])), formats: ALL_FORMATS });
      const video = await input.getPrimaryVideoTrack();
      const frames = [];
      const at = (context, x, y) => [...context.getImageData(Math.floor(x * context.canvas.width), Math.floor(y * context.canvas.height), 1, 1).data.slice(0, 3)];
      for await (const { canvas, timestamp, duration } of new CanvasSink(video).canvases()) {
        const context = canvas.getContext('2d');
        // Beside the bar, at the quarters of a cross.
        frames.push({ timestamp, duration, up: at(context, 0.5, 0.2), down: at(context, 0.5, 0.8), left: at(context, 0.2, 0.5), right: at(context, 0.8, 0.5), middle: at(context, 0.5, 0.3) });
      }
      const digest = async (data) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))].slice(0, 8).join('.');
      const sounds = [];
      for (const track of await input.getAudioTracks()) {
        const packets = [];
        for await (const { timestamp, duration, data } of new EncodedPacketSink(track).packets()) packets.push({ timestamp, duration, data: await digest(data) });
        sounds.push({ codec: await track.getCodec(), packets, end: await track.computeDuration() });
      }
      return {
        format: (await input.getFormat()).name, codec: await video.getCodec(), rotation: await video.getRotation(),
        width: await video.getDisplayWidth(), height: await video.getDisplayHeight(), end: await video.computeDuration(), frames, sounds,
      };
    }, base64);
  });
  return found;
}
