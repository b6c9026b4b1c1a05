// Films: what goes in and what comes out, and what is said of what does not work.

import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { clip, read } from './clips.mjs';
import { files, folder, give, kept, onBlank, onPage, painted, patched, pick, slide, withStylizer } from './visit.mjs';

const AT_64 = '?engine=cpu&size=64';
const VARIED = [0, 0.1, 0.2, 0.35, 0.4, 0.75, 0.8, 0.85, 1, 1.2, 1.5];

/** Gives the page a film, and waits until it can be painted. */
async function giveFilm(page, file) {
  await give(page, { photo: file });
  await page.waitForSelector('#paint-film:enabled');
}

const done = (page) => page.waitForSelector('#film-save:not([hidden])');

/** Saves the film that is painted. */
async function saveFilm(page, name) {
  const [event] = await Promise.all([page.waitForEvent('download'), page.click('#film-save')]);
  const file = join(folder, name);
  await event.saveAs(file);
  return { suggested: event.suggestedFilename(), film: await read(file) };
}

/** Paints the film on the stage to its end. */
async function paintFilm(page, name) {
  await page.click('#paint-film');
  await done(page);
  return saveFilm(page, name);
}

const near = (is, be, by = 0.002) => Math.abs(is - be) <= by;

/** Every frame is shown when the film's was. */
function assertTimes({ format, frames }, times, by) {
  assert.equal(frames.length, times.length - 1);
  for (const [i, { timestamp }] of frames.entries()) {
    assert.ok(near(timestamp, times[i], by), `frame ${i} is shown at ${timestamp}, not at ${times[i]}`);
  }
  const last = frames.at(-1);
  // A WebM does not say how long its last frame is.
  assert.ok(near(last.timestamp + last.duration, times.at(format === 'WebM' ? -2 : -1), 0.05), `it ends at ${last.timestamp + last.duration}`);
}

test('an MP4 of a variable rate keeps every frame, its times and its sound', async () => {
  const file = await clip('varied.mp4', { sound: 'opus', times: VARIED });
  const before = await read(file);
  await onPage({ query: AT_64 }, async (page, requests) => {
    const libraries = () => requests.filter((url) => url.includes('film-file'));
    assert.deepEqual(libraries(), [], 'loaded before there is a film');
    await giveFilm(page, file);
    assert.equal(libraries().length, 1);
    assert.equal(await page.textContent('#film-sound'), 'The sound stays as it is.');
    assert.match(await page.textContent('#film-about'), /^64 × 48, 0:01\.5, /);
    const { suggested, film } = await paintFilm(page, 'varied-out.mp4');
    assert.equal(suggested, 'varied-in-starry-impasto.mp4');
    assert.equal(film.format, 'MP4');
    assert.equal(film.codec, 'avc');
    assert.deepEqual([film.width, film.height], [64, 48]);
    assertTimes(film, VARIED);
    assert.deepEqual(film.sounds.map(({ codec }) => codec), ['opus']);
    assert.deepEqual(film.sounds[0].packets.map(({ data }) => data), before.sounds[0].packets.map(({ data }) => data), 'the sound is another');
    // It is painted: nothing of it has the photo's colours.
    const [frame] = film.frames;
    assert.ok(Math.abs(frame.up[0] - before.frames[0].up[0]) + Math.abs(frame.up[2] - before.frames[0].up[2]) > 30, `${frame.up}`);
    // And it plays in the stage's place.
    const video = await page.$eval('#film-video', ({ hidden, duration, videoWidth }) => ({ hidden, duration, videoWidth }));
    assert.deepEqual([video.hidden, video.videoWidth], [false, 64]);
    assert.ok(near(video.duration, 1.5, 0.05), `it plays for ${video.duration} s`);
    assert.match(await page.textContent('#status'), /^Painted 10 frames\.$/);
  });
});

