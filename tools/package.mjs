// Writes the npm package's package.json: package.mjs FILE
//
// npm/package.json with what only a build knows: the version, which Cargo.toml has, and the address of the
// repository, which is not the same for everybody who builds.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** OWNER/NAME on GitHub, if it is there. */
function repository() {
  if (process.env.GITHUB_REPOSITORY) return process.env.GITHUB_REPOSITORY;
  try {
    const origin = execFileSync('git', ['-C', root, 'remote', 'get-url', 'origin'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return origin.trim().match(/github\.com[:/](.+?\/.+?)(\.git)?$/)?.[1];
  } catch {
    return undefined; // no git, or no origin
  }
}

const [, version] = readFileSync(join(root, 'Cargo.toml'), 'utf8').match(/^version = "(.*)"$/m);
const about = JSON.parse(readFileSync(join(root, 'npm/package.json'), 'utf8'));
about.version = version;
const home = repository();
if (home) {
  const url = `https://github.com/${home}`;
  Object.assign(about, { homepage: `${url}#readme`, repository: { type: 'git', url: `git+${url}.git`, directory: 'npm' }, bugs: { url: `${url}/issues` } });
}
writeFileSync(process.argv[2], `${JSON.stringify(about, null, 2)}\n`);
