/**
 * Writes the Grafana dashboard from the catalogue of metrics, so that neither can name what the other doesn't have: a metric without a
 * panel is a type error. Run by `npm run fix`; `npm run check` fails when it would change something.
 */
import { writeFileSync } from 'node:fs';
import { METRICS } from '../src/metrics/catalogue.js';

const OUTPUT = 'k8s/monitoring/dashboard.json';
const PANEL_WIDTH = 12;
const PANEL_HEIGHT = 8;
const COLUMNS = 24;

interface Panel {
  readonly title: string;
  /** Grafana's name of it. */
  readonly unit: 'short' | 'ops' | 's' | 'bytes' | 'bool_on_off';
  /** What is shown of the metric, `NAME` standing for its name, and how each line is called. */
  readonly lines: readonly (readonly [expression: string, legend: string])[];
}

const rate = (title: string, label: string): Panel => ({
  title,
  unit: 'ops',
  lines: [[`sum by (${label}) (rate(NAME[$__rate_interval]))`, `{{${label}}}`]],
});
const perPod = (title: string, unit: Panel['unit']): Panel => ({ title, unit, lines: [['NAME', '{{pod}}']] });
const quantiles = (title: string): Panel => ({
  title,
  unit: 's',
  lines: [0.5, 0.99].map((q) => [
    `histogram_quantile(${String(q)}, sum by (le) (rate(NAME_bucket[$__rate_interval])))`,
    `p${String(100 * q)}`,
  ]),
});

const PANELS: Readonly<Record<keyof typeof METRICS, Panel>> = {
  lookups: rate('Look-ups by how they ended', 'result'),
  requestSeconds: quantiles('Time of a request'),
  loads: rate('Keys asked of MongoDB', 'namespace'),
  coalesced: rate("Misses answered by somebody else's load", 'namespace'),
  leaseHeld: perPod('Pods that use the cache', 'bool_on_off'),
  breakerOpen: perPod('Pods that ask Redis for nothing', 'bool_on_off'),
  pending: { title: 'Invalidations that wait', unit: 'short', lines: [['max(NAME)', 'on record and not applied']] },
  invalidationSeconds: quantiles('Time until an invalidation is applied everywhere'),
  invalidations: rate('Invalidations', 'status'),
  errors: rate('Operations that Redis failed', 'operation'),
  rejectedFills: rate('Loads overtaken by an invalidation', 'namespace'),
  l1Bytes: perPod('Memory of each pod for the cache', 'bytes'),
  databaseUp: perPod('MongoDB, as each pod sees it', 'bool_on_off'),
};

const panels = Object.entries(PANELS).map(([key, { title, unit, lines }], i) => {
  const { name, help } = METRICS[key as keyof typeof METRICS];
  const perRow = COLUMNS / PANEL_WIDTH;
  return {
    id: i + 1,
    type: 'timeseries',
    title,
    description: help,
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { x: (i % perRow) * PANEL_WIDTH, y: Math.floor(i / perRow) * PANEL_HEIGHT, w: PANEL_WIDTH, h: PANEL_HEIGHT },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: lines.map(([expression, legendFormat], line) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + line),
      expr: expression.replaceAll('NAME', name),
      legendFormat,
    })),
  };
});

const dashboard = {
  uid: 'opensensor-graphql',
  title: 'OpenSensor GraphQL',
  description: 'The GraphQL server and its cache. What to do about what it shows: docs/runbook.md.',
  tags: ['opensensor'],
  timezone: 'browser',
  refresh: '10s',
  time: { from: 'now-1h', to: 'now' },
  schemaVersion: 39,
  templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' }] },
  panels,
};

writeFileSync(OUTPUT, `${JSON.stringify(dashboard, null, 2)}\n`);
