/**
 * The image: what is in it, and how it starts and ends where it may write nothing. Its stages are carried out by dockerfile.ts; there is no
 * base image below it.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canConfine, startConfined } from './confined.js';
import { buildImage, readDockerfile } from './dockerfile.js';

/** Copying all packages takes its time on a busy disk. */
const BUILD_TIMEOUT_MS = 120_000;

const stages = readDockerfile();
const shipped = stages.at(-1)!;
const setting = (name: string) => shipped.instructions.find((instruction) => instruction.name === name)?.text ?? '';
const uid = setting('USER').split(':')[0]!;
const entrypoint = JSON.parse(setting('ENTRYPOINT')) as string[];
const environment = Object.fromEntries([setting('ENV').split('=') as [string, string]]);

describe('the Dockerfile', () => {
  it('names the version of every base, with the same Node in all', () => {
    expect(stages.map(({ base }) => /node(?:js)?:?(\d+)[^:]*(?::\S+)?$/.exec(base)?.[1])).toEqual(['24', '24', '24']);
    expect(stages.every(({ base }) => !base.endsWith(':latest'))).toBe(true);
  });

  it('ships a stage without a shell, in which nothing is run', () => {
    expect(shipped.base).toMatch(/^gcr\.io\/distroless\/.*:nonroot$/);
    expect(shipped.instructions.map(({ name }) => name)).not.toContain('RUN');
  });

  it('has a user with a number that is not root', () => {
    expect(Number(uid)).toBeGreaterThan(0);
  });

  it('starts Node without a shell between, so that it gets the signals', () => {
    expect(entrypoint).toEqual(['/nodejs/bin/node', 'dist/main.js']);
  });
});

describe('the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'opensensor-image-'));
  let app: string;

  beforeAll(() => {
    app = join(buildImage(folder), setting('WORKDIR'));
  }, BUILD_TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('holds what the server needs, and nothing else of the project', () => {
    expect(readdirSync(app).sort()).toEqual(['dist', 'node_modules', 'package.json', 'schema']);
    expect(readdirSync(join(app, 'schema'), { recursive: true }).sort()).toEqual(['operations', 'operations/tour.graphql']);
  });

  it('holds all packages that production needs, none of development, and no package manager', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
    const isThere = (path: string) => existsSync(join(app, path));
    const locked = Object.entries(packages).filter(([path]) => path !== '');
    expect(locked.filter(([path, { dev }]) => dev && isThere(path)).map(([path]) => path)).toEqual([]);
    expect(locked.filter(([path, { dev, optional }]) => !dev && !optional && !isThere(path)).map(([path]) => path)).toEqual([]);
    for (const name of ['npm', 'corepack', 'yarn', 'pnpm']) expect(isThere(`node_modules/${name}`)).toBe(false);
  });

  // The namespaces need root on Linux.
  it.skipIf(!canConfine())('starts in 2 s as process 1, where it can write nothing, and ends on SIGTERM', async () => {
    const server = await startConfined({ cwd: app, args: entrypoint.slice(1), uid, env: environment, withinMs: 2_000 });
    expect(server.startMs).toBeLessThan(2_000);

    const proc = `/proc/${String(server.pid)}`;
    const status = readFileSync(`${proc}/status`, 'utf8');
    expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
    expect(status).toMatch(new RegExp(`^Uid:\t${uid}\t${uid}\t`, 'm'));
    const mounts = readFileSync(`${proc}/mountinfo`, 'utf8');
    for (const folder of ['/', '/tmp']) expect(mounts).toMatch(new RegExp(`^\\d+ \\d+ \\S+ \\S+ ${folder} ro,`, 'm'));

    const page = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('greenhouse');
    const answer = await fetch(`${server.url}/graphql?query={devices(ids:["well-01"]){id}}`, {
      headers: { 'content-type': 'application/json' },
    });
    expect(await answer.json()).toMatchObject({ data: { devices: [{}] } });

    process.kill(server.pid, 'SIGTERM');
    expect(await server.wrapper.ended({ timeoutMs: 10_000 })).toBe(0);
    expect(server.wrapper.stderr).toEqual([]);
  });
});

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
}
