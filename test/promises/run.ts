/**
 * One run of the consistency test: a fleet, clients, faults; then everything is healed, and what was promised must hold. Called by the
 * test and by the soak.
 */
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { Api } from './workload/api.js';
import { clearCache } from './workload/changes.js';
import type { Violation, ViolationKind } from './checker/checker.js';
import { Client } from './workload/client.js';
import { Database } from './workload/database.js';
import { listedRegister, registerOf } from './workload/devices.js';
import type { Fault, Lane } from './faults/faults.js';
import { Fleet, type FleetOptions } from './fleet/fleet.js';
import { Follower } from './workload/follower.js';
import type { Holding } from './checker/history.js';
import { STATUS } from './workload/queries.js';
import { Random } from './workload/random.js';
import { readDevices, readListing } from './workload/reads.js';
import { Recorder } from './recorder.js';
import { Schedule } from './faults/schedule.js';
import { type Target, World } from './workload/world.js';

/** What must be true some time after the last fault. */
const RECOVERY_MS = 20_000;

/** A process that is not run for so long is on a machine that has too much to do. */
const STALL_MS = 400;
const WATCH_MS = 50;

export interface RunOptions extends FleetOptions {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly pauses: Readonly<Record<Lane, readonly [number, number]>>;
  readonly pace?: number;
  /** Asked again and again; true ends the workload. */
  readonly isEnough: (progress: Progress) => boolean;
  /** Ends at the first violation of this kind, without the rest. */
  readonly stopsAt?: ViolationKind;
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: Progress) => void;
  /** Told of each violation soon after it happened, with what its pod has logged lately. */
  readonly onViolation?: (violation: Violation, logs: readonly string[]) => void;
}

export interface Progress {
  readonly recorder: Recorder;
  readonly schedule: Schedule;
  /** Since the first operation. */
  readonly elapsedMs: number;
}

/** Resolves when all is over; the violations are the recorder's. */
export async function run(options: RunOptions): Promise<Progress> {
  const random = new Random(options.seed);
  const recorder = new Recorder();
  const watch = watchMachine(recorder);
  track({ name: 'watch over this machine', close: () => Promise.resolve(clearInterval(watch)) });
  const fleet = await Fleet.start(options);
  const [api, database] = [new Api(), new Database(fleet.mongodb.url)];
  track({ name: 'clients of the pods', close: () => Promise.resolve(api.close()) });
  track({ name: 'client of MongoDB', close: () => database.close() });
  const world = await World.create({ api, database, recorder, targets: fleet.targets }, random.fork('world'));
  await untilConnected(world, fleet);

  const startedAt = performance.now();
  const schedule = new Schedule({ ...options, fleet, recorder, random: random.fork('schedule') });
  const follower = new Follower(world, random.fork('follower'));
  const clients = world.owners.map((owner, number) => new Client(world, owner, follower, random.fork(`client ${number}`)));
  const progress = (): Progress => ({ recorder, schedule, elapsedMs: performance.now() - startedAt });

  const phase = { isOver: false, isSettled: false };
  const following = follower.run(() => phase.isSettled);
  const faults = schedule.run();
  const working = clients.map((client) => client.run(() => phase.isOver));
  const everything = Promise.all([faults, ...working]); // ends early only by failing
  let reported = 0;
  const report = () => {
    for (; reported < recorder.violations.length; reported++) {
      const violation = recorder.violations[reported] as Violation;
      options.onViolation?.(violation, fleet.logs(violation.pod));
    }
    options.onProgress?.(progress());
  };
  const isBroken = () => recorder.violations.some(({ kind }) => kind === options.stopsAt);
  while (!options.isEnough(progress()) && !isBroken()) {
    await Promise.race([everything, new Promise((resolve) => setTimeout(resolve, 250))]);
    report();
  }
  schedule.stop();
  await faults;
  phase.isOver = true;
  await Promise.all(working);
  if (isBroken()) {
    phase.isSettled = true;
    await following;
    return progress();
  }

  const statuses = await untilConnected(world, fleet);
  await waitFor(() => follower.open === 0, { timeoutMs: RECOVERY_MS }).catch(() => undefined); // the checker says so
  await Promise.all(clients.map((client) => client.settle()));
  phase.isSettled = true;
  await following;
  await readEverything(world, fleet.pods);
  await clearCache(world, fleet.pods[0]!);
  await readEverything(world, fleet.pods);
  recorder.add({ type: 'ended', at: performance.now(), values: await valuesInDatabase(world), statuses });
  report();
  return progress();
}

/** Notices when this process was not run for a while, until its timer is cleared. */
export function watchMachine(recorder: Recorder): NodeJS.Timeout {
  let lastAt = performance.now();
  return setInterval(() => {
    const now = performance.now();
    if (now - lastAt > STALL_MS) recorder.stoodStill(lastAt);
    lastAt = now;
  }, WATCH_MS);
}

/** Waits until each pod uses the cache; answers how each sees it. */
async function untilConnected(world: World, fleet: Fleet): Promise<(readonly [string, string])[]> {
  return Promise.all(
    fleet.pods.map(async (pod) => {
      let last = 'UNKNOWN';
      const isConnected = async () => {
        const { data, problem } = await world.api.graphql(pod.url, STATUS, {}, world.admin);
        last = (data?.cacheStats?.status as string | undefined) ?? problem ?? 'UNKNOWN';
        return last === 'CONNECTED';
      };
      await waitFor(isConnected, { timeoutMs: RECOVERY_MS }).catch(() => undefined); // the checker says so
      return [pod.name, last] as const;
    }),
  );
}

/** All devices and listings, of each pod. */
export async function readEverything(world: World, pods: readonly Target[]): Promise<void> {
  for (const pod of pods) {
    for (const owner of world.owners) {
      await readDevices(
        world,
        pod,
        owner.chains.flatMap((chain) => chain.ids),
      );
      for (const kind of ['own', 'search'] as const) await readListing(world, pod, owner, kind);
    }
  }
}

/** What the registers should hold in the end. */
export async function valuesInDatabase(world: World): Promise<Holding[]> {
  const values: Holding[] = [];
  for (const owner of world.owners) {
    for (const chain of owner.chains) {
      for (const [deviceId, value] of await world.database.read(owner.subject, chain)) {
        const commonName = chain.commonName(deviceId);
        values.push([registerOf(deviceId), value], [registerOf(commonName), value], [listedRegister(commonName), value]);
      }
    }
  }
  return values;
}
