// The npm package (pkg/) as a developer uses it: packed, installed into a Vite project, type-checked,
// built, and run in a browser.

import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

import { serve } from './server.mjs';
import { assertAlike, files, native, root, run } from './visit.mjs';

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
    files: ['main.ts'],
  }),
  'index.html': `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>Somebody’s site</title>
<photo-stylizer src="photo.png" style-src="style.png" size="96" engine="cpu" alt="A painted landscape"></photo-stylizer>
<canvas id="painting"></canvas>
<script type="module" src="./main.ts"></script>
`,
  'main.ts': `import { Stylizer } from 'impasto-stylizer';
import { PhotoStylizer } from 'impasto-stylizer/photo-stylizer';
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
  const element = document.querySelector('photo-stylizer') as PhotoStylizer;
  if (element.state !== 'painted') await new Promise((done) => { element.addEventListener('painted', done); });
  document.title = [kind, pixels.width, pixels.height, new Set(steps).size].join(' ');
}

paint().catch((error: Error) => { document.title = \`failed: \${error.message}\`; });
`,
  // What does not exist must not pass.
  'wrong.ts': `import { Stylizer } from 'impasto-stylizer';
await (await Stylizer.load({ engine: 'abacus' })).encodeStyle(42);
`,
};

let folder;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'impasto-package-'));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

test('the package installs from its tarball, has types, builds with Vite and paints', async (t) => {
  const { stdout } = await run('npm', ['pack', join(root, 'pkg'), '--json', '--pack-destination', folder]);
  const [{ filename, files: packed }] = JSON.parse(stdout);
  const paths = packed.map(({ path }) => path);
  for (const path of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'www/stylizer.js', 'www/stylizer.d.ts',
    'engine/cpu/impasto_bg.wasm', 'engine/gpu/impasto_bg.wasm', 'models/impasto.safetensors']) {
    assert.ok(paths.includes(path), `${path} is in the package`);
  }

  const project = join(folder, 'site');
  await mkdir(join(project, 'public'), { recursive: true });
  for (const [name, text] of Object.entries(PROJECT)) await writeFile(join(project, name), text);
  await copyFile(files.photo, join(project, 'public/photo.png'));
  await copyFile(files.style, join(project, 'public/style.png'));
  await run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)], { cwd: project });

  await run(process.execPath, [tool('typescript/bin/tsc'), '-p', '.'], { cwd: project }).catch(({ stdout: complaint }) => {
    // Vite's own types, which know of ?url, are not installed here.
    const others = complaint.trim().split('\n').filter((line) => !line.includes("'impasto-stylizer/weights?url'"));
    assert.deepEqual(others, []);
  });
  const wrong = await run(process.execPath, [tool('typescript/bin/tsc'), '--strict', '--noEmit', '--target', 'es2022', '--module', 'esnext',
    '--moduleResolution', 'bundler', 'wrong.ts'], { cwd: project }).then(() => '', ({ stdout: complaint }) => complaint);
  assert.match(wrong, /abacus/);
  assert.match(wrong, /number/);

  await run(process.execPath, [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: project });
  const site = await serve(join(project, 'dist'), { prefix: '/somebody/' });
  try {
    const page = await browser.newPage();
    const complaints = [];
    const requests = [];
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(site.url);
    await page.waitForFunction(() => /^(cpu|failed)/.test(document.title), undefined, { timeout: 120_000 });
    assert.equal(await page.title(), 'cpu 128 96 2', complaints.join('\n'));
    const shown = await page.evaluate(() => {
      const read = (canvas) => {
        const { width, height } = canvas;
        return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
      };
      return {
        function: read(document.getElementById('painting')),
        element: read(document.querySelector('photo-stylizer').shadowRoot.querySelector('canvas')),
        label: document.querySelector('photo-stylizer').shadowRoot.querySelector('canvas').ariaLabel,
      };
    });
    assert.equal(shown.label, 'A painted landscape');
    for (const [name, options] of [['function', ['--size', '128', '--strength', '0.75']], ['element', ['--size', '96']]]) {
      const { width, height, data } = shown[name];
      const png = new PNG({ width, height });
      png.data = Buffer.from(data);
      const file = join(folder, `${name}.png`);
      await writeFile(file, PNG.sync.write(png));
      await assertAlike(t, file, await native(`package-${name}.png`, files.photo, '--style', files.style, ...options));
    }
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests.filter((url) => !url.startsWith(site.url) && !/^(blob|data):/.test(url)), []);
  } finally {
    await site.close();
  }
});
