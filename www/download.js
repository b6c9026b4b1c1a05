// A download that tells how far it is.

/**
 * Fetches a file of this site, counting its bytes as they come.
 * @param {URL} url
 * @param {(loaded: number, total: number | undefined) => void} onProgress total is unknown where
 *   the server compresses on the wire: its Content-Length then counts other bytes than we see
 * @param {string} [type] the media type to give the response, whatever the server says
 * @returns {Promise<Response>} its body reports progress as it is read
 */
export async function download(url, onProgress, type) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`could not download ${url.pathname}: no connection`);
  }
  if (!response.ok) {
    throw new Error(`could not download ${url.pathname}: the server answered ${response.status}`);
  }
  const length = Number(response.headers.get('content-length'));
  const total = length > 0 && !response.headers.get('content-encoding') ? length : undefined;
  let loaded = 0;
  const count = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress(loaded, total);
      controller.enqueue(chunk);
    },
  });
  const headers = { 'content-type': type ?? response.headers.get('content-type') ?? '' };
  return new Response(response.body.pipeThrough(count), { headers });
}
