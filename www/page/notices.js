// Notices that the visitor can read and forget: what can be done with a first painting, with which look the visit began,
// and that a new version of the page is there.

import { takeUpdate } from '../offline.js';
import { $, bring, button, write } from './dom.js';
import { recall, remember } from './remember.js';
import { store } from './store.js';
import { say } from './telling.js';
import { words } from './words.js';

/** Where it is kept that the first hint was seen: it goes away for good when it is read or not needed any more. */
const HINT = 'impasto-hint';

/** @param {Partial<import('./store.js').State['notices']>} change */
const note = (change) => store.change({ notices: { ...store.now.notices, ...change } });

/** A painting is on the stage. */
export function offerFirstHint() {
  if (recall(HINT) === null) note({ firstHint: true });
}

/** The visitor knows what can be done. */
export function dropFirstHint() {
  if (!store.now.notices.firstHint) return;
  note({ firstHint: false });
  remember(HINT, 'seen');
}

export const noteRestored = () => note({ restored: true });

/** Takes back what was said of the look with which the visit began. */
export function dropNotices() {
  note({ restored: false });
  dropOldWords();
}

/** Takes back what was said of a look that is another now. */
export function dropOldWords() {
  say('linked');
  if (!store.now.learning) say('learn-words');
}

export const noteUpdate = () => note({ update: 'updateThere' });

export function wireNotices() {
  button('first-hint-done').addEventListener('click', () => {
    dropFirstHint();
    $('view').focus();
  });
  button('take-update').addEventListener('click', async () => {
    button('take-update').disabled = true;
    const end = await takeUpdate();
    button('take-update').disabled = false;
    note({ update: end === 'others' ? 'updateOthers' : 'updateFailed' });
  });
}

/** @param {Readonly<import('./store.js').State>} state */
export function showNotices({ notices: { restored, firstHint, update } }) {
  bring($('first-hint'), { hidden: !firstHint });
  bring($('restored'), { hidden: !restored });
  bring($('update'), { hidden: !update });
  bring(button('take-update'), { hidden: update === 'updateFailed' });
  write('update-words', update ? words(update) : '');
}
