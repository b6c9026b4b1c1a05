// A static file server for one folder, for `./build.sh serve` and the browser tests.
// It listens on this machine only. Like some hosts it sends what a file _headers at the top says.

import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { createGzip } from 'node:zlib';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
};

/** The rules of a file _headers: a path, where a star stands for anything, and below it, indented, headers. @param {string} text */
function headerRules(text) {
  const rules = [];
  for (const line of text.split('\n').filter(Boolean)) {
    const [, name, value] = line.match(/^\s+([^:]+): (.*)$/) ?? [];
    if (name) rules.at(-1).headers[name.toLowerCase()] = value;
    else rules.push({ path: new RegExp(`^${line.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`), headers: {} });
  }
  return rules;
}

/** @param {ReturnType<typeof headerRules>} rules @param {string} path */
const headersOf = (rules, path) => Object.assign({}, ...rules.filter((rule) => rule.path.test(path)).map((rule) => rule.headers));

/**
 * Serves `folder` below `prefix`.
 * @param {string} folder
 * @param {object} [options]
 * @param {number} [options.port] 0 takes a free one
 * @param {string} [options.prefix] starts and ends with a slash
 * @param {boolean} [options.compress] send what is no picture through gzip, as static hosts do
 * @param {{ bytesPerSecond: number, latency: number }} [options.slow] answer as over a slow line
 * @param {boolean} [options.clean] send addresses of pages to shorter ones, as some hosts do: index.html to ./,
 *   page.html to page
 * @param {Record<string, string>} [options.headers] for every answer
 * @param {(bytes: number) => void} [options.onSent] hears of every answer
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve(folder, { port = 0, prefix = '/', compress = false, slow, clean = false, headers = {}, onSent = () => {} } = {}) {
  const root = resolve(folder);
  const rules = headerRules(await readFile(join(root, '_headers'), 'utf8').catch(() => ''));
  let free = 0; // the time at which the slow line has sent everything
  /** One answer on the line that all answers share. */
  const line = ({ bytesPerSecond, latency }) => {
    let begun = false;
    return new Transform({
      transform(chunk, _, done) {
        const start = Math.max(free, performance.now() + (begun ? 0 : latency));
        begun = true;
        free = start + (chunk.length / bytesPerSecond) * 1000;
        setTimeout(done, free - performance.now(), null, chunk);
      },
    });
  };
  const server = createServer(async (request, response) => {
    const fail = (status, text) => response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
    if (request.method !== 'GET' && request.method !== 'HEAD') return fail(405, 'only GET and HEAD\n');
    let path;
    try {
      path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    } catch {
      return fail(400, 'malformed address\n');
    }
    if (!path.startsWith(prefix)) return fail(404, `nothing here; the site is at ${prefix}\n`);
    let file = join(root, path.slice(prefix.length));
    if (file !== root && !file.startsWith(root + sep)) return fail(404, 'not found\n');
    const { search } = new URL(request.url, 'http://localhost');
    const shorter = clean && path.replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, '');
    if (clean && shorter !== path) return response.writeHead(301, { location: shorter + search }).end();
    let info = await stat(file).catch(() => undefined);
    if (clean && !info) {
      file = `${file}.html`;
      info = await stat(file).catch(() => undefined);
    }
    if (info?.isDirectory()) {
      file = join(file, 'index.html');
      info = await stat(file).catch(() => undefined);
    }
    if (!info?.isFile()) return fail(404, 'not found\n');
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    const gzip = compress && !/^image\/(?!svg)/.test(type);
    response.writeHead(200, {
      'content-type': type,
      'cache-control': 'no-cache',
      ...headersOf(rules, `/${path.slice(prefix.length)}`),
      ...headers,
      ...(gzip ? { 'content-encoding': 'gzip' } : { 'content-length': info.size }),
    });
    if (request.method === 'HEAD') return response.end();
    const failed = (error) => { if (error) response.destroy(); };
    const before = request.socket.bytesWritten;
    response.on('finish', () => onSent(request.socket.bytesWritten - before));
    pipeline([createReadStream(file), ...(gzip ? [createGzip()] : []), ...(slow ? [line(slow)] : []), response], failed);
  });
  await new Promise((done, failed) => server.once('error', failed).listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, port] = process.argv.slice(2);
  try {
    const { url } = await serve(folder, { port: Number(port) });
    console.log(`serving ${folder} at ${url} (Ctrl-C ends it)`);
  } catch (error) {
    console.error(error.code === 'EADDRINUSE'
      ? `port ${port} is in use: ./build.sh serve ANOTHER_PORT`
      : `cannot serve on port ${port}: ${error.message}`);
    process.exit(1);
  }
}