test('the beginning of a painted film as a GIF that repeats, and a frame of it as a picture', async () => {
  const times = [0, 0.1, 0.13, 0.16, 0.2, 0.5, 0.6, 0.7, 0.8, 1, 7];
  const file = await clip('long.mp4', { times });
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    assert.equal(await page.isVisible('#film-loop'), false, 'before there is a painted one');
    await page.click('#paint-film');
    await done(page);
    const [loop] = await Promise.all([page.waitForEvent('download'), page.click('#film-loop')]);
    assert.equal(loop.suggestedFilename(), 'long-in-starry-impasto.gif');
    const saved = join(folder, 'long.gif');
    await loop.saveAs(saved);
    assert.match(await page.textContent('#status'), /^Saved as a GIF of [\d.]+ MB\.$/);
    const found = await page.evaluate(async (bytes) => {
      const decoder = new ImageDecoder({ data: new Uint8Array(bytes), type: 'image/gif' });
      await decoder.tracks.ready;
      const { frameCount, repetitionCount } = decoder.tracks.selectedTrack;
      const frames = [];
      for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
        const { image } = await decoder.decode({ frameIndex });
        frames.push({ width: image.displayWidth, height: image.displayHeight, at: image.timestamp / 1e6, long: image.duration / 1e6 });
        image.close();
      }
      return { repetitionCount, frames };
    }, [...await readFile(saved)]);
    assert.equal(found.repetitionCount, Infinity, 'it does not repeat for ever');
    // What is shown for less than 80 milliseconds is left out.
    assert.deepEqual(found.frames.map(({ at }) => at), [0, 0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 1]);
    assert.equal(found.frames.at(-1).long, 5, 'it ends after six seconds');
    assert.deepEqual([found.frames[0].width, found.frames[0].height], [64, 48]);

    await page.$eval('#film-video', async (video) => {
      video.pause();
      video.currentTime = 0.55;
      await new Promise((seen) => video.addEventListener('seeked', seen, { once: true }));
    });
    const [frame] = await Promise.all([page.waitForEvent('download'), page.click('#film-frame')]);
    assert.match(frame.suggestedFilename(), /^long-in-starry-impasto-at-0\.[56]s\.png$/);
    await page.click('#film-show');
    assert.equal(await page.isVisible('#film-frame'), false, 'where the first frame is shown, which is a photo');
  });
});

test('a WebM stays one, and a sound that fits it is copied', async () => {
  const file = await clip('plain.webm', { container: 'webm', sound: 'opus' });
  const before = await read(file);
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    await pick(page, 'film-format', 'webm');
    await page.waitForSelector('#paint-film:enabled');
    const { suggested, film } = await paintFilm(page, 'plain-out.webm');
    assert.equal(suggested, 'plain-in-starry-impasto.webm');
    assert.equal(film.format, 'WebM');
    assertTimes(film, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    assert.deepEqual(film.sounds[0].packets.map(({ data }) => data), before.sounds[0].packets.map(({ data }) => data));
  });
});

test('a sound that does not fit is encoded anew, which is said before', async () => {
  const file = await clip('pcm.mov', { container: 'mov', sound: 'pcm-s16' });
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    await pick(page, 'film-format', 'webm');
    await page.waitForFunction(() => /encoded anew \(Opus\)/.test(document.getElementById('film-sound').textContent));
    await page.waitForSelector('#paint-film:enabled');
    const { film } = await paintFilm(page, 'pcm-out.webm');
    assert.deepEqual(film.sounds.map(({ codec }) => codec), ['opus']);
    assert.ok(near(film.sounds[0].end, 1, 0.05), `it sounds for ${film.sounds[0].end} s`);
    assert.equal(film.frames.length, 10);
  });
});

