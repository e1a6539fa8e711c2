/** What `npm run check` says of licences, asked of small lockfiles. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, inject, it } from 'vitest';

const TSX = resolve('node_modules/tsx/dist/cli.mjs');
const TOOL = resolve('tools/check-licences.ts');

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
}

/** Runs the check over a project with these packages. */
function check(packages: Readonly<Record<string, Locked>>) {
  const folder = mkdtempSync(join(inject('runDirectory'), 'licences-'));
  const names = Object.entries(packages);
  const ranges = (dev: boolean) =>
    Object.fromEntries(names.filter(([, each]) => (each.dev ?? false) === dev).map(([name]) => [name, '1.0.0']));
  const project = { name: 'project', version: '1.0.0', dependencies: ranges(false), devDependencies: ranges(true) };
  const locked = names.map(([name, each]) => [`node_modules/${name}`, { version: '1.0.0', ...each }]);
  const lock = { ...project, lockfileVersion: 3, packages: { '': project, ...Object.fromEntries(locked) } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  const { status, stdout, stderr } = spawnSync(process.execPath, [TSX, TOOL], { cwd: folder, encoding: 'utf8' });
  const bom = JSON.parse(readFileSync(join(folder, 'dist/sbom.cdx.json'), 'utf8'));
  return { status, output: stdout + stderr, names: bom.components.map(({ name }: any) => name), dependencies: bom.dependencies };
}

describe('the check of licences', () => {
  it('passes permissive ones, and lists what is shipped', () => {
    const { status, names, dependencies } = check({
      one: { license: 'MIT' },
      both: { license: '(MIT AND BSD-3-Clause)' },
      either: { license: '(GPL-2.0 OR ISC)' },
      tool: { license: 'GPL-3.0', dev: true },
    });
    expect(status).toBe(0);
    expect(names.sort()).toEqual(['both', 'either', 'one']);
    expect(JSON.stringify(dependencies)).not.toContain('tool@');
  });

  it.each([{ license: 'GPL-3.0-only' }, { license: '(MIT AND GPL-2.0)' }, { license: 'SEE LICENSE IN terms.txt' }, {}])(
    'refuses %j',
    (locked) => {
      const { status, output } = check({ good: { license: 'MIT' }, doubtful: locked });
      expect(status).toBe(1);
      expect(output).toContain('doubtful@1.0.0');
      expect(output).not.toContain('good@1.0.0');
    },
  );

  it('finds all that the server itself depends on', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(spawnSync(process.execPath, [TSX, TOOL]).status).toBe(0);
    const bom = JSON.parse(readFileSync('dist/sbom.cdx.json', 'utf8'));
    const names = bom.components.map(({ name }: any) => name);
    expect(Object.keys(dependencies).filter((name) => !names.includes(name))).toEqual([]);
  });
});
