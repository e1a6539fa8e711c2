/** Reads the imports of the whole tree and fails on a wrong arrow. The rules are in `.dependency-cruiser.cjs`. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, inject, it } from 'vitest';

/** Broken rules, each as `rule: from → to`. */
function wrongImports(root: string, folders: readonly string[]): string[] {
  const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, ...folders, '--config', resolve('.dependency-cruiser.cjs'), '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (stderr !== '') throw new Error(stderr);
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string; to: string }[] } };
  return summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} → ${to.replace(/^.*node_modules/, 'node_modules')}`,
  );
}

it('has no wrong import', () => {
  expect(wrongImports('.', ['src', 'test', 'bench', 'tools', 'examples'])).toEqual([]);
});

it('sees each kind of wrong import', () => {
  const root = join(inject('runDirectory'), 'wrong-imports');
  const files: Record<string, string> = {
    'src/app.ts': `export const app = 1;`,
    'src/errors.ts': `export const errors = 1;`,
    'src/auth/a.ts': `export * from '../http/h.js';`,
    'src/cache/cache.ts': `export type { Inner } from './inner.js';`,
    'src/cache/inner.ts': `import { errors } from '../errors.js'; import { parse } from 'graphql'; export type Inner = typeof errors | typeof parse;`,
    'src/devices/d.ts': `import type { Inner } from '../cache/inner.js'; export type D = Inner;`,
    'src/devices/circle.ts': `export * from './circle-2.js'; export const one = 1;`,
    'src/devices/circle-2.ts': `export * from './circle.js'; export const two = 2;`,
    'src/tracing/open-tracing.ts': `export const openTracing = 1;`,
    'src/config.ts': `export * from './tracing/open-tracing.js'; export const lazy = () => import('./tracing/open-tracing.js');`,
    'src/graphql/g.ts': `export * from '../response-cache/r.js';`,
    'src/http/h.ts': `export * from '../app.js'; export * from '../../test/t.js'; export * from './nowhere.js'; export * from 'vitest';`,
    'src/response-cache/r.ts': `import type { D } from '../devices/d.js'; import type { Inner } from '../cache/cache.js'; export type R = D | Inner;`,
    'test/t.ts': `export * from '../src/cache/inner.js';`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const file of ['package.json', 'tsconfig.json']) copyFileSync(file, join(root, file));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));

  expect(wrongImports(root, ['src', 'test']).sort()).toEqual([
    'app-is-the-top: src/http/h.ts → src/app.ts',
    'cache-has-one-front-door: src/devices/d.ts → src/cache/inner.ts',
    'cache-imports-nothing-of-ours: src/cache/inner.ts → src/errors.ts',
    expect.stringMatching(/^cache-knows-no-graphql-or-http: src\/cache\/inner.ts → node_modules\/graphql\//),
    'domains-know-no-outside: src/auth/a.ts → src/http/h.ts',
    'graphql-and-response-cache-know-neither-http-nor-each-other: src/graphql/g.ts → src/response-cache/r.ts',
    'no-cycles: src/devices/circle-2.ts → src/devices/circle.ts',
    'nothing-unresolvable: src/http/h.ts → ./nowhere.js',
    'product-knows-no-tests: src/http/h.ts → test/t.ts',
    expect.stringMatching(/^product-needs-dependencies: src\/http\/h.ts → node_modules\/vitest\//),
    'tracing-is-loaded-when-asked-for: src/config.ts → src/tracing/open-tracing.ts',
  ]);
});