test('a sound that cannot be kept is told of before', async () => {
  const file = await clip('lost.mov', { container: 'mov', sound: 'pcm-s16' });
  const prepare = (page) => page.addInitScript(() => { delete window.AudioEncoder; });
  await onPage({ query: AT_64, prepare }, async (page) => {
    await giveFilm(page, file);
    await pick(page, 'film-format', 'webm');
    await page.waitForSelector('#film-sound.warning');
    assert.match(await page.textContent('#film-sound'), /cannot be kept in this format here \(PCM-S16\)/);
    await page.waitForSelector('#paint-film:enabled');
    const { film } = await paintFilm(page, 'lost-out.webm');
    assert.deepEqual(film.sounds, []);
    assert.equal(film.frames.length, 10);
  });
});

test('what is turned comes out upright, and pixels that are not square become so', async () => {
  const turned = await clip('turned.mp4', { rotation: 90 });
  const wide = await clip('wide.webm', { container: 'webm', pixel: [2, 1] });
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, turned);
    // The painting of strength 0 is the photo.
    await slide(page, '#strength', 0);
    const { film } = await paintFilm(page, 'turned-out.mp4');
    assert.deepEqual([film.width, film.height, film.rotation], [48, 64, 0]);
    // What was above is now on the right.
    const { left, right } = film.frames[9];
    assert.ok(right[0] > 180 && left[0] < 90, `left ${left}, right ${right}`);
    await page.setInputFiles('#another-file', wide);
    await page.waitForFunction(() => /^128 × 48/.test(document.getElementById('film-about').textContent));
    await page.waitForSelector('#paint-film:enabled');
    const { film: square } = await paintFilm(page, 'wide-out.mp4');
    assert.deepEqual([square.width, square.height], [64, 24]);
    const { up, down } = square.frames[0];
    assert.ok(up[0] > 180 && down[0] < 90, `up ${up}, down ${down}`);
  });
});

test('a part of a film without sound', async () => {
  const file = await clip('silent.mp4');
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    assert.equal(await page.textContent('#film-sound'), 'This film has no sound.');
    await slide(page, '#film-from', 0.3);
    await slide(page, '#film-to', 0.72);
    assert.match(await page.textContent('#film-hint'), /^4 frames/);
    const { film } = await paintFilm(page, 'silent-out.mp4');
    // The frame that is shown at its end is cut there.
    assertTimes(film, [0, 0.1, 0.2, 0.3, 0.4, 0.42]);
    assert.deepEqual(film.sounds, []);
  });
});

/** An engine that takes its time for a frame. */
const SLOWLY = patched('cpu', `
  const { frame } = Engine.prototype;
  Engine.prototype.frame = async function (...all) {
    await new Promise((done) => setTimeout(done, 150));
    return frame.apply(this, all);
  };`);
const count = (page) => page.$eval('#film-words', ({ textContent }) => Number(/^(\d+) frame/.exec(textContent)?.[1] ?? /after (\d+) frame/.exec(textContent)?.[1] ?? 0));
const counted = (page, n) => page.waitForFunction((least) => Number(/(\d+) frame/.exec(document.getElementById('film-words').textContent)?.[1]) >= least, n);

test('it pauses, goes on, and stops with a whole file of what is done', async () => {
  const file = await clip('stopped.mp4', { sound: 'opus' });
  await onPage({ query: AT_64, prepare: SLOWLY }, async (page) => {
    await giveFilm(page, file);
    await page.click('#paint-film');
    await counted(page, 2);
    assert.match(await page.textContent('#film-words'), /^\d+ frames painted, [\d.]+ a second, about \d+ s left$/);
    await page.click('#film-pause');
    assert.equal(await page.textContent('#film-pause'), 'Go on');
    await page.waitForTimeout(400); // the frame that it is at
    const paused = await count(page);
    await page.waitForTimeout(700);
    assert.equal(await count(page), paused, 'it went on');
    await page.click('#film-pause');
    await counted(page, paused + 2);
    await page.click('#film-stop');
    await done(page);
    assert.match(await page.textContent('#status'), /^Stopped after \d+ frames\. What is done is a whole film\.$/);
    const { film } = await saveFilm(page, 'stopped-out.mp4');
    assert.ok(film.frames.length >= paused + 2 && film.frames.length < 10, `${film.frames.length} frames`);
    assert.ok(near(film.end, film.frames.length / 10), `it ends at ${film.end}`);
    assert.ok(near(film.sounds[0].end, film.end, 0.03), `it sounds until ${film.sounds[0].end}`);
  });
});

