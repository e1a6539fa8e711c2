/** What a key of `npm run fleet` does. Pressing it again undoes it. */
import type { RedisServer } from '../test/harness/redis.js';
import type { Fleet, Pod } from '../test/promises/fleet/fleet.js';
import type { Readers } from './fleet-readers.js';

export interface Command {
  readonly key: string;
  /** For the line of help. */
  readonly what: string;
  /** Does it, and says what it has done. */
  readonly run: () => Promise<string>;
  /** Undoes it if it is done. */
  readonly heal?: () => Promise<unknown>;
}

export function commandsOf(fleet: Fleet, readers: Readers): readonly Command[] {
  const redis = fleet.topology.single as RedisServer;
  const [, second, third] = fleet.pods as [Pod, Pod, Pod];
  return [
    toggle(
      'p',
      'pause Redis',
      ['Redis is frozen', 'Redis goes on'],
      () => redis.pause(),
      () => redis.resume(),
    ),
    toggle(
      'k',
      'kill Redis',
      ['Redis is killed', 'Redis is back, empty'],
      () => redis.kill(),
      () => redis.restart(),
    ),
    toggle(
      'c',
      `cut ${second.name} off from Redis`,
      [`${second.name} is cut off`, `${second.name} reaches Redis again`],
      async () => second.redis?.cut(),
      async () => second.redis?.listen(),
    ),
    toggle(
      'f',
      `freeze ${third.name}`,
      [`${third.name} is frozen`, `${third.name} goes on`],
      () => third.freeze(),
      () => third.thaw(),
    ),
    toggle(
      'x',
      `kill ${third.name}`,
      [`${third.name} is killed`, `${third.name} is back`],
      () => third.kill(),
      () => third.start(),
    ),
    toggle(
      'm',
      'cut MongoDB',
      ['MongoDB is gone', 'MongoDB is back'],
      () => Promise.all(fleet.pods.map((pod) => pod.mongodb.cut())),
      () => Promise.all(fleet.pods.map((pod) => pod.mongodb.heal())),
    ),
    { key: 'u', what: 'update a device', run: () => readers.update() },
    { key: 'i', what: 'invalidate all', run: () => readers.clear() },
  ];
}

function toggle(
  key: string,
  what: string,
  said: readonly [string, string],
  breakIt: () => unknown,
  healIt: () => unknown,
): Command {
  let isBroken = false;
  const heal = async () => {
    if (!isBroken) return;
    isBroken = false;
    await healIt();
  };
  return {
    key,
    what,
    run: async () => {
      if (isBroken) {
        await heal();
        return said[1];
      }
      isBroken = true;
      await breakIt();
      return said[0];
    },
    heal,
  };
}
