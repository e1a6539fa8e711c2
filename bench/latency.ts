/** Single requests and how long each took, for the parts that are about waiting rather than about throughput. */
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { HEADERS } from './ask.js';
import { type BenchProcess, startProcess } from './processes.js';
import { quantile } from './statistics.js';

export interface Answer {
  /** From the sending of the first byte to the arrival of the last. */
  readonly ms: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, noDelay: true });

/** Rejects when the answer isn't one without errors. */
export async function timedAsk(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const startedAt = performance.now();
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request(url, { agent, method: 'POST', headers: { ...HEADERS, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
  const ms = performance.now() - startedAt;
  if (status !== 200 || !text.startsWith('{"data":')) {
    throw new Error(`The server answered ${status}: ${text.slice(0, 500)}`);
  }
  return { ms, body: text };
}

/** Sends the requests evenly over the time, whether or not those before were answered, and resolves with how long each took. */
export async function askEvenly(url: string, bodies: readonly string[], overMs: number): Promise<number[]> {
  const startedAt = performance.now();
  const answers: Promise<Answer>[] = [];
  while (answers.length < bodies.length) {
    const due = Math.min(bodies.length, Math.ceil((bodies.length * (performance.now() - startedAt + 1)) / overMs));
    while (answers.length < due) answers.push(timedAsk(url, bodies[answers.length]!));
    await setTimeout(1);
  }
  return (await Promise.all(answers)).map(({ ms }) => ms);
}

export interface SchedulingDelay {
  readonly p50: number;
  readonly p99: number;
}

const SLEEPER = `
  const late = [];
  let due = performance.now() + 1;
  const woken = () => {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + 1;
    setTimeout(woken, 1);
  };
  setTimeout(woken, 1);
  process.once('SIGTERM', () => {
    const lines = JSON.stringify(late.slice(-20000).map((ms) => Math.round(1000 * ms) / 1000));
    process.stdout.write(lines + '\\n', () => process.exit());
  });
  console.log('ready');`;

/** Watches how late a process that does nothing but sleep 1 ms at a time is woken: what any process waits for this machine. */
export async function watchScheduling(): Promise<{ stop(): Promise<SchedulingDelay> }> {
  const sleeper: BenchProcess = await startProcess({
    command: [process.execPath, ['--eval', SLEEPER]],
    isReady: (lines) => lines.includes('ready'),
  });
  return {
    async stop() {
      await sleeper.stop();
      const late = JSON.parse(sleeper.lines.at(-1)!) as number[];
      return { p50: quantile(late, 0.5), p99: quantile(late, 0.99) };
    },
  };
}
