// Prints the sizes of files, raw and after brotli at its best: sizes.mjs CACHE.json FILE...
// Compressing takes a while, so results are kept in CACHE.json under the hash of the content.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const compress = promisify(brotliCompress);
const [cacheFile, ...files] = process.argv.slice(2);

let cache;
try {
  cache = JSON.parse(await readFile(cacheFile, 'utf8'));
} catch {
  cache = {}; // none yet, or cut short: it can be made again
}

const rows = await Promise.all(files.map(async (file) => {
  const bytes = await readFile(file);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const brotli = cache[hash] ?? (await compress(bytes, {
    params: { [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
  })).length;
  return { file, hash, raw: bytes.length, brotli };
}));

for (const { file, raw, brotli } of rows) {
  console.log(`${String(raw).padStart(10)} ${String(brotli).padStart(9)}  ${file}`);
}
await writeFile(cacheFile, JSON.stringify(Object.fromEntries(rows.map(({ hash, brotli }) => [hash, brotli]))));
