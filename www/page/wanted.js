// What follows from the state, and is stored nowhere: what is wanted, and what there is of it.

import { lookKey } from './look.js';

/** @typedef {import('./store.js').State} State */

/** The region that is being painted. @param {Readonly<State>} state */
export const edited = ({ history, editing }) => history.now.regions.find(({ id }) => id === editing);

/** The picture that is wanted, by its key. @param {Readonly<State>} state */
export const wantedKey = ({ photo, history }) => photo && lookKey(history.now, photo.id);

/** What is on the stage in full size, if that is what is wanted: it can be saved. @param {Readonly<State>} state */
export function shown(state) {
  const { painting } = state;
  return painting?.full && !edited(state) && painting.key === wantedKey(state) ? painting : undefined;
}

/** Whether the canvas is seen. @param {Readonly<State>} state */
export const isUncovered = (state) => state.painting !== undefined && !edited(state);

/** The painted film of the photo on the stage. @param {Readonly<State>} state */
export const filmResult = ({ photo, film }) => photo && film.opened.get(photo.id)?.result;

/** Whether the painted film is on the stage, in place of its first frame. @param {Readonly<State>} state */
export const showsFilm = (state) => state.film.showing && !state.film.work && filmResult(state) !== undefined;

/** Whether a painted film would be lost. @param {Readonly<State>} state */
export const hasUnsavedFilm = ({ film }) => [...film.opened.values()].some((one) => one?.result && !one.result.saved);

/** Steps of refining that the picture on the stage has of those that are wanted. @param {Readonly<State>} state */
export const refinedSteps = (state) => (state.painting?.key === wantedKey(state) ? state.painting?.steps ?? 0 : 0);
