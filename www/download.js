// Downloads that tell how far they are, and are what they should be.

import { EngineFailed } from './failure.js';

/** A file did not come, or is not what it should be. */
export class DownloadFailed extends EngineFailed {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super('offline', message, cause);
  }
}

/**
 * Fetches a file, counting its bytes as they come.
 * @param {string} url
 * @param {(loaded: number, total: number | undefined) => void} onProgress total is unknown where
 *   the server compresses on the wire: its Content-Length then counts other bytes than we see
 * @param {{ type?: string, cache?: RequestCache }} [options] type: the media type to give the
 *   response, whatever the server says
 * @returns {Promise<Response>} its body reports progress as it is read
 */
export async function download(url, onProgress, { type, cache } = {}) {
  const name = new URL(url, location.href).pathname;
  let response;
  try {
    response = await fetch(url, { cache });
  } catch (error) {
    throw new DownloadFailed(`could not download ${name}: no connection`, error);
  }
  if (!response.ok || !response.body) {
    throw new DownloadFailed(`could not download ${name}: the server answered ${response.status}`);
  }
  const length = Number(response.headers.get('content-length'));
  const total = length > 0 && !response.headers.get('content-encoding') ? length : undefined;
  let loaded = 0;
  const count = new TransformStream({
    /** @param {Uint8Array} chunk @param {TransformStreamDefaultController} controller */
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress(loaded, total);
      controller.enqueue(chunk);
    },
  });
  const headers = { 'content-type': type ?? response.headers.get('content-type') ?? '' };
  return new Response(response.body.pipeThrough(count), { headers });
}

/** @param {ArrayBuffer} bytes @returns {Promise<string>} in hexadecimal digits */
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Fetches a file and verifies it. A copy in a cache that is not the right one is fetched anew.
 * @param {string} url
 * @param {string | undefined} hash SHA-256 in hexadecimal digits, or undefined for any content
 * @param {(loaded: number, total: number | undefined) => void} onProgress
 * @returns {Promise<ArrayBuffer>}
 */
export async function downloadVerified(url, hash, onProgress) {
  for (const cache of /** @type {const} */ (['default', 'reload'])) {
    const bytes = await (await download(url, onProgress, { cache })).arrayBuffer();
    // Browsers give no hash to sites without encryption; the engine then still checks the file's
    // own checksums.
    if (!hash || !globalThis.crypto?.subtle || await sha256(bytes) === hash) return bytes;
  }
  throw new DownloadFailed(`${new URL(url, location.href).pathname} is damaged or of another version: its SHA-256 is not ${hash}`);
}
