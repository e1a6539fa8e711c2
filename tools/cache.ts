/**
 * `npm run cache`: looks at the cache of a running server and purges it, from a terminal or a script. One more client of its public
 * GraphQL API; what a command does is in the files beside this one. Standard output has the answer and nothing else. Called by people.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CacheClient, CommandError } from './cache-client.js';
import { purge } from './cache-purge.js';
import { showEntries, showStats } from './cache-show.js';
import { printable } from './cache-text.js';
import { watch } from './cache-watch.js';

const USAGE = `npm run cache -- <command> [options]

  stats                    how the cache is doing, on every pod and in Redis
  entries [pattern]        the keys that it holds, never their values
  purge <pattern>          makes what matches unservable on all pods, and frees it; counts first, and asks
  purge --ids <id,id…>     the same for everything known about devices
  watch                    a line every two seconds, until Ctrl-C

  --url <url>              the server's GraphQL; default: OPENSENSOR_URL, or http://localhost:4000/graphql
  --token-file <file>      a file with the bearer token; default: OPENSENSOR_TOKEN holds it
  --json                   JSON: one document, or one a line for entries and watch. Use \`npm run -s\`
  --yes                    purge without asking

A pattern is a glob over keys, as 'device_meta:green*'. It ends with 0 when it is done, 1 when it was refused, failed or is pending, 2 when it was
called wrongly.`;

const OPTIONS = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  ids: { type: 'string' },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** It was called wrongly: the message says how. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [command, pattern, ...rest] = positionals;
  const { ids, json, yes } = values;
  const takesPattern = command === 'entries' || command === 'purge';
  if (rest.length > 0 || (pattern !== undefined && !takesPattern)) throw new UsageError('There are too many words.');
  if (command !== 'purge' && (ids !== undefined || yes)) throw new UsageError('--ids and --yes are for purge.');
  switch (command) {
    case 'stats':
      return showStats(connect(values), { json });
    case 'entries':
      return showEntries(connect(values), { pattern: pattern ?? '*', json });
    case 'purge':
      return purge(connect(values), { what: whatToPurge(pattern, ids), json, yes });
    case 'watch':
      return watch(connect(values), { json });
    default:
      throw new UsageError(command === undefined ? 'Say which command.' : `There is no command ${command}.`);
  }
}

function parse(args: readonly string[]) {
  if (args.some((arg) => /^--token(=|$)/.test(arg))) {
    throw new UsageError('A token in an argument is seen by everybody on this machine: use OPENSENSOR_TOKEN or --token-file.');
  }
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function whatToPurge(pattern: string | undefined, ids: string | undefined): { pattern: string } | { ids: string[] } {
  if ((pattern === undefined) === (ids === undefined)) throw new UsageError('Say what to purge: a pattern, or --ids.');
  if (pattern !== undefined) return { pattern };
  const names = (ids ?? '').split(',').filter((id) => id !== '');
  if (names.length === 0) throw new UsageError('--ids names no id.');
  return { ids: names };
}

function connect(values: { readonly url?: string; readonly 'token-file'?: string }): CacheClient {
  const { OPENSENSOR_URL, OPENSENSOR_TOKEN = '' } = process.env;
  const text = values.url ?? OPENSENSOR_URL ?? 'http://localhost:4000/graphql';
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new UsageError(`${text} is no URL of a server.`);
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = '/graphql';
  const file = values['token-file'];
  const token = file === undefined ? OPENSENSOR_TOKEN : readToken(file);
  // Whatever else can't be in a header either, and fetch would repeat it in its error.
  if (!/^[\x21-\x7e]*$/.test(token)) throw new UsageError('The token is not one: it has characters that no token has.');
  return new CacheClient(url.href, token);
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`The token can not be read from ${file}.`, { cause: error });
  }
}

// Whoever reads has had enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${printable(error.message)}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof CommandError) {
    console.error(printable(error.message));
    process.exitCode = 1;
  } else {
    throw error;
  }
}
