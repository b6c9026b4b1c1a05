// Races the page's engines against other runtimes in a browser, and prints the report.
//
//   ./build.sh                                # makes dist/
//   node tests/benchmark/browser.mjs          # in headless Chromium
//   node tests/benchmark/browser.mjs --serve  # for any browser: open the address that it prints
//
// --sizes 256,512      sides of the photo
// --gpu-sizes 256      those at which WebGPU is raced (default: all, or up to 256 where it is emulated)
// --runs 9             of each engine
// --only cpu,wasm      engines with one of these in their name
// --no-webgpu          start the browser without WebGPU
// --dist DIR           the built site (default: dist)
//
// Needs Python 3 with the packages onnx and numpy. What it downloads and makes stays in this folder's
// node_modules/, models/ and site/; nothing of it is part of the site.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { serve } from '../browser/server.mjs';

const here = import.meta.dirname;
const require = createRequire(join(here, 'package.json'));
const root = resolve(here, '../..');
const models = join(here, 'models');
const site = join(here, 'site');
const { values: options } = parseArgs({
  options: {
    serve: { type: 'boolean' },
    port: { type: 'string', default: '8081' },
    sizes: { type: 'string', default: '256,512' },
    'gpu-sizes': { type: 'string' },
    runs: { type: 'string', default: '9' },
    only: { type: 'string' },
    'no-webgpu': { type: 'boolean' },
    dist: { type: 'string', default: join(root, 'dist') },
  },
});
const exists = (file) => stat(file).then(() => true, () => false);
const newer = async (file, than) => (await exists(file)) && (await stat(file)).mtimeMs > (await stat(than)).mtimeMs;
const run = (program, ...of) => execFileSync(program, of, { stdio: ['ignore', 'inherit', 'inherit'] });
const python = process.env.PYTHON ?? 'python3';
const dist = resolve(options.dist);
if (!await exists(join(dist, 'www/bench.html'))) {
  console.error(`${dist} is no built site: run ./build.sh`);
  process.exit(1);
}

// ---- what is raced ------------------------------------------------------------------------------

if (!await newer(join(here, 'node_modules/.package-lock.json'), join(here, 'package-lock.json'))) {
  run('npm', 'ci', '--prefix', here, '--no-audit', '--no-fund', '--loglevel=error');
}
const sizes = options.serve ? [256, 384, 512, 1024] : options.sizes.split(',').map(Number);
const weights = join(dist, 'models/impasto.safetensors');
// By content: weights may change for older ones.
const sources = await Promise.all([weights, join(here, 'export_onnx.py')].map((file) => readFile(file)));
const madeFrom = createHash('sha256').update(Buffer.concat(sources)).digest('hex');
for (const size of sizes) {
  const stamp = join(models, `stylize-${size}.made-from`);
  if (await exists(stamp) && await readFile(stamp, 'utf8') === madeFrom) continue;
  run(python, join(here, 'export_onnx.py'), '--weights', weights, '--out', models, '--sizes', String(size));
  await writeFile(stamp, madeFrom);
}
if (!await exists(join(models, 'arbitrary_transform.onnx'))) run(python, join(here, 'magenta.py'), models);

// ---- the site, and the peers beside it ----------------------------------------------------------

await rm(site, { recursive: true, force: true });
const peers = join(site, 'peers');
await mkdir(join(peers, 'ort'), { recursive: true });
// Not the site's own headers: the peers start workers of other kinds.
for (const name of await readdir(dist)) if (name !== '_headers') await symlink(join(dist, name), join(site, name));
await symlink(models, join(peers, 'models'));
for (const name of ['peers.js', 'ort.js', 'colours.js']) await copyFile(join(here, 'peers', name), join(peers, name));
await writeFile(join(peers, 'sizes.json'), JSON.stringify(sizes));
const ort = join(here, 'node_modules/onnxruntime-web/dist');
const wanted = /^ort\.(wasm|webgpu)\.bundle\.min\.mjs$|^ort-wasm-simd-threaded(\.asyncify|\.jsep)?\.(mjs|wasm)$/;
await cp(ort, join(peers, 'ort'), { recursive: true, filter: (file) => file === ort || wanted.test(file.split('/').at(-1)) });
require('esbuild').buildSync({
  entryPoints: [join(here, 'peers/tfjs.js')], outfile: join(peers, 'tfjs.js'), bundle: true, minify: true, format: 'esm', target: 'es2022',
  external: ['../www/*', './colours.js'], logLevel: 'warning',
});

const query = new URLSearchParams({ peers: '' });
if (options.serve) {
  const { url } = await serve(site, { port: Number(options.port) });
  console.log(`open ${url}www/bench.html?${query} (Ctrl-C ends it)`);
} else {
  for (const name of ['sizes', 'gpu-sizes', 'runs', 'only']) if (options[name]) query.set(name, options[name]);
  query.set('run', '');
  const { url, close } = await serve(site);
  const { chromium } = require('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', ...(options['no-webgpu'] ? [] : ['--enable-unsafe-webgpu'])],
  });
  try {
    const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block' });
    const page = await context.newPage();
    page.on('console', (message) => { if (message.type() === 'error') console.error(`console: ${message.text()}`); });
    page.on('pageerror', (error) => console.error(`page: ${error.message}`));
    await page.goto(`${url}www/bench.html?${query}`);
    let told = '';
    while (!await page.evaluate(() => document.documentElement.dataset.done)) {
      const status = await page.textContent('#status');
      if (status && status !== told) console.error(status);
      told = status ?? '';
      await new Promise((done) => { setTimeout(done, 500); });
    }
    const report = await page.textContent('#report');
    if (!report) throw new Error(`no report: ${await page.textContent('#status')}`);
    console.log(report);
  } finally {
    await browser.close();
    await close();
  }
}
