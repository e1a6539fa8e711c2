/**
 * Whole responses at the speed of the wire: this server by where it finds the answer, node:http sending the same bytes as the limit, and
 * the servers that it may be compared with. One process on one core each; in a round all of them answer the same requests in turn.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../test/harness/wait.js';
import { bodyFor } from './ask.js';
import { askContender, type Contender, limit, OURS, PEER_HITS, PEER_MISSES, peerVersions, UNCACHED } from './contenders.js';
import { ids } from './fleet.js';
import type { Parts, Server } from './parts.js';
import type { Findings } from './report.js';
import { type Cell, findingsOfResponses } from './responses-report.js';
import { filled, LOAD_PROGRAM, loadWire, UNIQUE, type Wire, type WireRequest } from './wire.js';

const SIZES = [1, 100] as const;
const METHODS = ['POST', 'GET'] as const;
/** Different requests of each kind, sent in turn. */
const BATCHES = 8;

export interface ResponsesOptions {
  /** Not counting the first, which is thrown away. */
  readonly rounds: number;
  /** Whole numbers. */
  readonly windowSeconds: number;
  /** Of the first round: an answer that has to be made is made three times as fast once V8 has compiled what makes it. */
  readonly warmUpSeconds: number;
  /** Leaves out the peers and the misses by GET. */
  readonly isQuick: boolean;
}

interface Running extends Contender {
  readonly server: Server;
}

export async function measureResponses(parts: Parts, options: ResponsesOptions): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'opensensor-responses-'));
  const servers: Server[] = [];
  const start = async (contender: Contender): Promise<Running> => {
    const server = await contender.start(parts);
    servers.push(server);
    return { ...contender, server };
  };
  try {
    const uncached = await start(UNCACHED);
    const running: Running[] = [];
    for (const contender of [...Object.values(OURS), ...PEER_HITS, ...Object.values(PEER_MISSES)])
      running.push(await start(contender));
    const hasResponseCache = await cachesResponses(running[0]!);
    const notes = [`Load by ${LOAD_PROGRAM}. Peers: ${peerVersions()}.`];
    if (!hasResponseCache) notes.push('This server answered nothing from a response cache: its hits could not be measured.');

    // Two pods over two embedded stores are two fleets.
    const hasFleet = parts.mongodbPort !== undefined;
    if (!hasFleet) notes.push('L2 hits could not be measured: there is no MongoDB server that two pods could share.');
    const canTakePart = ({ name, isHit, cacheStatus }: Contender): boolean =>
      !isHit || cacheStatus === undefined || (hasResponseCache && (hasFleet || name !== OURS.l2.name));

    const cells: Cell[] = [];
    for (const size of SIZES) {
      const bodyFile = join(folder, `${size}.json`);
      const [first] = requestsOf('POST', size, true);
      writeFileSync(bodyFile, (await askContender(uncached.server, first!)).text);
      const all = [await start(limit(bodyFile)), ...running];
      for (const method of METHODS) {
        const isTaking = (one: Contender) =>
          canTakePart(one) &&
          (!options.isQuick || method === 'POST' || (one.isHit && !PEER_HITS.some(({ name }) => name === one.name)));
        const taking = all.filter(isTaking);
        for (const one of taking.slice(1)) await warmUp(one, uncached, method, size, hasResponseCache);
        cells.push({ size, method, rounds: await measure(taking, method, size, options) });
      }
    }
    return findingsOfResponses(cells, notes);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** What each contender did in each round but the first. */
async function measure(
  taking: readonly Running[],
  method: WireRequest['method'],
  size: number,
  { rounds, windowSeconds, warmUpSeconds }: ResponsesOptions,
): Promise<ReadonlyMap<string, Wire>[]> {
  const measured: Map<string, Wire>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const wires = new Map<string, Wire>();
    for (let i = 0; i < taking.length; i++) {
      const { name, isHit, server } = taking[(i + round) % taking.length]!;
      const seconds = round === 0 ? warmUpSeconds : windowSeconds;
      wires.set(name, await loadWire(server, requestsOf(method, size, isHit), seconds));
    }
    measured.push(wires);
  }
  return measured.slice(1);
}

/** Asks for everything until it comes from where it shall come from, and compares each body with the uncached server's. */
async function warmUp(
  { name, isHit, cacheStatus, server }: Running,
  uncached: Running,
  method: WireRequest['method'],
  size: number,
  hasResponseCache: boolean,
): Promise<void> {
  for (const request of requestsOf(method, size, isHit)) {
    const { text } = await askContender(uncached.server, filled(request));
    await askContender(server, filled(request));
    const asExpected = async () => {
      const answer = await askContender(server, filled(request));
      if (answer.text !== text) throw new Error(`${name} answers ${answer.text.slice(0, 300)} instead of ${text.slice(0, 300)}`);
      return cacheStatus === undefined || !hasResponseCache || cacheStatus.test(answer.cacheStatus ?? '');
    };
    await waitFor(asExpected, { describe: `${name} to answer from where it should, ${method}, ${size}` });
  }
}

async function cachesResponses({ server }: Running): Promise<boolean> {
  const [request] = requestsOf('POST', 1, true);
  for (let i = 0; i < 3; i++) await askContender(server, request!);
  return (await askContender(server, request!)).cacheStatus?.includes('; hit') ?? false;
}

/** @param isHit else each request has a variable of its own, which no query uses. */
function requestsOf(method: WireRequest['method'], size: number, isHit: boolean): WireRequest[] {
  return Array.from({ length: BATCHES }, (_, i) => {
    const { query, variables } = JSON.parse(bodyFor(ids(i * size, size))) as { query: string; variables: object };
    const sent = { query, variables: { ...variables, ...(!isHit && { unused: UNIQUE }) } };
    if (method === 'POST') return { method, path: '/graphql', body: JSON.stringify(sent) };
    const search = new URLSearchParams({ query, variables: JSON.stringify(sent.variables) });
    return { method, path: `/graphql?${search.toString()}` };
  });
}
