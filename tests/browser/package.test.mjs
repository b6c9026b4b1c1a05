// The npm package (pkg/) as a developer uses it: packed, installed into a Vite project, type-checked,
// built, and run in a browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

import { serve } from './server.mjs';
import { assertAlike, files, heard, native, root, run } from './visit.mjs';

const tool = (path) => join(import.meta.dirname, 'node_modules', path);
/** The project, whose page paints by function and by element. */
const PROJECT = {
  'package.json': JSON.stringify({ name: 'somebodys-site', private: true, type: 'module' }),
  'vite.config.js': "export default { base: './', optimizeDeps: { exclude: ['impasto-stylizer'] }, worker: { format: 'es' } };\n",
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      strict: true, noEmit: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler',
      lib: ['es2022', 'dom'], types: [],
    },
    files: ['main.ts', 'url.d.ts'],
  }),
  'index.html': `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>Somebody’s site</title>
<photo-stylizer src="photo.png" style-src="style.png" size="96" engine="cpu" alt="A painted landscape"></photo-stylizer>
<canvas id="painting"></canvas>
<script type="module" src="./main.ts"></script>
`,
  'main.ts': `import { EngineFailed, Stylizer } from 'impasto-stylizer';
import type { PhotoStylizer } from 'impasto-stylizer/photo-stylizer';
import 'impasto-stylizer/photo-stylizer';
import weights from 'impasto-stylizer/weights?url';

const picture = async (name: string): Promise<Blob> => (await fetch(name)).blob();

async function paint(): Promise<void> {
  const steps: string[] = [];
  const stylizer = await Stylizer.load({ engine: 'cpu', weights, onProgress: ({ step }) => { steps.push(step); } });
  const style = await stylizer.encodeStyle(await picture('style.png'));
  const photo = await stylizer.encodePhoto(await picture('photo.png'), { size: 128 });
  const canvas = document.querySelector<HTMLCanvasElement>('#painting')!;
  const pixels: ImageData = await stylizer.stylize(photo, [{ style, weight: 1 }], { strength: 0.75, canvas });
  const kind: 'webgpu' | 'cpu' = stylizer.engine.kind;
  const element: PhotoStylizer = document.querySelector('photo-stylizer')!;
  element.addEventListener('refined', ({ detail }) => console.log(detail.width));
  if (element.state !== 'painted') await new Promise((done) => { element.addEventListener('painted', done); });
  document.title = [kind, pixels.width, pixels.height, new Set(steps).size].join(' ');
}

paint().catch((error: Error) => {
  const code: 'offline' | 'memory' | 'lost' | 'timeout' | 'crashed' | 'unsupported' | 'blocked' | undefined =
    error instanceof EngineFailed ? error.code : undefined;
  document.title = \`failed: \${code} \${error.message}\`;
});
`,
  // What Vite knows by its own types, which the compiler has not here.
  'url.d.ts': "declare module '*?url' { const url: string; export default url; }\n",
  // Types, not any.
  'wrong.ts': `import { Stylizer } from 'impasto-stylizer';
await (await Stylizer.load({ engine: 'abacus' })).encodeStyle(42);
`,
};

let folder;
let project;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'impasto-package-'));
  project = join(folder, 'site');
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });
  await mkdir(join(project, 'public'), { recursive: true });
  for (const [name, text] of Object.entries(PROJECT)) await writeFile(join(project, name), text);
  await copyFile(files.photo, join(project, 'public/photo.png'));
  await copyFile(files.style, join(project, 'public/style.png'));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/** Waits until the page at `url` has painted, and compares with the command line. */
async function assertPaints(t, url, name) {
  const page = await browser.newPage();
  const { complaints, requests } = heard(page.context());
  try {
    await page.goto(url);
    await page.waitForFunction(() => /^(cpu|failed)/.test(document.title), undefined, { timeout: 120_000 });
    assert.equal(await page.title(), 'cpu 128 96 2', complaints.join('\n'));
    const shown = await page.evaluate(() => {
      const read = (canvas) => {
        const { width, height } = canvas;
        return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
      };
      const inside = document.querySelector('photo-stylizer').shadowRoot.querySelector('canvas');
      return { function: read(document.getElementById('painting')), element: read(inside), label: inside.ariaLabel };
    });
    assert.equal(shown.label, 'A painted landscape');
    for (const [way, options] of [['function', ['--size', '128', '--strength', '0.75']], ['element', ['--size', '96']]]) {
      const { width, height, data } = shown[way];
      const png = new PNG({ width, height });
      png.data = Buffer.from(data);
      const file = join(folder, `${name}-${way}.png`);
      await writeFile(file, PNG.sync.write(png));
      await assertAlike(t, file, await native(`package-${name}-${way}.png`, files.photo, '--style', files.style, ...options));
    }
    assert.deepEqual(complaints, []);
    const foreign = requests.filter((one) => !one.startsWith(new URL(url).origin) && !/^(blob|data):/.test(one));
    assert.deepEqual(foreign, [], 'requests that left the site');
  } finally {
    await page.close();
  }
}