test('one can leave only when it is saved, and a film that is removed while it is painted is forgotten', async () => {
  const file = await clip('left.mp4');
  await onPage({ query: AT_64, prepare: SLOWLY }, async (page) => {
    const warns = () => page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
    await giveFilm(page, file);
    await kept(page);
    await page.click('#paint-film');
    await counted(page, 1);
    assert.equal(await warns(), true, 'while it is painted');
    assert.equal(await page.locator('#paint-film').isEnabled(), false);
    await done(page);
    assert.equal(await warns(), true, 'while it is not saved');
    await saveFilm(page, 'left-out.mp4');
    await kept(page);
    await page.click('#paint-film');
    await counted(page, 1);
    await page.hover('#photos .tile');
    await page.click('#photos .remove');
    await page.waitForFunction(() => document.getElementById('film-bar').hidden);
    // Nothing of it is left, not even the file that it was written to.
    await page.waitForFunction(async () => {
      const root = await navigator.storage.getDirectory();
      const films = await root.getDirectoryHandle('impasto-films');
      for await (const name of films.keys()) return !name;
      return true;
    });
    await give(page, { photo: files.smallPhoto });
    assert.equal(await page.locator('#film').isVisible(), false);
  });
});

test('styles are tried on its first frame, and a new look leaves the film that was painted', async () => {
  const file = await clip('looks.mp4');
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    await page.click('#paint-film');
    await done(page);
    assert.equal(await page.locator('#film-video').isVisible(), true);
    await page.click('.pick[data-style=blue-town]');
    await painted(page);
    assert.equal(await page.locator('#film-video').isVisible(), false);
    await page.click('#film-show');
    assert.equal(await page.locator('#film-video').isVisible(), true);
    const { suggested } = await paintFilm(page, 'looks-out.mp4');
    assert.equal(suggested, 'looks-in-blue-town.mp4');
    await page.click('#film-show');
    await painted(page);
    assert.equal(await page.locator('#film-video').isVisible(), false);
  });
});

test('a region stays where it is in every frame', async () => {
  const file = await clip('masked.mp4');
  const before = await read(file);
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    await page.click('#add-region');
    await page.selectOption('#region-style', '');
    await slide(page, '#region-brush', 60);
    await slide(page, '#region-soft', 0);
    await page.focus('#mask');
    await page.keyboard.press('Space');
    await page.click('#region-done');
    await painted(page);
    await slide(page, '#film-steadiness', 0); // nothing of the bar is left where it was
    const { film } = await paintFilm(page, 'masked-out.mp4');
    for (const [i, { middle }] of film.frames.entries()) {
      if ([4, 5, 6].includes(i)) continue; // the bar is there
      const apart = middle.reduce((sum, level, j) => sum + Math.abs(level - before.frames[i].middle[j]), 0);
      assert.ok(apart < 45, `frame ${i}: ${middle} is not the film's ${before.frames[i].middle}`);
    }
  });
});

test('a film comes back after a reload, and batches leave it out', async () => {
  const file = await clip('back.mp4');
  await onPage({ query: AT_64 }, async (page) => {
    await giveFilm(page, file);
    await give(page, { photo: files.smallPhoto });
    assert.equal(await page.locator('#batch').isVisible(), false);
    assert.equal(await page.locator('#film').isVisible(), false);
    await page.click('#photos .pick >> nth=0');
    await painted(page);
    await kept(page);
    await page.reload();
    await painted(page);
    await page.waitForSelector('#paint-film:enabled');
    const { film } = await paintFilm(page, 'back-out.mp4');
    assert.equal(film.frames.length, 10);
  });
});

