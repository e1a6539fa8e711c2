/** `npm run cache`, as processes against two pods with Redis and MongoDB: what a person reads, what a script gets, how it ends. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { freePort } from '../harness/ports.js';
import { cleanEnvironment, startProcess } from '../harness/process.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { bearer, connectMongoDb, connectRedis, podEnvironment, PREFIX, seedDevices, stats } from '../promises/real-pods.js';

const COMMAND = ['--import', 'tsx', 'tools/cache.ts'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [...COMMAND, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

describeWithMongoDb('the commands', () => {
  let redis: RedisServer;
  let client: Redis;
  let pods: readonly [ServerProcess, ServerProcess];
  let admin: string;
  let reader: string;

  beforeAll(async () => {
    const mongodb = await startMongoDb();
    redis = await startRedis();
    client = connectRedis(redis);
    await seedDevices(await connectMongoDb(mongodb), 10);
    const env = podEnvironment({ redis: redis.port, mongodb: mongodb.port });
    pods = await Promise.all([startServer(env), startServer(env)]);
    const tokenOf = async (permission: string) =>
      (await bearer(randomUUID(), [permission])).authorization!.slice('Bearer '.length);
    [admin, reader] = [await tokenOf('cache:admin'), await tokenOf('cache:read')];
    for (const pod of pods) await waitFor(async () => (await stats(pod)).status === 'CONNECTED', { timeoutMs: 10_000 });
  });

  const cache = (args: readonly string[], token = admin) =>
    run([...args, '--url', `${pods[0].url}/graphql`], { OPENSENSOR_TOKEN: token });

  /** Looks ten devices up, so that ten keys are cached. */
  async function warm(): Promise<void> {
    const ids = Array.from({ length: 10 }, (_, i) => `bed-${i}`);
    await pods[1].graphql('query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids });
    await waitFor(async () => (await client.keys(`${PREFIX}device_meta:bed-?`)).length === 10);
  }

  it('show how the cache is doing, the consequence first', async () => {
    await warm();
    const { code, stdout, stderr } = await cache(['stats'], reader);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Connected: answers come from the cache that 2 pods share\.\n/);
    expect(stdout).toMatch(/^ {2}namespace +hit ratio +hits/m);
    expect(stdout).toMatch(/^ {2}device_meta +0\.0 % +0 +0 +10 +10/m);
    expect(stdout.match(/ held +closed /g)).toHaveLength(2);

    const json = await cache(['stats', '--json'], reader);
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'CONNECTED', pods: [{}, {}], pendingInvalidations: [] });
  });

  it('list the keys, and let none of them steer the terminal', async () => {
    await warm();
    await pods[1].graphql('query ($id: ID!) { device(id: $id) { id } }', { id: 'bed-\u001b[2J\u202e' });
    await waitFor(async () => (await client.keys(`${PREFIX}device_meta:*`)).length === 11);
    const { code, stdout } = await cache(['entries', 'device_meta:bed-*'], reader);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^fresh for +size +key$/);
    expect(lines.slice(1, -1)).toHaveLength(11);
    expect(lines.filter((line) => /^ +\d+ s +\d+ B {2}device_meta:bed-\d$/.test(line))).toHaveLength(10);
    expect(stdout).toContain('device_meta:bed-\\u{1b}[2J\\u{202e}');
    expect(lines.at(-1)).toBe('11 keys of device_meta:bed-*');

    const json = await cache(['entries', '--json'], reader);
    const nodes = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string });
    expect(nodes.filter(({ key }) => key.startsWith('device_meta:'))).toHaveLength(11);
  });

  it('purge what matches, after they have said how much that is', async () => {
    await warm();
    const refused = await cache(['purge', 'device_meta:bed-[1-4]']);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^4 keys match device_meta:bed-\[1-4\];.*\nThere is no terminal to ask on, so nothing was purged/,
    );
    expect((await client.keys(`${PREFIX}device_meta:bed-?`)).length).toBe(10);

    const { code, stdout, stderr } = await cache(['purge', 'device_meta:bed-[1-4]', '--yes']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Applied: no pod serves it any more\. 4 keys freed in \d+ ms\.\n$/),
    });
    expect(stderr).toMatch(/^4 keys match/);
    expect((await client.keys(`${PREFIX}device_meta:bed-?`)).length).toBe(6);

    const json = await cache(['purge', '--ids', 'bed-7,bed-8', '--yes', '--json']);
    expect({ ...json, stdout: JSON.parse(json.stdout) }).toMatchObject({
      code: 0,
      stderr: '',
      stdout: { status: 'APPLIED', ids: 2 },
    });
  });

  it('watch, until they are told to end', async () => {
    const args = ['watch', '--json', '--url', `${pods[0].url}/graphql`];
    const watching = await startProcess({
      name: 'npm run cache -- watch',
      command: process.execPath,
      args: [...COMMAND, ...args],
      env: { ...cleanEnvironment(), OPENSENSOR_TOKEN: reader },
      isReady: (lines) => lines.length > 0,
    });
    const figures = () => watching.stdout.map((line) => JSON.parse(line) as Record<string, number>);
    expect(figures()[0]).toMatchObject({ status: 'CONNECTED', pods: 2, leases: 2, pending: 0 });
    await cache(['purge', 'device_meta:*', '--yes']);
    await warm();
    await waitFor(() => figures().some(({ loadsPerSecond }) => loadsPerSecond! > 0), { timeoutMs: 10_000 });
    process.kill(watching.pid, 'SIGINT');
    expect(await watching.ended({ timeoutMs: 5_000 })).toBe(0);
    expect(watching.stderr).toEqual([]);
  });

  it('say that a purge is pending, and what comes next', async () => {
    await redis.pause();
    try {
      const { code, stdout, stderr } = await cache(['purge', '*', '--yes']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Keys that can not be counted now match \*;/);
      expect(stdout).toMatch(/^Pending: Redis did not take the purge\. It is on record in the database/);
      const shown = await cache(['stats'], reader);
      expect(shown.stdout).toMatch(
        /^Degraded: Redis can not be reached or trusted, answers come from the database\. 1 invalidation waits/,
      );
      expect(shown.stdout).toMatch(/^ {2}pending since +asked by +what +id\n {2}\d+ s ago +[0-9a-f-]{36} +\* /m);
      expect(await cache(['entries'], reader)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^Redis can not be asked/),
      });
    } finally {
      redis.resume();
    }
    for (const pod of pods) {
      await waitFor(
        async () => (await stats(pod)).status === 'CONNECTED' && (await stats(pod)).pendingInvalidations.length === 0,
        {
          timeoutMs: 10_000,
        },
      );
    }
  });

  describe('that are refused', () => {
    it('say what is missing', async () => {
      const nobody = await run(['stats', '--url', pods[0].url]);
      expect(nobody).toMatchObject({ code: 1, stdout: '' });
      expect(nobody.stderr).toMatch(/cache:read\.\nNo token was sent: put one into OPENSENSOR_TOKEN/);
      const wrong = await cache(['stats'], 'not.a.token');
      expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/token/) });
      expect(wrong.stderr).not.toContain('not.a.token');
      expect(await cache(['purge', '*', '--yes'], reader)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: 'This needs the permission cache:admin.\n',
      });
      expect(await cache(['entries', 'nothing:*'], reader)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^pattern: no key begins/),
      });
    });

    it('take the token from a file too', async () => {
      const file = join(inject('runDirectory'), 'token');
      writeFileSync(file, `${reader}\n`);
      expect((await run(['stats', '--json', '--token-file', file, '--url', pods[0].url])).code).toBe(0);
    });
  });
});

describe('called wrongly', () => {
  it.each([
    [[], /Say which command/],
    [['clear'], /There is no command clear/],
    [['stats', 'more'], /too many words/],
    [['stats', '--verbose'], /verbose/],
    [['stats', '--yes'], /are for purge/],
    [['purge'], /Say what to purge/],
    [['purge', '*', '--ids', 'a'], /Say what to purge/],
    [['purge', '--ids', ','], /names no id/],
    [['stats', '--url', 'localhost:4000'], /is no URL of a server/],
    [['stats', '--token', 'secret'], /seen by everybody/],
    [['stats', '--token-file', '/nowhere/token'], /can not be read from \/nowhere\/token/],
  ] as const)('%j ends with 2, and says how it is called', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toContain('npm run cache -- <command>');
    expect(stderr).not.toContain('secret');
  });

  it('a server that is not there is one sentence', async () => {
    const url = `http://127.0.0.1:${await freePort()}/graphql`;
    expect(await run(['watch', '--url', url])).toEqual({
      code: 1,
      stdout: '',
      stderr: `No server answers at ${url}. Start one with \`npm start\`, or say where it is with --url.\n`,
    });
  });
});
