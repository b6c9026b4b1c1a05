// What can be done with a painting, said once: it goes away for good when it is read or not needed any more.

import { $, button } from './dom.js';
import { recall, remember } from './remember.js';

const KEPT = 'impasto-hint';

export class FirstHint {
  constructor() {
    button('first-hint-done').addEventListener('click', () => {
      this.used();
      $('view').focus();
    });
  }

  /** A painting is on the stage. */
  painted() {
    if (recall(KEPT) === null) $('first-hint').hidden = false;
  }

  /** The visitor knows it. */
  used() {
    if ($('first-hint').hidden) return;
    $('first-hint').hidden = true;
    remember(KEPT, 'seen');
  }
}