test('the package has all its files, and installs from its tarball without a network', async () => {
  const { stdout } = await run('npm', ['pack', join(root, 'pkg'), '--json', '--pack-destination', folder]);
  const [{ filename, files: packed }] = JSON.parse(stdout);
  const paths = packed.map(({ path }) => path);
  for (const path of ['README.md', 'CHANGELOG.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'www/stylizer.js', 'www/stylizer.d.ts',
    'engine/cpu/impasto_bg.wasm', 'engine/gpu/impasto_bg.wasm', 'models/impasto.safetensors']) {
    assert.ok(paths.includes(path), `${path} is in the package`);
  }
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)], { cwd: project });
});

test('its modules are harmless where there is no page, and a server gets no engine', async () => {
  const node = (code) => run(process.execPath, ['--input-type=module', '--eval', code], { cwd: project });
  // As a server sees them that does not know the condition “node”.
  const modules = (await readdir(join(root, 'pkg/www'))).filter((name) => /^(?!worker).*\.js$/.test(name));
  assert.ok(modules.includes('photo-stylizer.js'));
  await node(modules.map((name) => `await import(${JSON.stringify(pathToFileURL(join(root, 'pkg/www', name)).href)});`).join('\n'));

  const { stdout } = await node(`
    import * as stylizer from 'impasto-stylizer';
    import { PhotoStylizer } from 'impasto-stylizer/photo-stylizer';
    const here = (path) => import.meta.resolve(path).split('/').at(-1);
    const failure = await stylizer.Stylizer.load().catch((error) => error);
    console.log(JSON.stringify([here('impasto-stylizer'), here('impasto-stylizer/photo-stylizer'), typeof PhotoStylizer,
      failure instanceof stylizer.EngineFailed, failure.code, Object.keys(stylizer)]));`);
  const [main, element, kind, typed, code, names] = JSON.parse(stdout);
  assert.deepEqual([main, element, kind, typed, code], ['node.js', 'node.js', 'function', true, 'unsupported']);
  // It has every name that browsers get.
  const all = await node(`console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(pathToFileURL(join(root, 'pkg/www/stylizer.js')).href)}))))`);
  assert.deepEqual(JSON.parse(all.stdout).filter((name) => !names.includes(name)), []);
});

test('it names the repository that it was built in', async () => {
  const file = join(folder, 'about.json');
  await run(process.execPath, [join(root, 'tools/package.mjs'), file], { env: { ...process.env, GITHUB_REPOSITORY: 'somebody/painting' } });
  const about = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(about.repository.url, 'git+https://github.com/somebody/painting.git');
  assert.equal(about.bugs.url, 'https://github.com/somebody/painting/issues');
  assert.match(about.version, /^\d+\.\d+\.\d+/);
  assert.ok(about.keywords.length > 5);
});

test('its types are right', async () => {
  const tsc = (...options) => run(process.execPath, [tool('typescript/bin/tsc'), ...options], { cwd: project });
  await tsc('-p', '.');
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler'];
  const complaint = await tsc(...options, 'wrong.ts').then(() => assert.fail('wrong types passed'), ({ stdout }) => stdout);
  assert.match(complaint, /abacus/);
  assert.match(complaint, /number/);
});

test('a site that Vite builds with it paints', async (t) => {
  await run(process.execPath, [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: project });
  const site = await serve(join(project, 'dist'), { prefix: '/somebody/' });
  try {
    await assertPaints(t, site.url, 'built');
  } finally {
    await site.close();
  }
});

test('a site on Vite’s development server paints', async (t) => {
  const server = spawn(process.execPath, [tool('vite/bin/vite.js'), '--host', '127.0.0.1', '--port', '0'],
    { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let said = '';
    const url = await new Promise((done, failed) => {
      server.once('exit', () => failed(new Error(`Vite ended: ${said}`)));
      server.stdout.on('data', (data) => {
        said += String(data).replace(/\x1b\[\d+m/g, '');
        const found = said.match(/http:\/\/127\.0\.0\.1:\d+\/\S*/);
        if (found) done(found[0]);
      });
    });
    await assertPaints(t, url, 'served');
  } finally {
    server.kill();
  }
});