test('what cannot be read is named', async () => {
  const whole = await readFile(await clip('whole.webm', { container: 'webm' }));
  const damaged = join(folder, 'damaged.webm');
  // The head says what is in it, but the pictures are noise.
  await writeFile(damaged, Buffer.concat([whole.subarray(0, Math.floor(whole.length * 0.4)), Buffer.alloc(2000, 7)]));
  const short = join(folder, 'short.mp4');
  await writeFile(short, (await readFile(await clip('whole.mp4'))).subarray(0, 300));
  const none = join(folder, 'notes.mp4');
  await writeFile(none, 'Not a film.\n');
  const empty = join(folder, 'nothing.mp4');
  await writeFile(empty, '');
  const sound = await clip('sound.mp4', { codec: null, sound: 'opus' });
  await onPage({ query: AT_64, mayComplain: true }, async (page) => {
    for (const [file, words] of [
      [none, '“notes.mp4” is no film that can be read here. MP4, MOV, WebM and MKV work.'],
      [empty, '“nothing.mp4” is no film that can be read here. MP4, MOV, WebM and MKV work.'],
      [sound, '“sound.mp4” has no pictures in it, only sound.'],
      [short, /^“short\.mp4” is (damaged|no film)/],
    ]) {
      await page.setInputFiles('#photo-file', file);
      await page.waitForSelector('#error:not([hidden])');
      const said = await page.textContent('#error');
      if (typeof words === 'string') assert.equal(said, words);
      else assert.match(said, words);
      assert.equal(await page.locator('#sheet').isVisible(), false);
    }
    // Of one that breaks off there is what came before.
    await giveFilm(page, damaged);
    await page.click('#paint-film');
    await done(page);
    const { film } = await saveFilm(page, 'damaged-out.mp4');
    assert.ok(film.frames.length >= 1 && film.frames.length < 10, `${film.frames.length} frames`);
  });
});

test('what this browser can neither decode nor encode is said', async () => {
  const file = await clip('codec.mp4');
  const undecodable = (page) => page.addInitScript(() => { VideoDecoder.isConfigSupported = async (config) => ({ supported: false, config }); });
  await onPage({ query: AT_64, prepare: undecodable }, async (page) => {
    await page.setInputFiles('#photo-file', file);
    await page.waitForSelector('#error:not([hidden])');
    assert.match(await page.textContent('#error'), /^This browser cannot decode “codec\.mp4” \(AVC\)\./);
  });
  // It says that it encodes H.264, and does not.
  const lying = (page) => page.addInitScript(() => {
    const { configure } = VideoEncoder.prototype;
    VideoEncoder.prototype.configure = function (config) {
      if (config.codec.startsWith('avc')) throw new DOMException('no such encoder', 'NotSupportedError');
      return configure.call(this, config);
    };
  });
  await onPage({ query: AT_64, prepare: lying, mayComplain: true }, async (page) => {
    await giveFilm(page, file);
    const { film } = await paintFilm(page, 'codec-out.mp4');
    assert.equal(film.codec, 'vp9');
    assert.equal(film.frames.length, 10);
  });
  const none = (page) => page.addInitScript(() => { delete window.VideoEncoder; });
  await onPage({ query: AT_64, prepare: none, mayComplain: true }, async (page) => {
    await give(page, { photo: file });
    await page.waitForSelector('#film-sound.warning');
    assert.match(await page.textContent('#film-sound'), /^This browser cannot write films\./);
    assert.equal(await page.locator('#paint-film').isEnabled(), false);
  });
});

