/** The one query of all benchmarks, that of `schema/operations/`, and how it is sent. */
import { readFileSync } from 'node:fs';

const QUERY = readFileSync(new URL('../schema/operations/devices.graphql', import.meta.url), 'utf8');

export const HEADERS = { 'content-type': 'application/json' };

export function bodyFor(ids: readonly string[]): string {
  return JSON.stringify({ query: QUERY, variables: { ids } });
}

/** @returns the body. Rejects when it isn't an answer without errors. */
export async function ask(url: string, body: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers: HEADERS, body });
  const text = await response.text();
  if (response.status !== 200 || !text.startsWith('{"data":')) {
    throw new Error(`The server answered ${String(response.status)}: ${text.slice(0, 500)}`);
  }
  return text;
}
