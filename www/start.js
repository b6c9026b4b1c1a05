// Starts the worker of an engine, from wherever its files are.

import { EngineFailed } from './failure.js';
import { scriptUrl } from './trusted.js';

/**
 * Which engine: one that paints, or the one that learns styles on a GPU.
 * @typedef {'webgpu' | 'cpu' | 'learn'} Kind
 */
const FILES = { cpu: 'worker-cpu.js', webgpu: 'worker-gpu.js', learn: 'worker-learn.js' };
/** Milliseconds without a sign of life after which a worker will not start. */
const PATIENCE = 60_000;

/**
 * Where the folders www/, engine/ and models/ are; unknown where a bundler has moved this module. (Not by `new URL('../', …)`:
 * Turbopack takes the folder for a module.)
 */
export const ownBase = /^(https?:.*\/)www\/start\.js(\?|$)/.exec(import.meta.url)?.[1];

/** A policy is against this way to start a worker; there may be another. */
class Refused extends EngineFailed {
  /** @param {unknown} [cause] */
  constructor(cause) {
    const { message = 'its security policy is against it' } = /** @type {Partial<Error>} */ (cause ?? {});
    super('blocked', `the page does not let the engine start: ${message}`, cause);
  }
}

/**
 * From a blob, a worker is the page's own wherever the module comes from, and under the page's security
 * policy, also one in a <meta>: that does not bind a worker that is loaded by its address.
 * @param {Kind} kind
 * @param {string | undefined} base of the folders, if known
 * @param {AbortSignal} signal
 * @returns {Promise<Worker>} that listens; rejected with {@link EngineFailed} or the signal's reason
 */
export async function startWorker(kind, base, signal) {
  const address = base && new URL(`www/${FILES[kind]}`, base).href;
  if (address) {
    try {
      return await fromBlob(address, signal);
    } catch (error) {
      const own = new URL(address).origin === location.origin;
      // Whose policy knows nothing of blobs may still allow the address. And not every browser may let its
      // service worker answer to a blob; what that answers has the policy of the site.
      const other = error instanceof Refused || navigator.serviceWorker?.controller;
      if (!own || !other || signal.aborted) throw error;
    }
  }
  return listening(() => byAddress(kind, address), { address }, signal);
}

/** @param {string} address @param {AbortSignal} signal */
async function fromBlob(address, signal) {
  const script = `
    let refused = false;
    addEventListener('securitypolicyviolation', () => { refused = true; });
    import(${JSON.stringify(address)}).catch(({ name, message }) => {
      setTimeout(() => postMessage({ type: 'absent', refused, name, message }));
    });`;
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  try {
    return await listening(() => new Worker(scriptUrl(url), { type: 'module' }), { address, blob: true }, signal);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {Kind} kind @param {string | undefined} address */
function byAddress(kind, address) {
  if (address) return new Worker(scriptUrl(address), { type: 'module' });
  // Written out, so that bundlers see which files belong to it.
  switch (kind) {
    case 'cpu': return new Worker(new URL('./worker-cpu.js', import.meta.url), { type: 'module' });
    case 'webgpu': return new Worker(new URL('./worker-gpu.js', import.meta.url), { type: 'module' });
    case 'learn': return new Worker(new URL('./worker-learn.js', import.meta.url), { type: 'module' });
  }
}

/**
 * @param {() => Worker} make
 * @param {{ address: string | undefined, blob?: boolean }} how address: of the module, if known
 * @param {AbortSignal} signal
 * @returns {Promise<Worker>}
 */
async function listening(make, { address, blob = false }, signal) {
  signal.throwIfAborted();
  /** @type {Worker | undefined} */
  let worker;
  const over = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    worker = make();
    const { signal: until } = over;
    const started = worker;
    await new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new EngineFailed('timeout', 'time-out')), PATIENCE);
      signal.addEventListener('abort', () => reject(signal.reason), { signal: until });
      started.addEventListener('message', ({ data }) => {
        if (data.type === 'here') resolve(undefined);
        else if (data.type === 'absent') resolve(whyAbsent(address, data));
      }, { signal: until });
      let refused = false;
      globalThis.addEventListener('securitypolicyviolation', () => { refused = true; }, { signal: until });
      started.addEventListener('error', (event) => {
        event.preventDefault();
        // An error in a script has a message; a script that may not or cannot be loaded has none.
        if (event.message) return reject(new EngineFailed('crashed', event.message, event.error));
        setTimeout(() => {
          if (refused || blob) reject(new Refused());
          else resolve(whyAbsent(address, { refused, name: 'TypeError', message: 'its script did not load' }));
        });
      }, { signal: until });
    });
    return started;
  } catch (error) {
    worker?.terminate();
    throw error instanceof EngineFailed || signal.aborted ? error : new Refused(error);
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/**
 * Why a module could not be imported: browsers say the same of a missing network and a missing leave.
 * @param {string | undefined} address
 * @param {{ refused: boolean, name: string, message: string }} said
 * @returns {Promise<never>}
 */
async function whyAbsent(address, { refused, name, message }) {
  const cause = new Error(message);
  if (refused) throw new Refused(cause);
  if (name !== 'TypeError') throw new EngineFailed('crashed', message, cause);
  if (!address) throw new EngineFailed('offline', `could not download the engine: ${message}`, cause);
  const { pathname, origin } = new URL(address);
  const ask = (/** @type {RequestMode} */ mode) =>
    fetch(address, { mode, signal: AbortSignal.timeout(PATIENCE / 4) }).catch(() => undefined);
  const response = await ask('cors');
  if (response?.ok) throw new EngineFailed('offline', `could not download a part of ${pathname}: ${message}`, cause);
  if (response) throw new EngineFailed('offline', `could not download ${pathname}: the server answered ${response.status}`, cause);
  if (await ask('no-cors')) throw new EngineFailed('blocked', `${origin} does not allow this page to use ${pathname} (CORS)`, cause);
  throw new EngineFailed('offline', `could not download ${pathname}: no connection`, cause);
}
