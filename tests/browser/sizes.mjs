// Prints what a visitor downloads of the large files, and the budget of each: sizes.mjs CACHE.json DIST [--check]
//
// With --check it fails where a budget is passed. Compressing at brotli's best takes a while, so results
// are kept in CACHE.json under the hash of the content.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

/**
 * Bytes. Hosts compress wasm; a type that they do not know, as that of the weights, goes as it is.
 * @type {[file: string, measure: 'brotli' | 'raw', budget: number][]}
 */
const BUDGETS = [
  ['engine/cpu/impasto_bg.wasm', 'brotli', 350_000],
  ['engine/gpu/impasto_bg.wasm', 'brotli', 1_500_000],
  ['models/impasto.safetensors', 'raw', 2_000_000],
  // Only where a style is learned.
  ['engine/learn/impasto_bg.wasm', 'brotli', 2_000_000],
  // Only where a painting is refined, or a style is learned.
  ['models/vgg19-relu4_1.safetensors', 'raw', 1_500_000],
];

const compress = promisify(brotliCompress);
const [cacheFile, dist, flag] = process.argv.slice(2);

let cache;
try {
  cache = JSON.parse(await readFile(cacheFile, 'utf8'));
} catch {
  cache = {}; // none yet, or cut short: it can be made again
}

const rows = await Promise.all(BUDGETS.map(async ([file, measure, budget]) => {
  const bytes = await readFile(join(dist, file));
  const hash = createHash('sha256').update(bytes).digest('hex');
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const brotli = cache[hash] ?? (await compress(bytes, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
  })).length;
  return { file, hash, raw: bytes.length, brotli, measure, budget };
}));
await writeFile(cacheFile, JSON.stringify(Object.fromEntries(rows.map(({ hash, brotli }) => [hash, brotli]))));

const number = (/** @type {number} */ value) => value.toLocaleString('en').padStart(11);
console.log(`${'raw'.padStart(11)} ${'brotli'.padStart(11)} ${'budget'.padStart(11)}`);
for (const row of rows) {
  console.log(`${number(row.raw)} ${number(row.brotli)} ${number(row.budget)}  ${row.file} (${row.measure})`);
}
const passed = rows.filter((row) => row[row.measure] > row.budget);
if (flag === '--check' && passed.length) {
  for (const { file, measure, budget, ...row } of passed) {
    console.error(`${file} is ${row[measure] - budget} bytes over its budget: find what grew, or argue for another budget in tests/browser/sizes.mjs`);
  }
  process.exitCode = 1;
}
