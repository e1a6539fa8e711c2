/**
 * How many queries reach MongoDB when everybody asks for one batch that nobody has asked for before: 10,000 requests on as many
 * connections, opened beforehand, over four pods. A proxy before MongoDB counts the queries by their headers.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { bodyFor } from './ask.js';
import { ids } from './fleet.js';
import { environment, type Parts, type Server, startServer } from './parts.js';
import { startProxy, watchMongoDb } from './proxy.js';
import { type Findings, number, type Row } from './report.js';
import { median } from './statistics.js';

const PODS = 4;
const REQUESTS = 10_000;
const BATCH = 100;
/** Connections that are opened at a time; more overrun a pod's queue of those it has not accepted yet. */
const OPENED_AT_A_TIME = 200;
const QUERIES: ReadonlySet<string> = new Set(['find', 'aggregate', 'count', 'getMore']);
const AIM = 1;

/** @param rounds each for another batch. */
export async function measureColdBatch(parts: Parts, rounds: number): Promise<Findings> {
  if (parts.mongodbPort === undefined)
    return { rows: [], aims: [], notes: ['One cold batch for all: there is no MongoDB server to count at.'] };
  let queries = 0;
  const proxy = await startProxy(parts.mongodbPort, () =>
    watchMongoDb((name, collection) => {
      if (QUERIES.has(name) && collection === 'Users') queries++;
    }),
  );
  const pods: Server[] = [];
  const counts: number[] = [];
  const seconds: number[] = [];
  try {
    const env = { ...environment(parts, { mongodbPort: proxy.port }), CACHE_PREFIX: 'cold:' };
    for (let i = 0; i < PODS; i++) pods.push(await startServer(parts.cores, { env, place: 'anywhere' }));
    for (let round = 0; round < rounds; round++) {
      const body = bodyFor(ids(round * BATCH, BATCH));
      const sockets = await openSockets(pods);
      queries = 0;
      const startedAt = performance.now();
      const answers = await Promise.all(sockets.map((socket) => askOn(socket, body)));
      seconds.push((performance.now() - startedAt) / 1_000);
      counts.push(queries);
      if (new Set(answers).size > 1) throw new Error('The pods did not answer alike.');
    }
  } finally {
    for (const pod of pods) await pod.stop();
    proxy.close();
  }
  const most = Math.max(...counts);
  const what = `${number(REQUESTS)} requests, one cold batch, ${PODS} pods`;
  const rows: Row[] = [
    { what: `${what}, queries to MongoDB`, figure: number(median(counts)) },
    { what: `${what}, all answered in s`, figure: number(median(seconds)) },
  ];
  const aims = [
    { what: `${number(REQUESTS)} at once for one cold batch cost ${AIM} query`, figure: `at most ${most}`, isMet: most <= AIM },
  ];
  const notes = [
    'A pod waits 250 ms at most for another one that loads; on a machine that is too busy to load in that time, it asks as well.',
  ];
  return { rows, aims, notes };
}

/** Equally many to each pod, each used once: a server does not wait long for the first request of a connection. */
async function openSockets(pods: readonly Server[]): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < REQUESTS) {
    const opening = Array.from({ length: OPENED_AT_A_TIME }, (_, i) => {
      const url = new URL(pods[i % pods.length]!.url);
      return connect({ port: Number(url.port), host: url.hostname, noDelay: true });
    });
    for (const socket of opening) socket.write('GET /livez HTTP/1.1\r\nhost: pod\r\n\r\n');
    await Promise.all(opening.map((socket) => once(socket, 'data')));
    sockets.push(...opening);
  }
  return sockets;
}

/** Resolves with the answer's body when the server has closed the connection, as it is asked to. */
async function askOn(socket: Socket, body: string): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const closed = once(socket, 'close');
  const head = ['POST /graphql HTTP/1.1', 'host: pod', 'content-type: application/json', 'connection: close'];
  socket.write([...head, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
  await closed;
  const answer = Buffer.concat(chunks).toString();
  const text = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  if (!answer.startsWith('HTTP/1.1 200 ') || !text.startsWith('{"data":')) throw new Error(answer.slice(0, 1_000));
  return text;
}
