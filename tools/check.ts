/**
 * `npm run check`: everything about the code that a machine can tell without running it. All steps run; what failed is listed at the
 * end, each with what mends it. `npm run fix` (`--fix`) runs the mending commands instead, as far as there are any.
 */
import { spawnSync } from 'node:child_process';

interface Step {
  readonly name: string;
  readonly command: string;
  /** Mends what can be mended without thinking. */
  readonly fix?: string;
  /** What else to do; said beside `npm run fix` where there is a `fix`. */
  readonly mend?: string;
}

const STEPS: readonly Step[] = [
  { name: 'types', command: 'tsc --noEmit && tsc -p src/admin', mend: 'correct the types named above' },
  {
    name: 'generated files',
    command: 'tsx tools/check-generated.ts',
    fix: 'npm run --silent schema && tsx tools/docs-tables.ts && tsx tools/emit-dashboard.ts',
    mend: 'commit what it changes',
  },
  { name: 'lint', command: 'eslint .', fix: 'eslint --fix .', mend: 'correct by hand what it leaves' },
  { name: 'format', command: 'prettier --check --log-level warn .', fix: 'prettier --write --log-level warn .' },
  { name: 'unused code', command: 'knip', mend: 'remove what nothing uses, or its `export`' },
  {
    name: 'imports',
    command: 'depcruise --output-type err-long src test bench tools examples',
    mend: 'turn the arrow round; the rules and their reasons are in .dependency-cruiser.cjs',
  },
  { name: 'lockfile', command: 'tsx tools/check-lockfile.ts', mend: 'set `overrides` in package.json, then `npm install`' },
  {
    name: 'licences',
    command: 'tsx tools/check-licences.ts',
    mend: 'use another package, or allow the licence in tools/check-licences.ts if it asks for nothing but names',
  },
  { name: 'Dockerfile', command: 'dockerfile-utils lint Dockerfile', mend: 'correct the lines named above' },
];

/** Runs a command line with the project's own programs; the output is kept for the end unless it is wanted now. */
function run(command: string, stdio: 'inherit' | 'pipe'): { readonly ok: boolean; readonly output: string } {
  const PATH = `node_modules/.bin:${process.env.PATH ?? ''}`;
  const { status, stdout, stderr } = spawnSync(command, {
    shell: true,
    encoding: 'utf8',
    stdio: ['ignore', stdio, stdio],
    env: { ...process.env, PATH },
    maxBuffer: 2 ** 26,
  });
  return { ok: status === 0, output: stdio === 'pipe' ? stdout + stderr : '' };
}

function check(): void {
  const failed = STEPS.filter((step) => {
    const start = performance.now();
    const { ok, output } = run(step.command, 'pipe');
    console.log(`${ok ? '✓' : '✗'} ${step.name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    if (!ok) console.log(`\n${output.trim()}\n`);
    return !ok;
  });
  if (failed.length === 0) return;
  process.exitCode = 1;
  console.log('\nWhat mends it:');
  for (const { name, fix, mend } of failed) {
    console.log(`  ${name}: ${[fix === undefined ? undefined : '`npm run fix`', mend].filter(Boolean).join('; ')}`);
  }
}

function fix(): void {
  for (const step of STEPS) {
    if (step.fix === undefined) continue;
    console.log(`${step.name}: ${step.fix}`);
    if (!run(step.fix, 'inherit').ok) process.exitCode = 1;
  }
}

if (process.argv.includes('--fix')) fix();
else check();
