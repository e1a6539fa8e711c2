/**
 * `npm run soak -- [--seed N] [--reads N] [--minutes N] [--topology single|sentinel|cluster] [--write]`: a long run of the consistency
 * test. Ends with code 1 when a promise was broken or a fault never struck.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { environment } from '../harness/environment.js';
import { runScript } from '../harness/script.js';
import { faultsFor } from './faults/faults-of.js';
import { page, progressLine, summary } from './report.js';
import { type Progress, run } from './run.js';
import { TOPOLOGIES, type TopologyName } from './fleet/topology.js';

const PAGE = 'docs/soak.md';
const PROGRESS_MS = 5_000;
const READS_PER_INVALIDATION = 100;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    reads: { type: 'string', default: '1000000' },
    minutes: { type: 'string' },
    topology: { type: 'string', default: 'single' },
    write: { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? randomInt(2 ** 31) : whole('seed', values.seed);
const reads = whole('reads', values.reads);
const minutes = values.minutes === undefined ? undefined : whole('minutes', values.minutes);
const topology = TOPOLOGIES.find((name) => name === values.topology);
if (topology === undefined) throw new Error(`--topology must be one of ${TOPOLOGIES.join(', ')}`);

await runScript((signal) => soak(topology, signal));

async function soak(name: TopologyName, signal: AbortSignal): Promise<number> {
  console.log(`seed ${seed}, topology ${name}, ${minutes === undefined ? `${reads} reads` : `${minutes} minutes`}`);
  let printedAt = 0;
  const progress = await run({
    topology: name,
    seed,
    faults: faultsFor(name),
    pauses: { redis: [500, 6_000], pod: [200, 2_500], mongodb: [8_000, 25_000] },
    isEnough: ({ recorder, elapsedMs }) => {
      if (signal.aborted) return true;
      if (minutes !== undefined) return elapsedMs >= minutes * 60_000;
      return recorder.counts.reads >= reads && recorder.applied >= reads / READS_PER_INVALIDATION;
    },
    onProgress: (now) => {
      if (performance.now() - printedAt < PROGRESS_MS) return;
      printedAt = performance.now();
      console.log(progressLine(now));
    },
    onViolation: ({ kind, message }, logs) => {
      console.log(`\n${kind}: ${message}\n${logs.map((line) => `    ${line}`).join('\n')}\n`);
    },
  });
  return conclude(progress, name);
}

function conclude(progress: Progress, name: TopologyName): number {
  const version = execFileSync(environment().redisServer, ['--version'], { encoding: 'utf8' });
  const setting = { seed, topology: name, redisVersion: /v=(\S+)/.exec(version)?.[1] ?? 'unknown' };
  console.log(`\n${summary(progress, setting)}`);
  if (values.write) writeFileSync(PAGE, page(progress, setting));
  const { missing } = progress.schedule;
  if (missing.length > 0) console.log(`\nThese faults never struck: ${missing.join(', ')}`);
  return progress.recorder.violations.length > 0 || missing.length > 0 ? 1 : 0;
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} must be a whole number`);
  return number;
}
