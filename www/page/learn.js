// Learning a style: an engine of its own practises on photos, and meanwhile the style is painted better and better.

import { $, bring, button } from './dom.js';
import { failure, kind, painter, reasonOf } from './engine.js';
import { samplePhotos } from './intake.js';
import { sayUnlessKept, set } from './looks.js';
import { StyleGone } from './painter.js';
import { download } from './save.js';
import { repaintStyle } from './stage.js';
import { store } from './store.js';
import { addOwn, renewStyle, styleOf } from './styles.js';
import { Bar, complain, say } from './telling.js';
import { long, number, words } from './words.js';

/** Of the visitor's own photos; those that come with the page are practised on as well. */
const MOST_PHOTOS = 12;
/** Milliseconds between words of how far it is: screen readers read all of them. */
const BETWEEN = 5000;

/** What one could learn or save: the only style. @param {Readonly<import('./store.js').State>} state */
const onlyStyle = ({ history: { now: { styles } } }) => (styles.length === 1 ? styleOf(styles[0].id) : undefined);

async function learn() {
  const from = onlyStyle(store.now);
  if (!from || store.now.learning) return;
  const name = from.title();
  const abort = new AbortController();
  store.change({ learning: { abort } });
  complain();
  const lesson = new Lesson(from.id, words('learnedName', { name }), abort);
  let told = { key: '', at: 0 };
  /** @param {number | undefined} part @param {Parameters<typeof words>} text */
  const tell = (part, ...text) => {
    store.change({ learning: { abort, part } });
    const [key, at] = [text[0], performance.now()];
    if (key === told.key && at - told.at < BETWEEN) return;
    told = { key, at };
    say('learn-words', ...text);
  };
  tell(undefined, 'learnBegun', { name });
  store.settle();
  button('learn-stop').focus({ preventScroll: true });
  try {
    const own = store.now.photos.slice(-MOST_PHOTOS).map(({ file }) => file);
    const photos = [...own, ...await samplePhotos(abort.signal)];
    if (!photos.length) {
      say('learn-words');
      return complain('sampleGone');
    }
    let began = 0;
    const file = await painter.learn(from.id, {
      photos,
      name: lesson.name,
      signal: abort.signal,
      onProgress({ done, total, loaded, bytes, file: sofar }) {
        if (abort.signal.aborted) return;
        if (sofar) lesson.take(sofar, done);
        if (done === 0) {
          // What has come is compiled, which takes a while as well.
          if (loaded === undefined || loaded === bytes) tell(undefined, 'learnBegun', { name });
          else if (bytes) tell(loaded / bytes, 'learnLoading', { done: number(loaded / 1e6, 1), all: number(bytes / 1e6, 1) });
          else tell(undefined, 'learnLoadingSome', { done: number(loaded / 1e6, 1) });
          return;
        }
        // Shaders are compiled in the first step.
        if (done === 1) began = performance.now();
        const left = done > 2 ? (((performance.now() - began) / 1000) * (total - done)) / (done - 1) : undefined;
        if (left === undefined) tell(done / total, 'learning', { name, done, total });
        else tell(done / total, 'learningFor', { name, done, total, time: long(left) });
        lesson.steps = total;
      },
    });
    lesson.take(file, lesson.steps);
    await lesson.taken;
    say('learn-words', 'learned', { n: lesson.learned });
  } catch (error) {
    await lesson.taken.catch(() => {});
    const { learned } = lesson;
    if (lesson.gone) say('learn-words');
    else if (/** @type {Error} */ (error).name === 'AbortError') say('learn-words', learned ? 'learnStopped' : 'learnStoppedEarly', { n: learned });
    else {
      say('learn-words');
      if (error instanceof StyleGone) complain(...failure(error));
      else complain(learned ? 'notLearnedFurther' : 'notLearned', reasonOf(/** @type {Error} */ (error)));
    }
  } finally {
    const held = document.activeElement === button('learn-stop');
    store.change({ learning: undefined });
    store.settle();
    if (held) [button('save-style'), button('learn')].find(({ hidden }) => !hidden)?.focus({ preventScroll: true });
  }
}

/** What comes of learning: a style of the visitor's own, which is there with the first file and better with each. */
class Lesson {
  #from;
  #abort;
  /** @type {string | undefined} */ #into;
  #chosen = false;
  /** Steps in all. */
  steps = 0;
  /** Steps that are in the style. */
  learned = 0;
  /** When all that came is in the style. */
  taken = Promise.resolve();

  /** @param {string} from the style that is learned @param {string} name of what is learned @param {AbortController} abort */
  constructor(from, name, abort) {
    this.#from = from;
    this.name = name;
    this.#abort = abort;
  }

  /** Whether the visitor has removed it. */
  get gone() { return this.#into !== undefined && !styleOf(this.#into); }

  /** @param {Blob} blob @param {number} steps */
  take(blob, steps) {
    this.taken = this.taken.then(() => this.#take(new File([blob], `${this.name}.style`), steps));
    this.taken.catch((error) => this.#abort.abort(error));
  }

  /** @param {File} file @param {number} steps */
  async #take(file, steps) {
    if (this.gone) throw new DOMException('the style was removed', 'AbortError');
    const first = this.#into === undefined ? await addOwn(file) : undefined;
    if (first) this.#into = first.id;
    else renewStyle(/** @type {string} */ (this.#into), file);
    this.learned = steps;
    this.#show();
    if (first) sayUnlessKept(first.kept);
  }

  /** Puts it onto the stage, if its picture is there, as soon as no dialog is about what was there. */
  #show = () => {
    const open = document.querySelector('dialog[open]');
    if (open) return open.addEventListener('close', this.#show, { once: true });
    if (this.gone) return;
    const into = /** @type {string} */ (this.#into);
    const { styles } = store.now.history.now;
    if (!this.#chosen && styles.some(({ id }) => id === this.#from)) set({ styles: styles.map((style) => (style.id === this.#from ? { ...style, id: into } : style)) });
    else repaintStyle(into);
    this.#chosen = true;
  };
}

/** Saves the style as a file. */
async function saveStyle() {
  const style = onlyStyle(store.now);
  if (style) download(await style.picture(), style.file);
}

export function wireLearning() {
  button('learn').addEventListener('click', learn);
  button('learn-stop').addEventListener('click', () => store.now.learning?.abort.abort());
  button('save-style').addEventListener('click', saveStyle);
}

const bar = new Bar($('learn-progress'));

/** @param {Readonly<import('./store.js').State>} state */
export function showLearning(state) {
  const { learning } = state;
  const style = onlyStyle(state);
  const may = !learning && style !== undefined && !style.tuned && kind() === 'webgpu';
  bring(button('learn'), { hidden: !may });
  bring($('learn-hint'), { hidden: !may });
  bring(button('save-style'), { hidden: !(style?.own && style.tuned) });
  bring(button('learn-stop'), { hidden: !learning });
  bring($('learn-progress'), { hidden: !learning });
  bar.show(learning);
}
