// What paints, and how it stands.

import { keepOffline } from '../offline.js';
import { BadPicture, EngineFailed } from '../stylizer.js';
import { $, write } from './dom.js';
import { noteUpdate } from './notices.js';
import { Painter, StyleGone } from './painter.js';
import { asked, store } from './store.js';
import { styleNames, styleOf, titleOf } from './styles.js';
import { say } from './telling.js';
import { number, words } from './words.js';

/** @typedef {import('./telling.js').Words} Words */

/** What the painter tells, and to whom, which is filled in before it begins. */
export const events = /** @type {import('./painter.js').Events} */ ({});

export const painter = new Painter({ engine: asked.engine ?? 'auto', styleOf: (id) => styleOf(id)?.picture }, events);

export const kind = () => painter.engine?.kind ?? 'cpu';

/** Why an engine failed, and what the visitor can do. @param {Error} error */
export function reasonOf(error) {
  const code = error instanceof EngineFailed ? error.code : 'crashed';
  const reason = words(`reason.${code}`);
  // Some failures have words of their own, beside what the code says.
  const detail = ['crashed', 'lost', 'time-out'].includes(error.message) ? '' : error.message;
  return { reason: detail ? words('reasonDetail', { reason, detail }) : reason, advice: words(`advice.${code}`) };
}

/** What to say of a picture that was not painted. @param {Error} error @param {import('./painter.js').Task} [task] what it was to be of, if that is a photo @returns {Words} */
export function failure(error, task) {
  if (error instanceof StyleGone) return ['styleGone', { name: titleOf(error.message) }];
  if (error instanceof BadPicture && task) return ['bad.unreadable', { name: error.part === 'photo' ? task.photo.name : styleNames(task.look) }];
  return ['engineFailed', reasonOf(error)];
}

/** Keeps the site for visits without a network, once nothing else needs the network. */
export function keepSite() {
  if (!painter.engine || painter.busy || !painter.settled || store.now.keptWith === kind()) return;
  store.change({ keptWith: kind() });
  keepOffline(kind(), noteUpdate).then((kept) => say('offline', `offline.${kept}`));
}

/** How the engine stands. @param {Readonly<import('./store.js').State>} state @returns {Words} */
export function engineWords({ loading, noEngine }) {
  const { engine } = painter;
  const { loaded = 0, part } = loading ?? {};
  const amount = part === undefined ? words('megabytes', { n: number(loaded / 1e6, 1) }) : `${number(part * 100)} %`;
  if (noEngine) return ['engineNone'];
  if (!engine) return loaded ? ['engineLoading', { amount }] : ['engineStarting'];
  if (painter.preparing && loading?.kind === 'webgpu') return loaded ? ['engineGpuLoading', { amount }] : ['engineGpuStarting'];
  return engine.kind === 'webgpu' ? ['engineGpu', { name: engine.name }] : ['engineCpu'];
}

/** @param {Readonly<import('./store.js').State>} state */
export function showEngine(state) {
  const kind = state.noEngine ? 'none' : painter.engine?.kind;
  if (kind && $('engine').dataset.kind !== kind) $('engine').dataset.kind = kind;
  write('engine-name', words(...engineWords(state)));
}
