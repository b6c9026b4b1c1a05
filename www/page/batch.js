// Every photo in the present look, as one file.

import { stopEditing } from './editing.js';
import { painter } from './engine.js';
import { download, paintingName, written, ZipFile } from './save.js';
import { chosenFormat, fileOf, stylesOf } from './saving.js';
import { paint } from './stage.js';
import { store } from './store.js';
import { complain, resting, say, working } from './telling.js';
import { shown } from './wanted.js';

export async function paintAll() {
  stopEditing();
  const batch = new AbortController();
  const { signal } = batch;
  store.change({ batch });
  const { photos, history: { now: look } } = store.now;
  const { format } = chosenFormat();
  const zip = new ZipFile();
  /** @type {string[]} */
  const failed = [];
  const all = photos.filter(({ film }) => !film);
  await painter.alone(async () => {
    for (const [i, one] of all.entries()) {
      if (signal.aborted) return;
      working({ part: i / all.length });
      say('work-words', 'paintingBatch', { n: i + 1, all: all.length });
      try {
        const picture = await painter.one({ photo: one, look }, signal);
        const blob = await fileOf(one, written(picture));
        await zip.add(paintingName(one.name, stylesOf(look), format), blob);
      } catch {
        if (!signal.aborted) failed.push(one.name);
      }
    }
  });
  store.change({ batch: undefined });
  resting();
  if (!shown(store.now)) paint();
  if (signal.aborted) return say('status', 'stopped');
  if (failed.length) complain('batchFailed', { names: failed.join(', ') });
  try {
    if (zip.count) download(await zip.finish(), 'impasto.zip');
    say('status', 'batchDone', { n: zip.count });
  } catch (error) {
    complain('notSaved', { reason: /** @type {Error} */ (error).message });
  }
}
