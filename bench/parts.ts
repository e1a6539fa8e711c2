/**
 * What a benchmark puts around the server: a Redis server, a database with the fleet, servers themselves. Real ones, each on a free
 * port, in one folder that goes with the run.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { freePort } from '../test/harness/ports.js';
import { findMongod, findRedisServer } from '../test/harness/programs.js';
import { ask, bodyFor } from './ask.js';
import type { Cores, Place } from './cores.js';
import { fillMongoDb, writeDevicesFile } from './fleet.js';
import { type BenchProcess, startProcess } from './processes.js';

export interface Parts {
  readonly cores: Cores;
  readonly redisPort: number;
  /** Undefined where no MongoDB server can be had: then the embedded store holds the fleet. */
  readonly mongodbPort: number | undefined;
  /** A `mongoexport` of the fleet. */
  readonly devicesFile: string;
  /** For the report: `MongoDB 8.0.4`. */
  readonly database: string;
  close(): Promise<void>;
}

export async function startParts(cores: Cores): Promise<Parts> {
  const directory = mkdtempSync(join(tmpdir(), 'opensensor-bench-'));
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true });
  });
  const redis = await startRedis(cores);
  const devicesFile = join(directory, 'users.json');
  writeDevicesFile(devicesFile);

  const mongod = await startMongoDb(cores, directory);
  const database =
    mongod === undefined ? 'the embedded store: no MongoDB server could be had' : await fillMongoDb(urlOfMongoDb(mongod.port));
  return {
    cores,
    redisPort: redis.port,
    mongodbPort: mongod?.port,
    devicesFile,
    database,
    async close() {
      await redis.process.stop();
      await mongod?.process.stop();
    },
  };
}

/** A server that others than its clients must know the process of: to freeze it, to stop it. */
export interface Store {
  readonly port: number;
  readonly process: BenchProcess;
}

/** An empty Redis that writes nothing to disk. */
export async function startRedis(cores: Cores): Promise<Store> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', tmpdir(), '--save', '', '--appendonly', 'no'];
  const started = await startProcess({
    command: cores.command('beside', findRedisServer(), args),
    isReady: (lines) => lines.some((line) => line.includes('Ready to accept connections')),
  });
  return { port, process: started };
}

async function startMongoDb(cores: Cores, directory: string): Promise<Store | undefined> {
  const mongod = await findMongod();
  if (!mongod.found) {
    console.warn(mongod.reason);
    return undefined;
  }
  const port = await freePort();
  const data = join(directory, 'mongodb');
  mkdirSync(data);
  const started = await startProcess({
    command: cores.command('beside', mongod.path, ['--port', String(port), '--dbpath', data, '--bind_ip', '127.0.0.1']),
    isReady: (lines) => lines.some((line) => /waiting for connections/i.test(line)),
  });
  return { port, process: started };
}

export function urlOfRedis(port: number): string {
  return `redis://127.0.0.1:${String(port)}`;
}

export function urlOfMongoDb(port: number): string {
  return `mongodb://127.0.0.1:${String(port)}`;
}

export interface Server {
  /** Of `/graphql`. */
  readonly url: string;
  readonly pid: number;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly place: Place;
  /** A file of this folder that changes the server before it starts. */
  readonly preload?: URL;
}

/** A server over the fleet and Redis, whose entries outlive the run. */
export function environment(
  parts: Parts,
  { redisPort = parts.redisPort, mongodbPort = parts.mongodbPort } = {},
): Record<string, string> {
  return {
    ...(mongodbPort === undefined ? { DEVICES_FILE: parts.devicesFile } : { MONGODB_URL: urlOfMongoDb(mongodbPort) }),
    REDIS_URL: urlOfRedis(redisPort),
    NODE_ENV: 'production',
    CACHE_TTL_SECONDS: '3000',
    CACHE_GRACE_SECONDS: '0',
    // The parts about devices measure the devices' cache; `responses` has the other.
    CACHE_RESPONSE_TTL_SECONDS: '0',
  };
}

/** What makes a server of `environment` take {@link adminHeaders}; tokens by a secret are not for production. */
export const ADMIN_ENVIRONMENT = { NODE_ENV: '', LOG_LEVEL: 'warn', JWT_SECRET: 'the secret of a server under a benchmark' };

/** Credentials of a service that may purge. */
export async function adminHeaders(): Promise<Record<string, string>> {
  const token = await new SignJWT({ permissions: ['cache:admin'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('bench')
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(ADMIN_ENVIRONMENT.JWT_SECRET));
  return { authorization: `Bearer ${token}` };
}

/** Resolves when the server has answered a query. */
export async function startServer(cores: Cores, { env, place, preload }: ServerOptions): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}/graphql`;
  const args = [...(preload === undefined ? [] : ['--import', preload.href]), 'dist/main.js'];
  const server = await startProcess({
    command: cores.command(place, process.execPath, args),
    env: { HOST: '127.0.0.1', PORT: String(port), ...env },
    quiet: true,
    // Rejects until the database can be asked, which counts as not yet.
    isReady: async () => (await ask(url, bodyFor(['nobody'])), true),
  });
  return {
    url,
    pid: server.pid,
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    stop: () => server.stop(),
  };
}
