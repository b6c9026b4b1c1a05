// The state of the page, in one place. It is never changed in place: a change puts other values there, and what is seen is
// brought to the state once, after all that happens in the same turn. Views read the state and nothing else decides what
// they show, so that they can run at any moment.

import { begun } from './look.js';
import { recall } from './remember.js';
import { USUAL_SIZE } from './sizes.js';
import { LARGEST } from '../stylizer.js';

/**
 * @typedef {import('./look.js').Look} Look
 * @typedef {import('./strips.js').Photo} Photo
 * @typedef {import('./strips.js').Result} Result
 * @typedef {import('./telling.js').Words} Words
 *
 * What is on the canvas.
 * @typedef {object} Painting
 * @property {import('./save.js').Written} picture
 * @property {string} [key] of the photo and the look that it is of; a frame of a film has none
 * @property {boolean} full no preview, nor a step on the way
 * @property {number} steps of refining that it has
 * @property {number} pixels the width by which the zoom is measured: a preview leaves it as it was
 *
 * What is going on for the picture on the stage.
 * @typedef {object} Work
 * @property {number} [part] 0 to 1, where known
 * @property {number} [seconds] how long it will take, where known
 * @property {boolean} [stopped] it can be taken up again
 *
 * A photo that comes with the page.
 * @typedef {{ file: string, thumb: string, title: Partial<Record<import('./words.js').Language, string>>, provenance: string }} Sample
 *
 * @typedef {object} State
 * @property {readonly Photo[]} photos
 * @property {Photo | undefined} photo the one on the stage
 * @property {readonly Result[]} results newest first
 * @property {import('./look.js').LookHistory} history
 * @property {boolean} sizeChosen by the visitor: no default may change it then
 * @property {boolean} mixing whether more than one style can be chosen
 * @property {number | undefined} editing the region that is being painted; see `edited`
 * @property {{ width: number, erase: boolean }} brush of regions
 * @property {Painting | undefined} painting on the canvas
 * @property {boolean} comparing
 * @property {Work | undefined} work
 * @property {AbortController | undefined} batch that is being painted
 * @property {{ abort: AbortController, part?: number } | undefined} learning a style; part: 0 to 1, where known
 * @property {ReadonlySet<string>} saved keys of the paintings that were saved, shared or copied
 * @property {number} lastSeconds what the last picture took; 0 before the first
 * @property {readonly import('./styles.js').Style[]} styles
 * @property {boolean} stylesKnown whether the list of the page's styles is there: until then one that is missing may still come
 * @property {ReadonlySet<string>} favourites ids, also of styles that are not there yet
 * @property {string} search for styles
 * @property {string} lookName what the visitor calls the look
 * @property {readonly Sample[]} samples
 * @property {import('../stylizer.js').LoadProgress | undefined} loading how far the engine is that is loaded now
 * @property {boolean} awaited whether the picture that was asked for waits for the engine
 * @property {boolean} noEngine none can be had
 * @property {'webgpu' | 'cpu' | undefined} keptWith the engine with which the site is kept on the device
 * @property {{ restored: boolean, firstHint: boolean, update?: 'updateThere' | 'updateOthers' | 'updateFailed' }} notices
 * @property {Readonly<Partial<Record<import('./telling.js').Place, Words>>>} said what is said, by the place where
 * @property {import('./film.js').FilmState} film
 * @property {import('./saving.js').SavingState} saving
 */

const query = new URLSearchParams(location.search);
const size = Number(query.get('size'));

/** What the address of the page asks for. */
export const asked = {
  size: Number.isInteger(size) && size >= 16 && size <= LARGEST ? size : undefined,
  improve: /** @type {const} */ (['always', 'never']).find((when) => when === query.get('improve')),
  engine: /** @type {const} */ (['webgpu', 'cpu']).find((kind) => kind === query.get('engine')),
};

/** @param {'webgpu' | 'cpu'} engine @returns {Look} */
export const firstLook = (engine) => ({
  styles: [],
  strength: 100,
  colours: 'style',
  brush: 384,
  size: asked.size ?? USUAL_SIZE[engine],
  regions: [],
  refined: false,
});

/** Where the favourites are kept: their ids, with spaces between. */
export const FAVOURITES = 'impasto-favourites';

class Store {
  /** @type {Readonly<State>} */ #state;
  /** @type {((state: Readonly<State>) => void)[]} */ #views = [];
  #due = false;
  #lastId = 0;

  /** @param {State} first */
  constructor(first) {
    this.#state = first;
  }

  /** The state as it is. Who waits for something reads it again. */
  get now() { return this.#state; }

  /** @param {Partial<State>} part what is other from now on */
  change(part) {
    this.#state = { ...this.#state, ...part };
    this.touch();
  }

  /** What is seen depends on something else that has changed: the engine, the language. */
  touch() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => this.settle());
  }

  /** Shows what has changed now, for who needs it at once, such as to give the focus to what was hidden. */
  settle() {
    if (!this.#due) return;
    this.#due = false;
    for (const view of this.#views) view(this.#state);
  }

  /** Shows the state from now on, in the order in which views come. @param {(state: Readonly<State>) => void} view */
  show(view) {
    this.#views.push(view);
    this.touch();
  }

  /** A number that no photo and no region has. */
  freshId() {
    return ++this.#lastId;
  }

  /** These are in use. @param {number[]} ids */
  takeIds(ids) {
    this.#lastId = Math.max(this.#lastId, ...ids);
  }
}

export const store = new Store({
  photos: [],
  photo: undefined,
  results: [],
  history: begun(firstLook(asked.engine ?? ('gpu' in navigator ? 'webgpu' : 'cpu'))),
  sizeChosen: asked.size !== undefined,
  mixing: false,
  editing: undefined,
  brush: { width: 14, erase: false },
  painting: undefined,
  comparing: false,
  work: undefined,
  batch: undefined,
  learning: undefined,
  saved: new Set(),
  lastSeconds: 0,
  styles: [],
  stylesKnown: false,
  favourites: new Set((recall(FAVOURITES) ?? '').split(' ').filter(Boolean)),
  search: '',
  lookName: '',
  samples: [],
  loading: undefined,
  awaited: false,
  noEngine: false,
  keptWith: undefined,
  notices: { restored: false, firstHint: false },
  said: { status: ['idle'] },
  film: { opened: new Map(), work: undefined, showing: false },
  saving: { moving: false },
});
