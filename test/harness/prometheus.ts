/**
 * A real Prometheus that scrapes what a test tells it to, and what its HTTP API says. Called by tests; which program is run was decided
 * once, by `prepare.ts`.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { environment } from './environment.js';
import { freePort } from './ports.js';
import { startProcess } from './process.js';

/** How often it scrapes and evaluates its rules. */
const INTERVAL = '500ms';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and a number as text. */
  readonly value: readonly [number, string];
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

interface RuleGroup {
  readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
}

export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** The value of an expression now; rejects with what is wrong with it. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#ask<{ result: Series[] }>(`query?${new URLSearchParams({ query: expression }).toString()}`);
    return result;
  }

  /** Those that are pending or firing. */
  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask<{ alerts: Alert[] }>('alerts')).alerts;
  }

  /** Every rule, with whether it could be evaluated. */
  async rules(): Promise<RuleGroup['rules']> {
    return (await this.#ask<{ groups: RuleGroup[] }>('rules')).groups.flatMap(({ rules }) => rules);
  }

  async #ask<Data>(path: string): Promise<Data> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`);
    const body = (await answer.json()) as { status: string; data: Data; error?: string };
    if (body.status !== 'success') throw new Error(`Prometheus refuses ${decodeURIComponent(path)}: ${String(body.error)}`);
    return body.data;
  }
}

/**
 * Starts Prometheus and waits until it is ready.
 * @param targets their URLs by the name that its label `pod` has.
 * @param rules the text of a file of rules.
 */
export async function startPrometheus(targets: Readonly<Record<string, string>>, rules: string): Promise<Prometheus> {
  const { prometheus, runDirectory } = environment();
  if (!prometheus.found) throw new Error(prometheus.reason);
  const directory = mkdtempSync(join(runDirectory, 'prometheus-'));
  const port = await freePort();
  writeFileSync(join(directory, 'rules.yaml'), rules);
  const config = {
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: ['rules.yaml'],
    scrape_configs: [
      {
        job_name: 'pods',
        static_configs: Object.entries(targets).map(([pod, url]) => ({ targets: [new URL(url).host], labels: { pod } })),
      },
    ],
  };
  writeFileSync(join(directory, 'prometheus.yaml'), stringify(config));
  const url = `http://127.0.0.1:${String(port)}`;
  await startProcess({
    name: `prometheus on port ${String(port)}`,
    command: prometheus.path,
    args: [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
      '--log.level=warn',
    ],
    isReady: async () => (await fetch(`${url}/-/ready`)).status === 200,
  });
  return new Prometheus(url);
}
