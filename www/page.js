// The page: what a visitor does, and what the stylizer answers.

import { BadPicture, EngineFailed, Replaced, Stylizer } from './stylizer.js';
import { BadFile, check, onChoose, onDrop, onPaste } from './pictures.js';
import { Gallery } from './gallery.js';
import { engineWords, words } from './words.js';

const SIZES = [256, 384, 512, 768, 1024];
/** What an engine does in a few seconds. */
const DEFAULT_SIZE = { gpu: 512, cpu: 384 };
/** A slider at rest this long asks for a picture. */
const DEBOUNCE = 150;

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

let photo; // the File shown
let paintedOnce = false; // from the first Stylize on, every change paints by itself
let sizeSettled = false; // chosen by the visitor or painted with: no default may change it now
let painting = false;
let debounce;
let clock;

// ---- what is on the stage -----------------------------------------------------------------

function show(what) {
  $('preview').hidden = what !== 'photo';
  $('painting').hidden = what !== 'painting';
  $('invitation').hidden = Boolean(photo);
  $('compare').textContent = what === 'painting' ? words.showPhoto : words.showPainting;
}

function say(text) {
  if ($('status').textContent !== text) $('status').textContent = text;
}

function complain(text) {
  $('error').textContent = text ?? '';
  $('error').hidden = !text;
}

/** @param {number | undefined} part 0..1, or undefined for work of unknown length; null hides */
function progress(part) {
  const bar = $('progress');
  bar.hidden = part === null;
  bar.classList.toggle('unknown', part === undefined);
  if (part == null) bar.removeAttribute('aria-valuenow');
  else bar.setAttribute('aria-valuenow', String(Math.round(part * 100)));
  bar.firstElementChild.style.width = part == null ? '' : `${part * 100}%`;
}

function startClock() {
  const began = performance.now();
  const tick = () => { $('elapsed').textContent = words.seconds((performance.now() - began) / 1000); };
  clearInterval(clock);
  clock = setInterval(tick, 100);
  tick();
}

function stopClock() {
  clearInterval(clock);
  $('elapsed').textContent = '';
}

function refresh() {
  $('go').disabled = !painting && !(photo && gallery.selected);
  $('go').textContent = painting ? words.stop : words.stylize;
  $('another').hidden = !photo;
  $('style-title').textContent = gallery.selected?.title ?? '';
  if (painting || paintedOnce) return;
  if (!photo) say(words.idle);
  else say(gallery.selected ? words.press : words.chooseStyle);
}

// ---- what comes in ------------------------------------------------------------------------

/** Runs `use` with the file if it is a picture; otherwise says why not, and nothing changes. */
async function accept(file, use) {
  complain();
  try {
    await check(file);
    await use(file);
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    complain(words.badFile[error.problem](error.fileName));
  }
}

let lastPhoto; // the newest file that was offered, so that a slower one does not overtake it

const takePhoto = (file) => accept((lastPhoto = file), async () => {
  if (file !== lastPhoto) return;
  const url = URL.createObjectURL(file);
  const image = $('preview');
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = url;
  await image.decode().catch(() => {}); // only so that the swap does not flicker
  photo = file;
  forgetPainting();
  show('photo');
  refresh();
  if (paintedOnce) paint();
});

const takeStyle = (file) => accept(file, () => gallery.addOwn(file, words.ownStyle(file.name)));

function forgetPainting() {
  for (const id of ['compare', 'download']) $(id).disabled = true;
}

// ---- painting -----------------------------------------------------------------------------

async function paint() {
  const style = gallery.selected;
  if (!photo || !style) return;
  clearTimeout(debounce);
  complain();
  paintedOnce = true;
  sizeSettled = true;
  painting = true;
  refresh();
  const name = photo.name;
  try {
    const picture = await style.picture().catch(() => { throw new StyleGone(style.title); });
    if (engineReady) showPainting();
    const result = await stylizer.stylize({
      photo,
      size: Number($('size').value),
      styles: [{ picture, weight: 1 }],
      strength: $('strength').valueAsNumber / 100,
    });
    painting = false;
    present(result, name);
  } catch (error) {
    if (error instanceof Replaced) return; // whoever replaced it goes on
    painting = false;
    idle();
    if (error instanceof StyleGone) complain(words.styleGone(error.message));
    else if (error instanceof BadPicture) complain(badPicture(error, style.title));
    else if (error instanceof EngineFailed && engineReady !== undefined) complain(words.engineFailed);
    else if (!(error instanceof EngineFailed)) throw error;
    refresh();
  }
}

