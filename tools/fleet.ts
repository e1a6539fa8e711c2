/**
 * `npm run fleet`: three pods over one Redis and one MongoDB on this machine, with some readers, to break and to watch. A key does
 * something to Redis or to a pod; a line per second and pod shows what it does. Everything ends with it. Called by people.
 */
import { emitKeypressEvents } from 'node:readline';
import { runScript } from '../test/harness/script.js';
import { Api, bearer } from '../test/promises/workload/api.js';
import { Fleet, type Pod } from '../test/promises/fleet/fleet.js';
import { commandsOf, type Command } from './fleet-commands.js';
import { lineOf, STATS, type Stats } from './fleet-line.js';
import { Readers } from './fleet-readers.js';

const PODS = ['a', 'b', 'c'];
const LINE_MS = 1_000;
/** A pod that does not answer its statistics in this time is shown as silent. */
const ANSWER_MS = 350;

await runScript(async (signal) => {
  console.log('Starting three pods, Redis and MongoDB …');
  const fleet = await Fleet.start({ topology: 'single', pods: PODS });
  const api = new Api();
  const admin = await bearer('00000000-0000-4000-8000-000000000000', ['cache:admin', 'devices:read']);
  const readers = await Readers.start(fleet, api, admin);
  const commands = commandsOf(fleet, readers);
  const help = commands.map(({ key, what }) => `${key} ${what}`).join('   ');

  for (const pod of fleet.pods) console.log(`pod ${pod.name}: ${pod.url}/graphql`);
  console.log(`admin's header: authorization: ${admin.authorization ?? ''}`);
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
    listen(commands, resolve);
  });

  let line = 0;
  const timer = setInterval(() => {
    if (line++ % 10 === 0) console.log(`\n${help}   q quit`);
    void show(fleet.pods, api, admin);
  }, LINE_MS);
  await ended;
  clearInterval(timer);
  console.log('Ending everything …');
  readers.stop();
  for (const { heal } of commands) await heal?.();
  api.close();
  return 0;
});

/** One command per key press; the next one waits for it. */
function listen(commands: readonly Command[], quit: () => void): void {
  let last: Promise<unknown> = Promise.resolve();
  const { stdin } = process;
  if (!stdin.isTTY) {
    console.log('There is no terminal to read keys from: end it with Ctrl-C.');
    return;
  }
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.on('keypress', (_text: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }) => {
    if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) {
      stdin.setRawMode(false);
      stdin.pause();
      quit();
      return;
    }
    const command = commands.find((candidate) => candidate.key === key.name);
    if (command === undefined) return;
    last = last.then(async () => {
      console.log(`> ${await command.run()}`);
    });
    last = last.catch((error: unknown) => console.error(error));
  });
}

/** Asks one pod after the other: each answer is about the whole fleet, which would else be asked three times at once. */
async function show(pods: readonly Pod[], api: Api, admin: Readonly<Record<string, string>>): Promise<void> {
  const lines: string[] = [];
  for (const pod of pods) {
    const silence = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), ANSWER_MS);
    });
    const reply = await Promise.race([api.graphql(pod.url, STATS, {}, admin), silence]);
    lines.push(lineOf(pod.name, (reply?.data as { cacheStats?: Stats } | undefined)?.cacheStats));
  }
  console.log(lines.join('\n'));
}
