/**
 * What starting costs: from the start of the process to the first answer to a query, and the memory that it holds at rest, with
 * everything embedded and with MongoDB and Redis. Beside it a bare `node:http` server, the least that any server on this machine costs.
 */
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../test/harness/ports.js';
import type { Cores } from './cores.js';
import { environment, type Parts, startServer } from './parts.js';
import { residentMegabytes, startProcess } from './processes.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, spread } from './statistics.js';

const AIM_SECONDS = 2;
const AIM_MEGABYTES = 150;
/** How long a server has had nothing to do before its memory is looked at. */
const REST_MS = 5_000;

interface Start {
  readonly seconds: number;
  /** Undefined where it was not waited for or can't be told. */
  readonly megabytes: number | undefined;
}

interface Startable {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Not counting the first, which is thrown away. */
  readonly rounds: number;
  /** In how many of them the memory is measured as well. */
  readonly memoryRounds: number;
}

export async function measureStart(parts: Parts, { rounds, memoryRounds }: StartOptions): Promise<Findings> {
  const env = environment(parts);
  const database = parts.mongodbPort === undefined ? 'embedded store' : 'MongoDB';
  const modes = [
    { name: 'embedded', start: () => startServer(parts.cores, { env: {}, place: 'anywhere' }) },
    { name: `${database} + Redis`, start: () => startServer(parts.cores, { env, place: 'anywhere' }) },
    { name: 'bare node:http', start: () => startBareServer(parts.cores) },
  ];
  const measured: Start[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const starts: Start[] = [];
    for (const { start } of modes) starts.push(await measure(start, round > rounds - memoryRounds));
    if (round > 0) measured.push(starts);
  }
  const rows: Row[] = [];
  const aims: Aim[] = [];
  const add = (
    what: string,
    unit: string,
    figureOf: (start: Start) => number | undefined,
    aim: number,
    aimText: string,
  ): void => {
    const complete = measured.filter((starts) => starts.every((start) => figureOf(start) !== undefined));
    if (complete.length === 0) return;
    const figure = (mode: number) => median(complete.map((starts) => figureOf(starts[mode]!)!));
    for (const mode of [0, 1]) {
      rows.push({
        what: `${what}, ${modes[mode]!.name}, ${unit}`,
        figure: number(figure(mode)),
        against: { name: modes[2]!.name, figure: number(figure(2)) },
        ratio: spread(complete.map((starts) => figureOf(starts[mode]!)! / figureOf(starts[2]!)!)),
      });
      aims.push({
        what: `${aimText}, ${modes[mode]!.name}`,
        figure: `${number(figure(mode))} ${unit}`,
        isMet: figure(mode) < aim,
      });
    }
  };
  add('start to first answer', 's', ({ seconds }) => seconds, AIM_SECONDS, `the first answer comes within ${AIM_SECONDS} s`);
  add('memory at rest', 'MB', ({ megabytes }) => megabytes, AIM_MEGABYTES, `memory at rest is under ${AIM_MEGABYTES} MB`);
  return { rows, aims, notes: [] };
}

async function measure(start: () => Promise<Startable>, withMemory: boolean): Promise<Start> {
  const startedAt = performance.now();
  const server = await start();
  const seconds = (performance.now() - startedAt) / 1_000;
  if (withMemory) await setTimeout(REST_MS);
  const megabytes = withMemory ? residentMegabytes(server.pid) : undefined;
  await server.stop();
  return { seconds, megabytes };
}

async function startBareServer(cores: Cores): Promise<Startable> {
  const port = await freePort();
  const script = `require('node:http').createServer((request, response) => response.end()).listen(${String(port)}, '127.0.0.1')`;
  return startProcess({
    command: cores.command('anywhere', process.execPath, ['--eval', script]),
    isReady: async () => (await fetch(`http://127.0.0.1:${String(port)}`)).ok,
  });
}
