import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const dist = join(here, 'dist');
await rm(dist, { recursive: true, force: true });
await cp(join(here, 'public'), dist, { recursive: true });
await build({ entryPoints: [join(here, 'src/main.js')], bundle: true, format: 'esm', minify: true, target: 'es2022', outdir: dist, logLevel: 'warning' });

// What esbuild does not find by itself: the workers, the engines and the weights.
const from = dirname(fileURLToPath(import.meta.resolve('impasto-stylizer/package.json')));
for (const folder of ['www', 'engine', 'models']) await cp(join(from, folder), join(dist, 'impasto', folder), { recursive: true });
