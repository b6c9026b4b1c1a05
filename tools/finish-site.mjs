// The last step of building the site: finish-site.mjs DIST
//
// Writes what only a finished build knows: www/build.js (see www/build.d.ts), and at the top the
// service worker with the list of all files and their hashes, and _headers, which some hosts send.

import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { SIDE, photo, style } from '../www/known.js';

const dist = resolve(process.argv[2]);
const sha256 = (bytes, digits) => createHash('sha256').update(bytes).digest(digits);

/** The known painting, by the engine that was just built. */
async function knownPainting(weights) {
  const { default: init, ...code } = await import(pathToFileURL(join(dist, 'engine/cpu/impasto.js')).href);
  await init({ module_or_path: await readFile(join(dist, 'engine/cpu/impasto_bg.wasm')) });
  const engine = await code.Engine.create(weights);
  const layers = new code.Layers();
  layers.style(engine.style(SIDE, SIDE, style(), SIDE), 1);
  const painting = await engine.stylize(engine.photo(SIDE, SIDE, photo(), SIDE), layers, 1, 'style', () => {});
  return Buffer.from(painting.rgba).toString('base64');
}

/** Paths of all files below a folder, with slashes, sorted. */
async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dist.length + 1).replaceAll('\\', '/'))
    .sort();
}

const weights = await readFile(join(dist, 'models/impasto.safetensors'));
const known = await knownPainting(weights);
const hashes = async (files) => Promise.all(files.map(async (file) => [file, sha256(await readFile(join(dist, file)), 'base64')]));
const version = sha256(JSON.stringify(await hashes(await filesOf(dist))), 'hex').slice(0, 16);
await writeFile(join(dist, 'www/build.js'), `// Written by build.sh; see build.d.ts.
export const version = '${version}';
export const weightsHash = '${sha256(weights, 'hex')}';
export const refinerHash = '${sha256(await readFile(join(dist, 'models/vgg19-relu4_1.safetensors')), 'hex')}';
export const knownPainting = '${known}';
`);
for (const name of ['build', 'gifenc']) await rm(join(dist, `www/${name}.d.ts`), { force: true });

// A service worker rules over its own folder only, so it moves to the top.
const worker = await readFile(join(dist, 'www/service-worker.js'), 'utf8');
await rm(join(dist, 'www/service-worker.js'));
const list = await hashes(await filesOf(dist));
const [, policy] = (await readFile(join(dist, 'index.html'), 'utf8')).match(/http-equiv="Content-Security-Policy" content="([^"]+)"/);
const filled = worker.replace("'VERSION'", `'${version}'`).replace("'POLICY'", () => JSON.stringify(policy)).replace('/* FILES */', () => JSON.stringify(Object.fromEntries(list), null, 1).slice(1, -1));
if (filled.includes("'VERSION'") || filled.includes("'POLICY'") || filled.includes('/* FILES */')) throw new Error('the service worker has no place for the files');
await writeFile(join(dist, 'service-worker.js'), filled);

// In the form of Cloudflare Pages and Netlify; see docs/hosting.md. Not among the files above: it is not for browsers.
await writeFile(join(dist, '_headers'), `/*
  Content-Security-Policy: ${policy}
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
${['models', 'www/icons', 'www/samples', 'www/styles'].map((folder) => `/${folder}/*
  Cache-Control: public, max-age=86400
`).join('')}`);
