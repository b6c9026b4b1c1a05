// Serves a folder, builds it anew when what it is made from changes, and has open pages load it then:
// dev.mjs FOLDER PORT WATCHED... -- COMMAND...

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, watch } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname } from 'node:path';

import { serve } from '../tests/browser/server.mjs';

const [folder, port, ...rest] = process.argv.slice(2);
const at = rest.indexOf('--');
const [watched, [command, ...args]] = [rest.slice(0, at), rest.slice(at + 1)];

/** Pages that wait to be told. @type {Set<import('node:http').ServerResponse>} */
const open = new Set();

/** What a page of this server has besides its own. */
const RELOAD = "new EventSource('/dev-changes').onmessage = () => location.reload();\n";
/** In place of the site's: what it keeps for visits without a network would be shown in place of what was just built. */
const NO_WORKER = `addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(registration.unregister()));\n`;

const site = await serve(folder);
const server = createServer(async (request, response) => {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  if (pathname === '/dev-changes') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('\n');
    open.add(response);
    response.on('close', () => open.delete(response));
    return;
  }
  const script = { '/dev-reload.js': RELOAD, '/service-worker.js': NO_WORKER }[pathname];
  if (script) return response.writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'no-store' }).end(script);
  const answer = await fetch(new URL(pathname + search, site.url), { method: request.method, redirect: 'manual' }).catch(() => undefined);
  if (!answer) return response.writeHead(502).end();
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !['connection', 'content-length', 'keep-alive', 'transfer-encoding'].includes(name)));
  let body = Buffer.from(await answer.arrayBuffer());
  if (headers['content-type']?.startsWith('text/html')) {
    // Beside the page's own scripts, which its policy allows.
    body = Buffer.from(String(body).replace('</head>', '<script src="/dev-reload.js"></script></head>'));
  }
  response.writeHead(answer.status, { ...headers, 'cache-control': 'no-store' }).end(body);
});
server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `port ${port} is in use: ./build.sh dev ANOTHER_PORT` : `cannot serve on port ${port}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(port), '127.0.0.1', () =>
  console.log(`serving ${folder} at http://127.0.0.1:${server.address().port}/, anew when ${watched.join(' or ')} changes (Ctrl-C ends it)`));

let wanted = false;
let building = false;
async function rebuild() {
  wanted = true;
  if (building) return;
  building = true;
  while (wanted) {
    wanted = false;
    const [code] = await once(spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
    if (code !== 0) {
      console.error('that did not build; the page stays as it was');
      continue;
    }
    if (wanted) continue;
    console.log(`built at ${new Date().toLocaleTimeString()}`);
    for (const page of open) page.write('data: built\n\n');
  }
  building = false;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
const changed = () => {
  // Editors write a file in several steps.
  clearTimeout(soon);
  soon = setTimeout(rebuild, 100);
};
for (const path of watched) {
  // A file is watched by its folder: many editors put another one in its place.
  if (statSync(path).isDirectory()) watch(path, { recursive: true }, changed);
  else watch(dirname(path), (_, name) => { if (name === basename(path)) changed(); });
}