class StyleGone extends Error {}

function badPicture({ part, problem }, styleTitle) {
  return words.badFile[problem](part === 'photo' ? photo.name : styleTitle);
}

function showPainting() {
  say(words.painting);
  progress(undefined);
  startClock();
}

function idle() {
  progress(null);
  stopClock();
}

function present({ pixels, seconds }, name) {
  const canvas = $('painting');
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  canvas.dataset.name = `${name.replace(/\.[^.]*$/, '')}-impasto.png`;
  show('painting');
  idle();
  say(words.painted(pixels.width, pixels.height, seconds.encode + seconds.paint));
  for (const id of ['compare', 'download']) $(id).disabled = false;
  refresh();
}

function repaintSoon() {
  if (!paintedOnce) return;
  clearTimeout(debounce);
  debounce = setTimeout(paint, DEBOUNCE);
}

function stop() {
  clearTimeout(debounce);
  stylizer.cancel();
  painting = false;
  idle();
  say(words.stopped);
  refresh();
}

function savePng() {
  const canvas = $('painting');
  canvas.toBlob((blob) => {
    const url = URL.createObjectURL(blob);
    const link = Object.assign(document.createElement('a'), { href: url, download: canvas.dataset.name });
    link.click();
    // The browser reads the blob after this turn; some only after a while.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }, 'image/png');
}

// ---- the engine ---------------------------------------------------------------------------

let engineReady; // undefined: it could not even start

/** @param {import('./stylizer.js').Status} status */
function onStatus(status) {
  engineReady = status.phase === 'failed' ? undefined : status.phase === 'ready';
  $('engine').textContent = engineWords(status);
  $('engine').dataset.kind = status.phase === 'ready' ? status.kind : '';
  if (status.crashed) say(status.kind === 'cpu' && status.reason ? words.movedToCpu : words.restarted);
  switch (status.phase) {
    case 'downloading':
      progress(status.total && status.loaded / status.total);
      if (painting) say(words.downloading(status.loaded, status.total));
      break;
    case 'starting':
      progress(undefined);
      if (painting && !status.crashed) say(words.starting);
      break;
    case 'ready':
      if (!sizeSettled) $('size').value = String(DEFAULT_SIZE[status.kind]);
      if (painting) showPainting();
      else idle();
      break;
    case 'failed':
      idle();
      complain(words.noEngine(status.reason));
      break;
  }
}

// ---- wiring -------------------------------------------------------------------------------

const gallery = new Gallery($('gallery'), {
  language: 'en',
  addLabel: 'Add a picture of your own as a style',
  onSelect: () => { refresh(); repaintSoon(); },
  onFile: takeStyle,
});

const wanted = Number(query.get('size'));
const sizes = Number.isInteger(wanted) && wanted >= 16 && wanted <= 4096 ? [...new Set([...SIZES, wanted])] : SIZES;
for (const size of sizes.toSorted((a, b) => a - b)) $('size').add(new Option(String(size)));
sizeSettled = sizes.includes(wanted);
$('size').value = String(sizeSettled ? wanted : DEFAULT_SIZE[navigator.gpu ? 'gpu' : 'cpu']);

const engine = ['gpu', 'cpu'].includes(query.get('engine')) ? query.get('engine') : 'auto';
const stylizer = new Stylizer({ engine, onStatus });

onChoose($('photo-file'), takePhoto);
onChoose($('another-file'), takePhoto);
onDrop($('styles'), $('stage'), { photo: takePhoto, style: takeStyle });
onPaste($('styles'), { photo: takePhoto, style: takeStyle });

$('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  if (painting) stop();
  else paint();
});
$('strength').addEventListener('input', () => {
  $('strength-value').textContent = `${$('strength').value} %`;
  repaintSoon();
});
$('size').addEventListener('change', () => { sizeSettled = true; repaintSoon(); });
$('compare').addEventListener('click', () => show($('painting').hidden ? 'painting' : 'photo'));
$('download').addEventListener('click', savePng);

gallery.loadBundled().catch(() => complain(words.noStyles)).finally(refresh);
refresh();
