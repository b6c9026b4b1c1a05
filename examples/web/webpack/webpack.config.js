import { cp } from 'node:fs/promises';
import { join } from 'node:path';

const here = import.meta.dirname;

export default {
  mode: 'production',
  entry: './src/main.js',
  output: { path: join(here, 'dist'), publicPath: 'auto', clean: true },
  // The engines are large as scripts go.
  performance: { hints: false },
  plugins: [{
    apply: (compiler) => compiler.hooks.afterEmit.tapPromise('public', () => cp(join(here, 'public'), join(here, 'dist'), { recursive: true })),
  }],
};
