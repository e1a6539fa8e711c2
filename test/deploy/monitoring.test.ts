/** The alert rules and the dashboard: they name only what is served, and each alert says what to do. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/metrics/catalogue.js';

const FOLDER = 'k8s/monitoring';
/** Served by others: redis_exporter. */
const FOREIGN = ['redis_evicted_keys_total'];

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const rules = parse(readFileSync(`${FOLDER}/alerts.yaml`, 'utf8')) as { groups: { rules: Alert[] }[] };
const alerts = rules.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(`${FOLDER}/dashboard.json`, 'utf8')) as {
  panels: { title: string; targets: { expr: string }[] }[];
};

const served = new Set(
  Object.values(METRICS).flatMap(({ name, kind }) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  ),
);
const named = (expression: string) => expression.match(/\b(?:opensensor|redis)_\w+/g) ?? [];

it.each(alerts.map((alert) => [alert.alert, alert] as const))(
  '%s names only metrics that are served, and its runbook',
  (_name, alert) => {
    expect(named(alert.expr).length).toBeGreaterThan(0);
    for (const metric of named(alert.expr)) expect([...served, ...FOREIGN]).toContain(metric);
    const [page, anchor] = alert.annotations.runbook.split('#') as [string, string];
    const headings = [...readFileSync(page, 'utf8').matchAll(/^## (.+)$/gm)].map(([, text]) =>
      text!.toLowerCase().replaceAll(' ', '-'),
    );
    expect(headings).toContain(anchor);
    expect(readFileSync(page, 'utf8')).toContain(`_\`${alert.alert}\`._`);
    expect(['page', 'ticket']).toContain(alert.labels.severity);
  },
);

it('the dashboard shows every metric', () => {
  const shown = new Set(dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => named(expr))));
  for (const metric of shown) expect(served).toContain(metric);
  for (const { name, kind } of Object.values(METRICS)) expect(shown).toContain(kind === 'histogram' ? `${name}_bucket` : name);
});

const hasPromtool = (() => {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(
      'SKIPPED: the unit tests of the alert rules, because there is no promtool. Install it: apt-get install prometheus',
    );
    return false;
  }
})();

it.runIf(hasPromtool)('the rules do in time what their unit tests say', () => {
  for (const command of [
    ['check', 'rules', 'alerts.yaml'],
    ['test', 'rules', 'alerts.test.yaml'],
  ]) {
    execFileSync('promtool', command, { cwd: FOLDER, encoding: 'utf8' });
  }
});
