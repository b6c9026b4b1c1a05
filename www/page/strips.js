// The two strips below the stage: the photos, and what was painted in this visit.

import { $, bring, button, icon, label, make, roving, showList } from './dom.js';
import { onChoose } from './pictures.js';
import { store } from './store.js';
import { styleNames } from './styles.js';
import { shown } from './wanted.js';
import { words } from './words.js';

/**
 * @typedef {import('./painter.js').Photo & { url: string, thumb: string, film?: File }} Photo film: whose first frame it is
 *
 * An earlier painting of this visit.
 * @typedef {object} Result
 * @property {string} key
 * @property {Photo} photo
 * @property {import('./look.js').Look} look
 * @property {Blob} picture PNG
 * @property {Blob} small its thumbnail
 * @property {string} thumb its address
 */

const file = make('input', { type: 'file', id: 'another-file', accept: 'image/*,video/*,.mkv,.json', multiple: true });
const another = make('label', { className: 'tile add' }, icon('plus'), file);
const camera = make('button', { type: 'button', className: 'tile add' }, icon('camera'));

/** @type {{ photo: (photo: Photo) => void, removePhoto: (photo: Photo) => void, camera: () => void, files: (files: File[]) => void, result: (result: Result) => void }} */
let on;

/** @param {typeof on} does */
export function wireStrips(does) {
  on = does;
  onChoose(file, on.files);
  camera.addEventListener('click', on.camera);
  $('photos').append(another, camera);
  roving($('photos'), 'button.pick');
  roving($('results'), 'button.pick');
}

/** @param {Readonly<import('./store.js').State>} state */
export function showStrips(state) {
  const { photos, photo, results, history, film } = state;
  const still = photos.filter((one) => !one.film);
  bring(button('batch'), { hidden: still.length < 2, disabled: !history.now.styles.length || film.work !== undefined, textContent: words('batch', { n: still.length }) });
  bring(another, { title: words('choosePhotos') });
  bring(file, { ariaLabel: words('choosePhotos') });
  label(camera, words('takePhoto'));
  showList($('photos'), photos, {
    last: [another, camera],
    key: ({ id }) => id,
    make: photoTile,
    update(tile, one) {
      const pick = /** @type {HTMLElement} */ (tile.firstElementChild);
      bring(pick, { ariaCurrent: String(one === photo) });
      label(pick, one.name);
      label(/** @type {HTMLElement} */ (tile.lastElementChild), words('removePhoto', { name: one.name }));
    },
  });
  bring($('results-strip'), { hidden: !results.length });
  const now = shown(state)?.key;
  showList($('results'), results, {
    key: (result) => result,
    make: resultTile,
    update(tile, { key, photo: of, look }, i) {
      const pick = /** @type {HTMLElement} */ (tile.firstElementChild);
      bring(pick, { ariaCurrent: String(key === now) });
      label(pick, words('resultName', { n: results.length - i, photo: of.name, styles: styleNames(look) }));
    },
  });
}

/** @param {Photo} one */
function photoTile(one) {
  const pick = make('button', { type: 'button', className: 'pick' }, make('img', { src: one.thumb, alt: '', width: 64, height: 64 }));
  pick.addEventListener('click', () => on.photo(one));
  const remove = make('button', { type: 'button', className: 'remove' }, icon('close'));
  remove.addEventListener('click', () => {
    on.removePhoto(one);
    store.settle();
    /** @type {HTMLElement} */ (document.querySelector('#photos .pick, #photo-file')).focus();
  });
  const badge = one.film ? [make('span', { className: 'badge' }, icon('film'))] : [];
  return make('div', { className: 'tile' }, pick, ...badge, remove);
}

/** @param {Result} result */
function resultTile(result) {
  const pick = make('button', { type: 'button', className: 'pick' }, make('img', { src: result.thumb, alt: '', width: 64, height: 64 }));
  pick.addEventListener('click', () => on.result(result));
  return make('div', { className: 'tile' }, pick);
}
