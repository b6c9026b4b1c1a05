// The page: what is wired to what, what is shown, and how a visit begins.

import { sharedLost, sharedPhotos } from '../offline.js';
import { showAbout, wireAbout } from './about.js';
import { paintAll } from './batch.js';
import { showControls, wireControls } from './controls.js';
import { $, button, dialog, input } from './dom.js';
import { onDragStyle } from './drag.js';
import { showRegions, wireEditing } from './editing.js';
import { painter, showEngine } from './engine.js';
import { showFilm, wireFilm } from './film.js';
import { keepFocus, wireFocus } from './focus.js';
import { showGallery, wireGallery } from './gallery.js';
import { beginIntake, loadSamples, shoot, shootStyle, showSamples, takePhotos, takeStyles } from './intake.js';
import { showLearning, wireLearning } from './learn.js';
import { wireLink } from './link.js';
import { showLookName, wireLookFile } from './look-file.js';
import { LiveCamera } from './live.js';
import { dropStyle, openLink, pressStyle } from './looks.js';
import { showMix } from './mix.js';
import { showNotices, wireNotices } from './notices.js';
import { goTo, removePhoto, showPhoto, takeUsualSize } from './photos.js';
import { onChoose, onDrop, onPaste } from './pictures.js';
import { restore, startAfresh, visits, wireLeaving } from './restore.js';
import { showSaving, wireSaving } from './saving.js';
import { hearPainter, paint, showStage } from './stage.js';
import { store } from './store.js';
import { showStrips, wireStrips } from './strips.js';
import { loadBundled, loadKept, removeStyle } from './styles.js';
import { complain, showTold } from './telling.js';
import { language, speak, translate } from './words.js';

// ---- what is done --------------------------------------------------------------------------

const live = new LiveCamera((file) => takePhotos([file], { loose: true }));
const takePhotoHere = () => shoot(() => live.open());

wireGallery({
  press: pressStyle,
  files: takeStyles,
  camera: shootStyle,
  remove(style) {
    removeStyle(style);
    paint();
  },
});
wireStrips({ photo: (one) => showPhoto(one), removePhoto, camera: takePhotoHere, files: (files) => takePhotos(files), result: goTo });
wireControls();
wireLearning();
wireEditing();
wireFilm();
wireSaving();
wireLink();
wireLookFile();
wireNotices();
wireAbout();
wireLeaving();
wireFocus();
hearPainter(takeUsualSize);

onChoose(input('photo-file'), (files) => takePhotos(files));
onDrop($('styles'), $('stage'), { photos: (files) => takePhotos(files), styles: takeStyles });
onPaste($('styles'), { photos: (files) => takePhotos(files, { loose: true }), styles: takeStyles });
onDragStyle($('gallery'), $('stage'), dropStyle);
button('camera').addEventListener('click', takePhotoHere);
button('batch').addEventListener('click', paintAll);
// What waited for it.
dialog('save-dialog').addEventListener('close', () => { if (painter.engine) takeUsualSize(); });
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
  inLanguage();
});

// ---- what is seen --------------------------------------------------------------------------

/** Says all of the page in its language. */
function inLanguage() {
  translate();
  const other = language === 'en' ? 'zh' : 'en';
  const switcher = button('language');
  switcher.textContent = { en: 'English', zh: '中文' }[other];
  switcher.lang = { en: 'en', zh: 'zh-CN' }[other];
  $('self-test', HTMLAnchorElement).search = `?lang=${language}`;
  store.touch();
}

inLanguage();
for (const view of [showStage, showTold, showGallery, showMix, showLearning, showControls, showRegions, showStrips, showSamples, showFilm, showEngine, showNotices, showSaving, showLookName, showAbout]) {
  store.show(view);
}
store.show(() => live.show());
store.show(() => visits.changed());
store.show(keepFocus);

// ---- how it begins -------------------------------------------------------------------------

loadSamples();
const bundled = loadBundled().catch(() => complain('noStyles')).then(() => paint());
const restored = restore(bundled).catch(reportError).then(() => visits.begin());
restored.then(() => beginIntake(bundled));
Promise.all([bundled, restored]).then(async () => {
  openLink();
  addEventListener('hashchange', openLink);
  const shared = await sharedPhotos().catch(() => []);
  if (shared.length) await takePhotos(shared, { loose: true });
  if (sharedLost()) complain('sharedLost');
  await loadKept().catch(() => {}); // a browser that keeps nothing has nothing kept
});
