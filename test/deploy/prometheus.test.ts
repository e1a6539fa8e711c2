/** A real Prometheus over a running fleet: every metric arrives, the dashboard's queries have data, and alerts come and go. */
import { readFileSync } from 'node:fs';
import { expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { METRICS } from '../../src/metrics/catalogue.js';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startPrometheus, type Prometheus } from '../harness/prometheus.js';
import { startRedis } from '../harness/redis.js';
import { startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { asAdmin, connectMongoDb, descriptionOf, podEnvironment, seedDevices, update } from '../promises/real-pods.js';

const PODS = ['a', 'b', 'c'];
/** Prometheus scrapes twice a second, and one with too little of a processor later. */
const PATIENCE = { timeoutMs: 20_000 };
/** Instead of minutes. */
const FOR = '1s';
/** What Grafana would put in, at least four scrapes. */
const RATE_INTERVAL = '10s';

/** Our rules, but that they fire sooner. */
function hastyRules(): string {
  const rules = parse(readFileSync('k8s/monitoring/alerts.yaml', 'utf8')) as { groups: { rules: { for: string }[] }[] };
  for (const rule of rules.groups.flatMap((group) => group.rules)) rule.for = FOR;
  return stringify(rules);
}

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const { panels } = JSON.parse(readFileSync('k8s/monitoring/dashboard.json', 'utf8')) as { panels: Panel[] };

const stateOf = async (prometheus: Prometheus, name: string) =>
  (await prometheus.alerts()).find(({ labels }) => labels.alertname === name)?.state;

describeWithMongoDb('Prometheus', () => {
  it.skipIf(!inject('prometheus').found)(
    'sees what three pods do, and when their Redis is gone',
    { timeout: 120_000 },
    async () => {
      const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
      await seedDevices(await connectMongoDb(mongodb), 10);
      const environment = podEnvironment({ redis: redis.port, mongodb: mongodb.port });
      const pods = await Promise.all(PODS.map((name) => startServer({ ...environment, POD_NAME: name })));
      const targets = Object.fromEntries(PODS.map((name, i) => [name, pods[i]!.url]));
      const prometheus = await startPrometheus(targets, hastyRules());
      const untilItIs = (name: string, state: string | undefined) =>
        waitFor(async () => (await stateOf(prometheus, name)) === state, {
          ...PATIENCE,
          describe: `${name} to be ${String(state)}`,
        });

      /** A read and a purge by each pod. */
      const ask = async () => {
        const admin = await asAdmin();
        for (const pod of pods) {
          await descriptionOf(pod, 1);
          await pod.graphql('mutation { invalidateDevices(ids: ["bed-1"]) { status } }', {}, admin);
        }
      };
      await ask();
      await untilSeen(prometheus, METRICS.invalidations.name);
      const areWell = async () => {
        const well = await prometheus.query('opensensor_cache_lease_held == 1 and opensensor_database_up == 1');
        return well.length === PODS.length && (await prometheus.alerts()).length === 0;
      };
      await waitFor(areWell, { ...PATIENCE, describe: 'no alert, and a lease of each pod' });

      await redis.kill();
      await untilItIs('OpenSensorRedisOut', 'firing');
      const { status } = await update(pods[0]!, 1, 'new');
      expect(status).toBe('PENDING');
      await untilItIs('OpenSensorPurgePending', 'firing');
      expect(await messages(prometheus)).toEqual([
        'OpenSensorPurgePending 1 invalidations wait to be applied. docs/runbook.md#purge-pending',
        'OpenSensorRedisOut No pod uses the cache; every answer comes from MongoDB. docs/runbook.md#redis-gone',
      ]);

      await redis.restart();
      await untilItIs('OpenSensorRedisOut', undefined);
      await untilItIs('OpenSensorPurgePending', undefined);
      expect(await descriptionOf(pods[1]!, 1)).toBe('new');

      await ask();
      for (const { name, kind } of Object.values(METRICS)) {
        await untilSeen(prometheus, kind === 'histogram' ? `${name}_bucket` : name);
      }
      await expectDashboardHasData(prometheus);
      const rules = await prometheus.rules();
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(rules).toHaveLength(7);
    },
  );
});

/** Waits until a metric has come from each pod. */
async function untilSeen(prometheus: Prometheus, name: string): Promise<void> {
  const isSeen = async () => {
    const series = await prometheus.query(`count by (pod) (${name})`);
    return PODS.every((pod) => series.some(({ metric }) => metric.pod === pod));
  };
  await waitFor(isSeen, { ...PATIENCE, describe: `${name} of each pod` });
}

/** What somebody on call is told. */
async function messages(prometheus: Prometheus): Promise<string[]> {
  const firing = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
  return firing.map(({ labels, annotations }) => `${labels.alertname} ${annotations.summary} ${annotations.runbook}`).sort();
}

/** Each query of the dashboard gives lines that are called as its legend says. */
async function expectDashboardHasData(prometheus: Prometheus): Promise<void> {
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const query = expr.replaceAll('$__rate_interval', RATE_INTERVAL);
      const series = await waitFor(
        async () => {
          const found = await prometheus.query(query);
          return found.length > 0 ? found : undefined;
        },
        { ...PATIENCE, describe: `data for "${title}", ${query}` },
      );
      const [, label] = /^\{\{(\w+)\}\}$/.exec(legendFormat) ?? [];
      if (label !== undefined) for (const { metric } of series) expect(metric, title).toHaveProperty(label);
    }
  }
}
