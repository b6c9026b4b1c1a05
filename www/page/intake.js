// What comes in: photos, films and style pictures, from wherever.

import { $, bring, make, showList } from './dom.js';
import { takePhoto } from './camera.js';
import { firstFrameOf, isFilm } from './film.js';
import { readsTrue } from './honest.js';
import { isLookFile } from './look-file.js';
import { openLookFile, pressStyle, sayUnlessKept } from './looks.js';
import { dropNotices } from './notices.js';
import { showPhoto } from './photos.js';
import { check } from './pictures.js';
import { stem } from './save.js';
import { store } from './store.js';
import { addOwn } from './styles.js';
import { complain, complainOf } from './telling.js';
import { inLanguage, words } from './words.js';
import { tunedStyle } from '../tuned.js';

/** @typedef {import('./strips.js').Photo} Photo */

/** What comes in waits until the last visit is back. @type {() => void} */
let open;
const opened = new Promise((done) => { open = () => done(undefined); });
/** When the page's own styles are there. @type {Promise<void>} */
let stylesThere;

/** The last visit is back. @param {Promise<void>} bundled when the page's own styles are there */
export function beginIntake(bundled) {
  stylesThere = bundled;
  open();
}

/**
 * @param {File[]} files
 * @param {{ folder?: string, loose?: boolean }} [from] folder: of Impasto's, where they are; loose: they are
 *   not on the visitor's disk
 */
export async function takePhotos(files, { folder = '', loose = false } = {}) {
  await opened;
  complain();
  dropNotices();
  /** @type {Photo | undefined} */
  let first;
  for (const given of files) {
    try {
      if (isLookFile(given) || await tunedStyle(given)) {
        await takeStyles([given]); // wherever it was dropped
        continue;
      }
      const frame = isFilm(given) ? await firstFrameOf(given) : given;
      if (!frame) continue; // which was said
      const film = frame === given ? undefined : given;
      const { file, ...about } = await check(frame);
      const name = (film ?? file).name || 'photo';
      const taken = {
        ...about, id: store.freshId(), file, name, url: URL.createObjectURL(file),
        path: folder + (about.common && !film ? name : `${stem(name)}.png`),
        loose: loose || about.loose || film !== undefined,
        ...(film && { film }),
      };
      store.change({ photos: [...store.now.photos, taken] });
      if (!first) {
        first = taken;
        showPhoto(taken);
      }
    } catch (error) {
      complainOf(error);
    }
  }
  if (first && !readsTrue()) complain('canvasNoise');
}

/** @param {File[]} files */
export async function takeStyles(files) {
  await opened;
  complain();
  for (const file of files) {
    try {
      if (isLookFile(file)) {
        await stylesThere;
        await openLookFile(file);
        continue;
      }
      const { id, kept } = await addOwn(file);
      store.change({ search: '' });
      pressStyle(id);
      sayUnlessKept(kept);
    } catch (error) {
      complainOf(error);
    }
  }
}

/** A photo by the camera, or what it sees painted live. @param {() => void} live */
export async function shoot(live) {
  const taken = await takePhoto({ mayLive: true });
  if (taken === 'live') live();
  else if (taken) takePhotos([taken], { loose: true });
}

/** A photo by the camera as a style. */
export async function shootStyle() {
  const file = await takePhoto();
  if (file instanceof File) takeStyles([file]);
}

const samplesUrl = new URL('../samples/samples.json', import.meta.url);

/** The photos that come with the page, one click away. */
export async function loadSamples() {
  const response = await fetch(samplesUrl);
  if (response.ok) store.change({ samples: await response.json() }); // the page works without them
}

/** As many of them as can be had. @param {AbortSignal} signal @returns {Promise<Blob[]>} */
export async function samplePhotos(signal) {
  const some = await Promise.all(store.now.samples.map(async ({ file }) => {
    const response = await fetch(new URL(file, samplesUrl), { signal });
    return response.ok ? [await response.blob()] : [];
  }).map((photo) => photo.catch(() => [])));
  signal.throwIfAborted();
  return some.flat();
}

/** @param {Readonly<import('./store.js').State>} state */
export function showSamples({ samples }) {
  showList(/** @type {HTMLElement} */ ($('samples').querySelector('.row')), samples, {
    key: ({ file }) => file,
    make({ file, thumb }) {
      const image = make('img', { src: new URL(thumb, samplesUrl).href, alt: '', width: 152, height: 114 });
      const one = make('button', { type: 'button', className: 'sample' }, image);
      one.addEventListener('click', () => takeSample(file));
      return one;
    },
    update(one, { title, provenance }) {
      bring(one, { ariaLabel: words('sample', { name: inLanguage(title) }), title: `${inLanguage(title)}\n${provenance}` });
    },
  });
}

/** @param {string} name */
async function takeSample(name) {
  const picture = await fetch(new URL(name, samplesUrl)).catch(() => undefined);
  if (!picture?.ok) return complain('sampleGone');
  takePhotos([new File([await picture.blob()], name, { type: 'image/jpeg' })], { folder: 'www/samples/' });
}
