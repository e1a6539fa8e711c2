/** One window of load on one server: the same requests in turn over a few connections that stay open, as fast as they are answered. */
import autocannon from 'autocannon';
import { HEADERS } from './ask.js';
import { cpuSeconds } from './processes.js';

const SAMPLE_MS = 10;

export interface Load {
  readonly connections: number;
  /** Requests in all. */
  readonly amount: number;
  /** What is sent, in turn. */
  readonly bodies: readonly string[];
  /** The lengths that a right answer may have. */
  readonly lengths: ReadonlySet<number>;
}

export interface Window {
  readonly perSecond: number;
  /** Processor time of the server for one request; undefined where it can't be told. */
  readonly cpuMs: number | undefined;
}

/** Rejects when a request fails or its answer hasn't the right length. */
export async function loadServer(server: { readonly url: string; readonly pid: number }, load: Load): Promise<Window> {
  const { connections, amount, bodies, lengths } = load;
  const cpuBefore = cpuSeconds(server.pid);
  const result = await autocannon({
    url: server.url,
    connections,
    amount,
    sampleInt: SAMPLE_MS,
    requests: bodies.map((body) => ({ method: 'POST', headers: HEADERS, body })),
    verifyBody: (body) => lengths.has(body.length),
  });
  const cpuAfter = cpuSeconds(server.pid);
  const { errors, non2xx, mismatches } = result;
  if (errors + non2xx + mismatches > 0) {
    throw new Error(
      `Of ${amount} requests ${errors} got no answer, ${non2xx} an error, and ${mismatches} an answer of the wrong length.`,
    );
  }
  return {
    perSecond: amount / result.duration,
    cpuMs: cpuBefore === undefined || cpuAfter === undefined ? undefined : (1_000 * (cpuAfter - cpuBefore)) / amount,
  };
}
