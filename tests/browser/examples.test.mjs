// examples/web: each is built as its README says, against the package of this build, and paints in a browser.
// Next is too large to install for this; what it needs of the package (imports without a DOM) package.test.mjs has.

import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';

import { serve } from './server.mjs';
import { assertAlike, browser, files, heard, native, root, run, save } from './visit.mjs';

const tools = join(import.meta.dirname, 'node_modules');
let folder;
let tarball;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'impasto-examples-'));
  const { stdout } = await run('npm', ['pack', join(root, 'pkg'), '--json', '--pack-destination', folder]);
  tarball = join(folder, JSON.parse(stdout)[0].filename);
});
after(() => rm(folder, { recursive: true }));

/** An example in a folder of its own, with the package installed, and its tools as the tests have them. */
async function example(name, ...needed) {
  const project = join(folder, name);
  await cp(join(root, 'examples/web', name), project, { recursive: true });
  await mkdir(join(project, 'node_modules/impasto-stylizer'), { recursive: true });
  await run('tar', ['xzf', tarball, '--strip-components=1', '-C', join(project, 'node_modules/impasto-stylizer')]);
  for (const tool of needed) await symlink(join(tools, tool), join(project, 'node_modules', tool));
  const { devDependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  const { dependencies } = JSON.parse(await readFile(join(import.meta.dirname, 'package.json'), 'utf8'));
  for (const [tool, version] of Object.entries(devDependencies)) assert.equal(version, dependencies[tool], `${tool} is what the tests have`);
  const path = [join(tools, '.bin'), process.env.PATH].join(delimiter);
  await run('npm', ['run', 'build'], { cwd: project, env: { ...process.env, PATH: path } });
  return project;
}

/** Chooses a photo and a style in the page, and compares the painting with the command line's. */
async function assertPaints(t, name, url, allowed = []) {
  const page = await (await browser([])).newPage();
  const { complaints, requests } = heard(page.context());
  try {
    await page.goto(url);
    await page.setInputFiles('#photo', files.smallPhoto);
    await page.setInputFiles('#style', files.style);
    await page.waitForFunction(() => document.querySelector('photo-stylizer[state=painted]')
      || /^Painted/.test(document.querySelector('#words')?.textContent ?? ''), undefined, { timeout: 120_000 });
    const picture = await page.evaluate(() => {
      const canvas = document.getElementById('painting') ?? document.querySelector('photo-stylizer').shadowRoot.querySelector('canvas');
      const { width, height } = canvas;
      return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
    });
    await assertAlike(t, await save(`example-${name}.png`, picture), await native(`native-${name}.png`, files.smallPhoto, '--style', files.style));
    assert.deepEqual(complaints, []);
    const own = [new URL(url).origin, ...allowed];
    assert.deepEqual(requests.filter((one) => !own.some((site) => one.startsWith(site)) && !/^(blob|data):/.test(one)), []);
  } finally {
    await page.close();
  }
}

for (const [name, needed] of [['vite', ['vite']], ['webpack', []], ['esbuild', ['esbuild']]]) {
  test(`${name}: the example is built and paints`, async (t) => {
    const project = await example(name, ...needed);
    // The types know the element and its events.
    if (name === 'vite') {
      await run(process.execPath, [join(tools, 'typescript/bin/tsc'), '--strict', '--noEmit', '--target', 'es2022', '--module', 'esnext',
        '--moduleResolution', 'bundler', '--lib', 'es2022,dom', 'main.ts'], { cwd: project });
    }
    const site = await serve(join(project, 'dist'), { prefix: '/somebody/' });
    try {
      await assertPaints(t, name, site.url);
    } finally {
      await site.close();
    }
  });
}

test('cdn: the page paints with files of another site', async (t) => {
  const cdn = await serve(join(root, 'pkg'), { headers: { 'access-control-allow-origin': '*' } });
  const html = await readFile(join(root, 'examples/web/cdn/index.html'), 'utf8');
  const address = /https:\/\/cdn\.jsdelivr\.net\/npm\/impasto-stylizer@[\d.]+\//;
  assert.match(html, address);
  await mkdir(join(folder, 'cdn'));
  await writeFile(join(folder, 'cdn/index.html'), html.replace(address, cdn.url));
  const site = await serve(join(folder, 'cdn'));
  try {
    await assertPaints(t, 'cdn', site.url, [cdn.url]);
  } finally {
    await site.close();
    await cdn.close();
  }
});
