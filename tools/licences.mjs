// Writes which work of others is in the site, and on what terms: licences.mjs OUT

import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const FEATURES = ['--locked', '--no-default-features', '--features', 'cpu,gpu,learn'];

async function cargo(...options) {
  const { stdout } = await promisify(execFile)('cargo', options, { cwd: root, maxBuffer: 1e8 });
  return stdout;
}

/** The crates in the engines, as `name version`: not those that only build or test them. */
async function crates() {
  const tree = await cargo('tree', ...FEATURES, '--target', 'wasm32-unknown-unknown', '--edges', 'normal,no-proc-macro',
    '--prefix', 'none', '--format', '{p}');
  const names = tree.split('\n').filter((line) => / v\d/.test(line)).map((line) => line.replace(/^(\S+) v(\S+).*$/, '$1 $2'));
  return new Set(names);
}

/** The licence texts in a folder; of several to choose from, MIT's. */
async function textsIn(folder) {
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
  const mit = names.filter((name) => /mit/i.test(name));
  const wanted = mit.length ? mit : names;
  const texts = await Promise.all(wanted.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return texts.map((one) => one.replaceAll('\r', '').trim()).filter(Boolean);
}

const wanted = await crates();
const { packages } = JSON.parse(await cargo('metadata', '--format-version', '1', ...FEATURES, '--filter-platform', 'wasm32-unknown-unknown'));
// Without a source it is our own.
const parts = packages.filter(({ name, version, source }) => source && wanted.has(`${name} ${version}`))
  .map(({ name, version, license, manifest_path: path }) => ({ name: `${name} ${version}`, terms: license ?? 'see below', folder: dirname(path) }));
const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
for (const name of Object.keys(dependencies)) {
  const folder = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  parts.push({ name: `${name} ${version}`, terms: license, folder });
}
parts.sort((a, b) => a.name.localeCompare(b.name, 'en'));

/** Text → who comes with it; many come with the very same one. */
const texts = new Map();
for (const { name, folder } of parts) {
  for (const one of await textsIn(folder)) texts.set(one, [...(texts.get(one) ?? []), name]);
}
const width = Math.max(...parts.map(({ name }) => name.length)) + 2;
const rule = '-'.repeat(76);
await writeFile(process.argv[2], `Impasto is under the MIT or the Apache-2.0 licence, as you like. It contains:

${parts.map(({ name, terms }) => name.padEnd(width) + terms).join('\n')}

${[...texts].map(([one, names]) => `${rule}\n${names.join(', ')}\n\n${one}\n`).join('\n')}`);