test('without a file system of its own, the film is kept in memory', async () => {
  const file = await clip('memory.mp4');
  const prepare = (page) => page.addInitScript(() => { delete FileSystemFileHandle.prototype.createWritable; });
  await onPage({ query: AT_64, prepare }, async (page) => {
    await giveFilm(page, file);
    const { film } = await paintFilm(page, 'memory-out.mp4');
    assert.equal(film.frames.length, 10);
    assert.ok((await stat(join(folder, 'memory-out.mp4'))).size > 500);
  });
});

/** A visitor who chooses a file of the browser's own system, of the name that is suggested. */
const CHOOSES = (page) => page.addInitScript(() => {
  window.asked = [];
  window.showSaveFilePicker = async (how) => {
    window.asked.push({ ...how, fresh: navigator.userActivation.isActive });
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(how.suggestedName, { create: true });
    await (await file.createWritable()).close(); // a file that is chosen is emptied
    return file;
  };
});

/** The files that were chosen, as bytes, by name. */
const chosenFiles = (page) => page.evaluate(async () => {
  const found = {};
  for await (const [name, handle] of (await navigator.storage.getDirectory()).entries()) {
    if (handle.kind === 'file') found[name] = [...new Uint8Array(await (await handle.getFile()).arrayBuffer())];
  }
  return found;
});

/** The film in a chosen file. */
async function readChosen(page, name, as) {
  const file = join(folder, as);
  await writeFile(file, Buffer.from((await chosenFiles(page))[name] ?? []));
  return read(file);
}

const ended = (page) => page.waitForSelector('#film-show:not([hidden])');

