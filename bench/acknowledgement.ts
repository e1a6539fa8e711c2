/**
 * How long an invalidation takes until it is acknowledged, as its caller sees it: by four pods that are well, and by three while one
 * is frozen, which costs that pod's lease. Beside it how late this machine wakes any process, in the same run.
 */
import { readFileSync } from 'node:fs';
import { ids } from './fleet.js';
import { timedAsk, watchScheduling } from './latency.js';
import { ADMIN_ENVIRONMENT, adminHeaders, environment, type Parts, type Server, startServer } from './parts.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, quantile } from './statistics.js';
import { waitFor } from '../test/harness/wait.js';

const MUTATION = readFileSync(new URL('../schema/operations/invalidate-devices.graphql', import.meta.url), 'utf8');
const PODS = 4;
const AIM_P99_MS = 25;
/** After so long a pod that is silent has lost its lease by any clock. */
const LEASE_MS = 500;
const AIM_FROZEN_MS = LEASE_MS + 100;

interface Invalidation {
  readonly ms: number;
  readonly status: string;
  readonly pods: { readonly live: number; readonly acknowledged: number; readonly expired: number };
}

export interface AcknowledgementOptions {
  readonly invalidations: number;
  /** How often a pod is frozen. */
  readonly freezes: number;
}

export async function measureAcknowledgement(
  parts: Parts,
  { invalidations, freezes }: AcknowledgementOptions,
): Promise<Findings> {
  const env = { ...environment(parts), ...ADMIN_ENVIRONMENT, CACHE_PREFIX: 'acknowledgement:' };
  const headers = await adminHeaders();
  const pods: Server[] = [];
  try {
    for (let i = 0; i < PODS; i++) pods.push(await startServer(parts.cores, { env, place: 'anywhere' }));
    const invalidate = async (i: number): Promise<Invalidation> => {
      const body = JSON.stringify({ query: MUTATION, variables: { ids: ids(i, 1) } });
      // Of the first three: the fourth may be frozen.
      const answer = await timedAsk(pods[i % (PODS - 1)]!.url, body, headers);
      const { data } = JSON.parse(answer.body) as { data: { invalidateDevices: Omit<Invalidation, 'ms'> } };
      return { ...data.invalidateDevices, ms: answer.ms };
    };
    const untilAllAnswer = () =>
      waitFor(async () => (await invalidate(0)).pods.acknowledged === PODS, { describe: 'all pods to be there' });

    await untilAllAnswer();
    const scheduling = await watchScheduling();
    const well: number[] = [];
    const warmUp = Math.ceil(invalidations / 10);
    for (let i = 0; i < warmUp + invalidations; i++) {
      const { ms, status, pods: acks } = await invalidate(i);
      if (status !== 'APPLIED' || acks.acknowledged !== PODS) throw new Error(`${status}: ${JSON.stringify(acks)}`);
      if (i >= warmUp) well.push(ms);
    }
    const delay = await scheduling.stop();

    const frozen: number[] = [];
    for (let i = 0; i < freezes; i++) {
      pods.at(-1)!.freeze();
      const { ms, status, pods: acks } = await invalidate(i);
      if (status !== 'APPLIED' || acks.expired !== 1) throw new Error(`${status}: ${JSON.stringify(acks)}`);
      frozen.push(ms);
      pods.at(-1)!.thaw();
      await untilAllAnswer();
    }
    return findingsOf(well, delay, frozen);
  } finally {
    for (const pod of pods) await pod.stop();
  }
}

function findingsOf(well: readonly number[], delay: { p50: number; p99: number }, frozen: readonly number[]): Findings {
  const p99 = quantile(well, 0.99);
  const slowest = Math.max(...frozen);
  const beside = (q: 'p50' | 'p99') => ({ name: "machine's own delay", figure: number(delay[q]) });
  const rows: Row[] = [
    { what: `invalidation, ${PODS} pods, p50 ms`, figure: number(quantile(well, 0.5)), against: beside('p50') },
    { what: `invalidation, ${PODS} pods, p99 ms`, figure: number(p99), against: beside('p99') },
    { what: 'invalidation, one pod frozen, ms', figure: number(median(frozen)) },
    { what: 'invalidation, one pod frozen, slowest ms', figure: number(slowest) },
  ];
  const aims: Aim[] = [
    {
      what: `${PODS} pods acknowledge an invalidation within ${AIM_P99_MS} ms, p99`,
      figure: `${number(p99)} ms`,
      isMet: p99 < AIM_P99_MS,
    },
    {
      what: `a frozen pod delays an invalidation by its lease and 100 ms at most`,
      figure: `${number(slowest)} ms`,
      isMet: slowest <= AIM_FROZEN_MS,
    },
  ];
  return { rows, aims, notes: [`The machine's own delay: how late a process that only sleeps is woken, in the same minute.`] };
}
