/**
 * `npm run bench`: builds the server, starts what it needs, runs the parts one after the other, prints one table and whether the aims
 * were met. README.md of this folder says what is measured and how to read it.
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { measureAcknowledgement } from './acknowledgement.js';
import { measureBatchRead } from './batch-read.js';
import { measureColdBatch } from './cold-batch.js';
import { measureCompression } from './compression.js';
import { Cores } from './cores.js';
import { measureLayers } from './layers.js';
import { type Parts, startParts } from './parts.js';
import { measurePausedRedis } from './paused-redis.js';
import { measurePurge } from './purge.js';
import { type Findings, report, writeReadme } from './report.js';
import { measureResponses } from './responses.js';
import { measureStart } from './start.js';
import { measureTrips } from './trips.js';
import { measureWarm } from './warm.js';

/** In the order of the report; each with how much it does by default and with `--quick`. */
const PARTS: Readonly<Record<string, (parts: Parts, quick: boolean) => Promise<Findings>>> = {
  warm: (parts, quick) =>
    measureWarm(
      parts,
      quick ? { rounds: 3, windowSeconds: 1, warmUpSeconds: 3 } : { rounds: 5, windowSeconds: 2.5, warmUpSeconds: 5 },
    ),
  perkey: (parts, quick) => measureBatchRead(parts, quick ? 5 : 21),
  layers: (parts, quick) => measureLayers(parts, quick ? 3 : 15),
  trips: (parts, quick) => measureTrips(parts, quick ? 3 : 7),
  start: (parts, quick) => measureStart(parts, quick ? { rounds: 2, memoryRounds: 1 } : { rounds: 7, memoryRounds: 3 }),
  responses: (parts, quick) =>
    measureResponses(
      parts,
      quick
        ? { rounds: 1, windowSeconds: 2, warmUpSeconds: 6, isQuick: true }
        : { rounds: 5, windowSeconds: 3, warmUpSeconds: 10, isQuick: false },
    ),
  compression: (parts, quick) => measureCompression(parts, quick ? 5 : 21),
  acknowledgement: (parts, quick) =>
    measureAcknowledgement(parts, quick ? { invalidations: 300, freezes: 3 } : { invalidations: 3_000, freezes: 10 }),
  paused: (parts, quick) => measurePausedRedis(parts, quick ? 2 : 7),
  cold: (parts, quick) => measureColdBatch(parts, quick ? 1 : 5),
  purge: (parts, quick) => measurePurge(parts, quick ? 1 : 5),
};

const USAGE = `npm run bench -- [options]

  --quick                              fewer and shorter rounds: six minutes instead of half an hour
  --only ${Object.keys(PARTS).join('|')}       one part
  --write                              put the figures into bench/README.md`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  write: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function readArguments() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (values.help) return undefined;
    if (values.only === undefined || Object.hasOwn(PARTS, values.only)) return values;
    console.error(`--only: there is no part ${values.only}.`);
  } catch (error) {
    console.error((error as Error).message);
  }
  process.exitCode = 1;
  return undefined;
}

async function run({ quick, only, write }: { quick: boolean; only?: string | undefined; write: boolean }): Promise<void> {
  const build = spawnSync(process.execPath, ['tools/build.mjs'], { stdio: 'inherit' });
  if (build.status !== 0) throw new Error('The server could not be built.');
  const [busyBefore = 0] = loadavg();
  const cores = new Cores();
  cores.move('beside');
  const parts = await startParts(cores);
  try {
    const findings: Findings[] = [];
    for (const [name, measure] of Object.entries(PARTS)) {
      if (only !== undefined && only !== name) continue;
      console.error(`measuring: ${name}`);
      findings.push(await measure(parts, quick));
    }
    const text = report(await machine(parts, busyBefore), findings);
    console.log(`\n${text}`);
    if (write) writeReadme(['npm run bench --', ...process.argv.slice(2)].join(' '), text, findings);
  } finally {
    await parts.close();
  }
}

async function machine({ cores, redisPort, database }: Parts, busyBefore: number): Promise<string[]> {
  const redis = new Redis(redisPort);
  const version = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'of unknown version';
  redis.disconnect();
  const [cpu] = cpus();
  return [
    `${cpu?.model.trim() ?? process.arch}, ${String(cpus().length)} cores, ${process.platform}; ${cores.toString()}`,
    `Node ${process.version}, Redis ${version}, ${database}`,
    `${new Date().toISOString().slice(0, 10)}, load average before: ${busyBefore.toFixed(2)}${busyBefore > 0.5 ? ' (BUSY: others have slowed this down)' : ''}`,
  ];
}

const values = readArguments();
if (values === undefined) console.error(USAGE);
else await run(values);