test('into a file that is chosen before: nothing is in it before it is whole, and nothing is left to be saved', async () => {
  const file = await clip('into.mp4', { sound: 'opus' });
  await onPage({ query: AT_64, prepare: async (page) => { await SLOWLY(page); await CHOOSES(page); } }, async (page) => {
    const warns = () => page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
    await giveFilm(page, file);
    await kept(page);
    await page.click('#paint-film-into');
    await counted(page, 2);
    const name = 'into-in-starry-impasto.mp4';
    const asked = await page.evaluate(() => window.asked);
    assert.deepEqual(asked, [{
      suggestedName: name, startIn: 'videos', excludeAcceptAllOption: true, types: [{ accept: { 'video/mp4': ['.mp4'] } }], fresh: true,
    }]);
    assert.deepEqual((await chosenFiles(page))[name], [], 'half a film'); // the browser has it beside that, under another name
    assert.equal(await warns(), true, 'while it is painted');
    await ended(page);
    assert.match(await page.textContent('#film-words'), /^Saved as “into-in-starry-impasto\.mp4”: 0:01\.0, 0\.\d+ MB$/);
    assert.equal(await page.isVisible('#film-save'), false, 'it is saved');
    assert.equal(await warns(), false, 'it is saved');
    assert.deepEqual(Object.keys(await chosenFiles(page)), [name]);
    const film = await readChosen(page, name, 'into-out.mp4');
    assertTimes(film, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    assert.deepEqual(film.sounds.map(({ codec }) => codec), ['opus']);
    assert.equal(await page.$eval('#film-video', ({ hidden, videoWidth }) => hidden ? 0 : videoWidth), 64, 'it does not play');

    // Once more into the same file, of which the painting before is gone: what is done by a stop is a whole film.
    await page.click('#paint-film-into');
    await counted(page, 3);
    await page.click('#film-stop');
    await ended(page);
    assert.match(await page.textContent('#film-words'), /^The painted part is saved as “into-in-starry-impasto\.mp4”: /);
    assert.match(await page.textContent('#status'), /^Stopped after \d+ frames\. What is done is a whole film\.$/);
    const part = await readChosen(page, name, 'into-part.mp4');
    assert.ok(part.frames.length >= 3 && part.frames.length < 10, `${part.frames.length} frames`);
    assert.ok(near(part.sounds[0].end, part.end, 0.03), `it sounds until ${part.sounds[0].end}`);

    // And where the film leaves the page while it is painted, the file goes.
    await page.click('#paint-film-into');
    await counted(page, 1);
    await page.hover('#photos .tile');
    await page.click('#photos .remove');
    await page.waitForFunction(() => document.getElementById('film-bar').hidden);
    assert.deepEqual(await chosenFiles(page), {});
  });
});

test('nothing is painted where no file is chosen, and no file stays where none can be written', async () => {
  const file = await clip('nowhere.mp4');
  const prepare = async (page) => {
    await CHOOSES(page);
    await page.addInitScript(() => {
      const { showSaveFilePicker } = window;
      window.showSaveFilePicker = async (how) => {
        if (window.answer) throw new DOMException('no', window.answer);
        return showSaveFilePicker(how);
      };
      const { write } = FileSystemWritableFileStream.prototype;
      FileSystemWritableFileStream.prototype.write = function (...all) {
        return window.full ? Promise.reject(new DOMException('the disk is full', 'QuotaExceededError')) : write.apply(this, all);
      };
    });
  };
  await onPage({ query: AT_64, prepare, mayComplain: true }, async (page) => {
    await giveFilm(page, file);
    const click = async (what) => {
      await page.evaluate((state) => Object.assign(window, state), what);
      await page.click('#paint-film-into');
    };
    await click({ answer: 'AbortError' });
    await page.waitForTimeout(300);
    assert.equal(await page.isVisible('#film-error'), false);
    assert.equal(await page.isVisible('#film-bar'), false, 'it is painted all the same');
    await click({ answer: 'SecurityError' });
    await page.waitForSelector('#film-error:not([hidden])');
    assert.equal(await page.textContent('#film-error'), 'The film cannot go into that file (no). Choose another one, or paint it without and save it then.');
    assert.equal(await page.isVisible('#film-bar'), false);
    assert.deepEqual(await chosenFiles(page), {});
    await click({ answer: '', full: true });
    await page.waitForFunction(() => /disk is full/.test(document.getElementById('film-error').textContent));
    await page.waitForSelector('#paint-film-into:enabled');
    assert.equal(await page.isVisible('#film-bar'), false);
    assert.deepEqual(await chosenFiles(page), {}, 'a film that is none');
    // Then it is painted as ever.
    await page.evaluate(() => { window.full = false; });
    const { film } = await paintFilm(page, 'nowhere-out.mp4');
    assert.equal(film.frames.length, 10);
  });
  const prepareOther = (page) => page.addInitScript(() => { delete window.showSaveFilePicker; });
  await onPage({ query: AT_64, prepare: prepareOther }, async (page) => {
    await giveFilm(page, file);
    assert.equal(await page.isVisible('#paint-film-into'), false, 'this browser has no such files');
  });
});

test('Stylizer.film(): frames of any kind, in their size, and a look of its own', async () => {
  await onBlank({}, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      const s = await Stylizer.load({ engine: 'cpu' });
      const style = await s.encodeStyle(await get('style.png'));
      const bitmap = await createImageBitmap(await get('photo.png'));
      const sheet = new OffscreenCanvas(bitmap.width, bitmap.height);
      sheet.getContext('2d').drawImage(bitmap, 0, 0);
      const frame = new VideoFrame(sheet, { timestamp: 0 });
      const film = s.film([{ style }], { size: 64, strength: 0 });
      const sizes = [];
      for (const [i, one] of [bitmap, sheet, frame].entries()) {
        const picture = await film.paint(one, i);
        sizes.push([picture.width, picture.height]);
        picture.close();
      }
      const open = frame.format !== null; // it stays its owner's
      frame.close();
      const pixel = async (now) => {
        const picture = await now.paint(bitmap, 9);
        const context = new OffscreenCanvas(64, 48).getContext('2d');
        context.drawImage(picture, 0, 0);
        return [...context.getImageData(32, 5, 1, 1).data].slice(0, 3);
      };
      const refused = async (ask) => { try { await ask(); return 'nothing'; } catch (error) { return error.name; } };
      const photo = await pixel(film);
      const abort = AbortSignal.abort();
      film.close();
      const painted = s.film([{ style }], { size: 64 });
      return {
        sizes, open, photo, painted: await pixel(painted),
        closed: await refused(() => film.paint(bitmap, 10)),
        aborted: await refused(() => painted.paint(bitmap, 10, { signal: abort })),
        noSeconds: await refused(() => painted.paint(bitmap, NaN)),
        unsteady: await refused(() => s.film([{ style }], { steadiness: 2 })),
        noStyle: await refused(() => s.film([], {})),
      };
    });
    assert.deepEqual(found.sizes, [[64, 48], [64, 48], [64, 48]]);
    assert.equal(found.open, true);
    assert.ok(found.photo[2] > found.photo[0], `the sky is blue: ${found.photo}`);
    assert.notDeepEqual(found.photo, found.painted);
    assert.deepEqual([found.closed, found.aborted, found.noSeconds, found.unsteady, found.noStyle],
      ['TypeError', 'AbortError', 'RangeError', 'RangeError', 'RangeError']);
  });
});

