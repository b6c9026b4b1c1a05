// What ./build.sh dev runs: pages are loaded anew when what they are made from changes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { browser, root } from './visit.mjs';

test('a page is loaded anew when its sources are built, and stays when they cannot be', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'impasto-dev-'));
  const [source, site] = ['source', 'site'].map((name) => join(folder, name));
  const write = (words) => writeFile(join(source, 'index.html'), `<!doctype html><html><head>
    <meta http-equiv="Content-Security-Policy" content="default-src 'self'; img-src data:"><link rel="icon" href="data:,"><title>${words}</title></head>`);
  await mkdir(join(source, 'www'), { recursive: true });
  await writeFile(join(source, 'www/page.js'), '1');
  await write('one');
  await cp(source, site, { recursive: true });
  await writeFile(join(site, 'service-worker.js'), "throw new Error('not this one');");
  // As build.sh does, into a folder that takes the other's place.
  const build = `grep -q wrong ${source}/index.html && exit 1; rm -rf ${site}; cp -r ${source} ${site}`;
  const server = spawn(process.execPath, [join(root, 'tools/dev.mjs'), site, '0', join(source, 'www'), join(source, 'index.html'), '--', 'bash', '-c', build], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const saying = async (words) => {
    while (!words.test(said)) await new Promise((done) => { server.stdout.once('data', done); server.stderr.once('data', done); });
    return said.match(words);
  };
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => { said += data; });
  const page = await (await browser([])).newPage();
  try {
    const [url] = await saying(/http:\/\/[\d.]+:\d+\//);
    await page.goto(url);
    assert.equal(await page.title(), 'one');
    assert.match(await (await fetch(`${url}service-worker.js`)).text(), /unregister/);
    await write('two');
    await page.waitForFunction(() => document.title === 'two');
    await write('wrong');
    await saying(/did not build/);
    assert.equal(await page.title(), 'two');
    await write('three');
    await page.waitForFunction(() => document.title === 'three');
    const built = said.match(/built at/g).length;
    await writeFile(join(source, 'www/page.js'), '2');
    await saying(new RegExp(`(built at[^]*){${built + 1}}`));
  } finally {
    await page.close();
    server.kill();
    await rm(folder, { recursive: true });
  }
});
