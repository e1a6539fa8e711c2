/**
 * Load as fast as one server answers, from the other core: by wrk where it is installed, since it costs that core the least, else by
 * autocannon. The answers are not looked at here; whoever measures has compared them before.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { HEADERS } from './ask.js';
import { cpuSeconds } from './processes.js';

export interface WireRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** In a path or body it stands for eight digits that no other request has: nobody can have cached the answer. */
export const UNIQUE = 'UNIQUE__';

export interface Wire {
  readonly perSecond: number;
  /** Processor time of the server for one request, in milliseconds; undefined where it can't be told. */
  readonly cpuMs: number | undefined;
}

const CONNECTIONS = 32;
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
export const LOAD_PROGRAM = hasWrk ? 'wrk' : 'autocannon';

let unused = 10_000_000;
/** More than a window of wrk takes. */
const NUMBERS_A_WINDOW = 200_000;

/** The request as it may be sent. */
export function filled(request: WireRequest): WireRequest {
  const digits = String(unused++);
  const { path, body } = request;
  return { ...request, path: path.replace(UNIQUE, digits), ...(body !== undefined && { body: body.replace(UNIQUE, digits) }) };
}

/**
 * Sends the requests in turn. Rejects when one gets no answer or another status than 200.
 * @param seconds a whole number
 */
export async function loadWire(
  server: { readonly url: string; readonly pid: number },
  requests: readonly WireRequest[],
  seconds: number,
): Promise<Wire> {
  const cpuBefore = cpuSeconds(server.pid);
  const startedAt = performance.now();
  const answered = await (hasWrk ? byWrk : byAutocannon)(server.url, requests, seconds);
  const took = (performance.now() - startedAt) / 1_000;
  const cpuAfter = cpuSeconds(server.pid);
  return {
    perSecond: answered / took,
    cpuMs: cpuBefore === undefined || cpuAfter === undefined ? undefined : (1_000 * (cpuAfter - cpuBefore)) / answered,
  };
}

async function byWrk(url: string, requests: readonly WireRequest[], seconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'opensensor-wrk-'));
  try {
    const script = join(folder, 'requests.lua');
    writeFileSync(script, lua(requests));
    const wrk = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url]);
    let output = '';
    for (const stream of [wrk.stdout, wrk.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(wrk, 'close');
    const answered = Number(/^answered (\d+), failed 0$/m.exec(output)?.[1]);
    if (!(answered > 0)) throw new Error(`wrk: ${output}`);
    return answered;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function lua(requests: readonly WireRequest[]): string {
  const text = (value: string): string => `[====[${value}]====]`;
  const headers = Object.entries(HEADERS).map(([name, value]) => `[ ${text(name)} ] = ${text(value)}`);
  const formats = requests.map(
    ({ method, path, body }) => `wrk.format(${text(method)}, ${text(path)}, headers, ${body === undefined ? 'nil' : text(body)})`,
  );
  const isUnique = requests.some(({ path, body }) => path.includes(UNIQUE) || body?.includes(UNIQUE));
  const from = unused;
  unused += NUMBERS_A_WINDOW;
  return `
    local ready, at, unused = {}, 0, ${from}
    function init()
      local headers = { ${headers.join(', ')} }
      ready = { ${formats.join(',\n')} }
    end
    function request()
      at = at % #ready + 1
      unused = unused + 1
      return ${isUnique ? `(ready[at]:gsub("${UNIQUE}", string.format("%d", unused), 1))` : 'ready[at]'}
    end
    function done(summary)
      local e = summary.errors
      print(string.format("answered %d, failed %d", summary.requests, e.connect + e.read + e.write + e.status + e.timeout))
    end`;
}

async function byAutocannon(url: string, requests: readonly WireRequest[], seconds: number): Promise<number> {
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    requests: requests.map((request) => ({
      ...request,
      headers: HEADERS,
      ...(JSON.stringify(request).includes(UNIQUE) && { setupRequest: (sent: object) => ({ ...sent, ...filled(request) }) }),
    })),
  });
  const failed = result.errors + result.non2xx;
  if (failed > 0) throw new Error(`autocannon: ${failed} requests failed.`);
  return result['2xx'];
}