test('Stylizer.film(): an engine that crashes is started again, and the film goes on', async () => {
  const prepare = patched('cpu', `
    const { frame } = Engine.prototype;
    Engine.prototype.frame = async function (...all) {
      if (all.at(-1) === 2 && !(await caches.has('crashed'))) {
        await caches.open('crashed');
        setTimeout(() => { throw new Error('unreachable'); });
        return new Promise(() => {});
      }
      return frame.apply(this, all);
    };`);
  await onBlank({ prepare, mayComplain: true }, async (page) => {
    const found = await withStylizer(page, async ({ Stylizer, get }) => {
      let engines = 0;
      const s = await Stylizer.load({ engine: 'cpu', onEngine: () => engines++ });
      const style = await s.encodeStyle(await get('style.png'));
      const bitmap = await createImageBitmap(await get('photo.png'));
      const mask = new ImageData(4, 4);
      mask.data.fill(255, 0, 32);
      const film = s.film([{ style }, { style: null, mask }], { size: 64 });
      const widths = [];
      for (const seconds of [0, 1, 2, 3, 4]) widths.push((await film.paint(bitmap, seconds)).width);
      // A frame that nobody waits for any more ends neither the film nor the engine.
      const abort = new AbortController();
      const dropped = film.paint(bitmap, 5, { signal: abort.signal }).catch((error) => error.name);
      abort.abort();
      const after = (await film.paint(bitmap, 6)).width;
      return { widths, engines, dropped: await dropped, after };
    });
    assert.deepEqual(found, { widths: [64, 64, 64, 64, 64], engines: 2, dropped: 'AbortError', after: 64 });
  });
});

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

for (const [colorScheme, locale, viewport] of [
  ['light', 'en-US', { width: 1440, height: 900 }],
  ['dark', 'zh-CN', { width: 768, height: 1024 }],
  ['light', 'zh-CN', { width: 360, height: 740 }],
]) {
  test(`films: axe-core finds nothing, and all fits: ${colorScheme}, ${locale}, ${viewport.width} pixels wide`, async () => {
    const file = await clip('looked-at.mp4', { sound: 'opus' });
    await onPage({ query: AT_64, prepare: SLOWLY, context: { colorScheme, locale, viewport, reducedMotion: 'reduce' } }, async (page) => {
      const check = async (where) => {
        const out = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(out <= 0, `${where}: ${out} pixels too wide`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`), [], where);
      };
      await giveFilm(page, file);
      await check('a film');
      await page.click('#paint-film');
      await page.waitForFunction(() => /\d/.test(document.getElementById('film-words').textContent));
      await check('while it is painted');
      await done(page);
      await check('the painted film');
    });
  });
}
