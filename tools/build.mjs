/**
 * Builds `dist/` with tsc, the admin page's scripts included, when it is missing or older than what it is made from. Run by `npm run build`, by `npm start` (start.mjs)
 * and before the tests. Plain JavaScript, because it runs where nothing is built yet and without waiting for a loader.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** Files of the admin page that are shipped as they are. */
const ADMIN_PAGE = ['index.html', 'signed-in.html', 'style.css', 'icon.svg'];
/** Its time is that of the build's start. */
const STAMP = '.built';

/**
 * Leaves a `dist/` that is newer than its sources, or ends the process with tsc's findings. What was built before is replaced at the
 * end, so a failed build leaves it whole. Without TypeScript (`npm ci --omit=dev`) what is there is taken as it is.
 */
export function buildWhenStale() {
  if (isFresh() || (existsSync(DIST) && !existsSync(TSC))) return;
  const [built, replaced] = [`${DIST}.${process.pid}.new`, `${DIST}.${process.pid}.old`];
  const startedAt = new Date();
  const tsc = spawnSync(process.execPath, [TSC, '-p', 'tsconfig.build.json', '--outDir', built], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (tsc.status !== 0) {
    rmSync(built, { recursive: true, force: true });
    console.error('The server could not be built. Have you run `npm ci`?');
    process.exit(1);
  }
  try {
    for (const name of ADMIN_PAGE) copyFileSync(join(ROOT, 'src/admin', name), join(built, 'admin', name));
    writeFileSync(join(built, STAMP), '');
    utimesSync(join(built, STAMP), startedAt, startedAt);
    if (existsSync(DIST)) renameSync(DIST, replaced);
    renameSync(built, DIST);
  } catch (error) {
    if (!isFresh()) throw error; // Else another build was faster.
  } finally {
    for (const folder of [built, replaced]) rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether all files were last changed before the build. The time of a folder changes when a file in it is removed. */
function isFresh() {
  if (!existsSync(join(DIST, STAMP))) return false;
  const builtAt = statSync(join(DIST, STAMP)).mtimeMs;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const inputs = ['src', ...sources.map((path) => join('src', path)), 'tsconfig.json', 'tsconfig.build.json'];
  return inputs.every((path) => statSync(join(ROOT, path)).mtimeMs < builtAt);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildWhenStale();
