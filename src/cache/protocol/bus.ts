/**
 * The journal that all pods share through one Redis. A loop syncs with the bus every 100 ms; each answer brings the news of the
 * log and a lease, counted from the sending. While the lease holds, this pod has heard every invalidation that anybody was told
 * is applied. Nothing here compares the clocks of two machines. The states and their order:
 *
 *     untrusted --sync ok--> outbox read, what it holds appended --a sync SENT AFTER that ok--> trusted
 *         ^                                                                                       |
 *         +--------------------------------- lease over ------------------------------------------+
 */
import { randomUUID } from 'node:crypto';
import { type Cluster, type Redis, ReplyError } from 'ioredis';
import { withDeadline } from '../budget/deadline.js';
import type { Appended, Journal, PodAcks } from './journal.js';
import { type Dep, Ledger } from './ledger.js';
import { type AppendReply, parseAppendReply, parseSyncReply, type SyncReply } from './replies.js';
import { type BusCommands, defineBusCommands } from './scripts.js';
import { RedisRefusedError } from './refused.js';
import { countApplied, Registry } from './registry.js';
import type { Counters } from '../stats/counters.js';

/** How often an idle pod syncs. */
const HEARTBEAT_MS = 100;
/** How long a lease lasts from the sending of its sync: five heartbeats, and longer than the event loop may stall. */
const LEASE_MS = 500;
/** A lease seen from outside: 10 % longer, for clocks that run at different rates. */
const LEASE_WAIT_MS = LEASE_MS * 1.1;
const SYNC_DEADLINE_MS = 200;
const FIRST_TRUST_PAUSE_MS = 2;
const APPEND_DEADLINE_MS = 250;
/** After so many syncs in a row without an answer of their own, the connection is made anew. */
const MAX_UNANSWERED_SYNCS = 5;
/** Deps per log entry. */
const DEPS_PER_ENTRY = 100;

export interface BusOptions {
  readonly client: Redis | Cluster;
  /** Listens for nudges, which save an invalidation up to one heartbeat, and for questions of other pods. */
  readonly subscriber: Redis | Cluster;
  readonly prefix: string;
  readonly podName: string;
  readonly counters: Counters;
  /** Told of every sync that Redis answers with an error, as one that is too old does. */
  readonly onError: (error: unknown) => void;
  /** Told when the lease is won or lost, and why. */
  readonly onLease: (held: boolean, reason?: unknown) => void;
}

export interface BusHooks {
  /** Appends everything that is on record as not yet applied. Called after Redis answered and before anything is trusted. */
  readonly drain: () => Promise<void>;
  /** Told what a pod published. */
  readonly onMessage: (message: string) => void;
}

export class Bus implements Journal {
  readonly ledger = new Ledger();
  readonly #options: BusOptions;
  /** This process in the registry: its beat begins at zero, and a container that is started again keeps its name. */
  readonly self: string;
  readonly #commands: BusCommands;
  readonly #keys: readonly [string, string];
  readonly #channel: string;

  #leaseUntil = 0;
  #trusted = false;
  /** A number that moves whenever trust is lost, so that a drain begun before that doesn't count. */
  #trustRound = 0;
  /** When the drain of this round ended; undefined until then. */
  #drainedAt: number | undefined;
  #draining = false;

  #beat = 0;
  #inEpochSince = 0;
  #lastSyncSentAt: number | undefined;
  #lastSyncFailed = false;
  #unansweredSyncs = 0;
  #redisTimeOffsetMs = 0;
  readonly #registry: Registry;

  #running: Promise<SyncReply | undefined> | undefined;
  #queued: Promise<SyncReply | undefined> | undefined;
  #loop: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #stopped = false;
  #drain: BusHooks['drain'] = () => Promise.resolve();

  constructor(options: BusOptions) {
    this.#options = options;
    this.self = `${options.podName}:${randomUUID()}`;
    this.#commands = defineBusCommands(options.client);
    this.#registry = new Registry(this.self, LEASE_WAIT_MS);
    this.#keys = [`${options.prefix}{bus}`, `${options.prefix}{bus}log`];
    this.#channel = `${options.prefix}{bus}nudge`;
  }

  start({ drain, onMessage }: BusHooks): void {
    this.#drain = drain;
    const { subscriber } = this.#options;
    subscriber.on('message', (_channel: string, message: string) => {
      if (/^\d+$/.test(message)) this.#wake();
      else onMessage(message);
    });
    const subscribe = (): void => {
      subscriber.subscribe(this.#channel).catch(() => undefined); // it reconnects and subscribes again; syncs go on meanwhile
    };
    subscriber.on('ready', subscribe);
    if (subscriber.status === 'ready') subscribe();
    this.#loop = this.#run();
  }

  /** Stops using the cache and takes this pod out of the registry, so that no invalidation waits for it. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#trusted = false;
    this.#wake();
    await this.#loop;
    const leave = this.#options.client.hdel(this.#keys[0], `pod:${this.self}`);
    await withDeadline(leave, SYNC_DEADLINE_MS).catch(() => undefined); // unheard, the record is forgotten when its lease is over
  }

  trusted(): boolean {
    return this.#trusted && performance.now() < this.#leaseUntil;
  }

  /** While syncs fail, nobody waits for the next one: requests would each pay for a Redis that is known to be out. */
  async whenTrusted(deadlineMs: number): Promise<boolean> {
    const running = this.#lastSyncFailed ? undefined : this.#running;
    if (!this.trusted() && running !== undefined) await withDeadline(running, deadlineMs).catch(() => undefined);
    return this.trusted();
  }

  /** Waits until entries may be served, `deadlineMs` at most. For the start of a pod. */
  async firstTrust(deadlineMs: number): Promise<void> {
    const giveUpAt = performance.now() + deadlineMs;
    while (!this.trusted() && !this.#stopped && performance.now() < giveUpAt) {
      await Promise.race([this.#syncFromNow(), pause(giveUpAt - performance.now())]);
      await pause(FIRST_TRUST_PAUSE_MS);
    }
  }

  nowMs(): number {
    return performance.now() + this.#redisTimeOffsetMs;
  }

  /** Says something to all pods that listen now, this one included. */
  publish(message: string): Promise<unknown> {
    return this.#options.client.publish(this.#channel, message);
  }

  /** The pods in the registry now, this one included. */
  async pods(): Promise<readonly string[]> {
    await this.#syncFromNow();
    return this.#registry.pods();
  }

  /** When the last sync that succeeded was sent, on `performance.now()`'s scale; undefined before the first. */
  get lastSyncAt(): number | undefined {
    return this.#lastSyncSentAt;
  }

  /** Stops trusting the cache until what is on record has been appended: an invalidation was not taken. */
  distrust(reason: unknown): void {
    this.#lose(reason);
    this.#wake();
  }

  async append(deps: readonly Dep[]): Promise<Appended> {
    try {
      return { applied: this.#acknowledged(await this.#append(deps)) };
    } catch (error) {
      this.#options.counters.failed('append');
      throw error;
    }
  }

  async #append(deps: readonly Dep[]): Promise<AppendReply> {
    const entries: string[] = [];
    for (let i = 0; i < deps.length; i += DEPS_PER_ENTRY) entries.push(JSON.stringify(deps.slice(i, i + DEPS_PER_ENTRY)));
    const call = randomUUID();
    const sent = this.#commands.opensensorAppend(...this.#keys, call, this.#channel, ...entries);
    const reply = parseAppendReply(await withDeadline(sent, APPEND_DEADLINE_MS));
    if (reply.call !== call) throw new Error('Redis answered another call than the one that was sent');
    return reply;
  }

  /** Resolves when every pod that could serve the old value has heard of the new one, or has lost its lease. */
  async #acknowledged(appended: AppendReply): Promise<PodAcks> {
    const giveUpAt = performance.now() + LEASE_WAIT_MS;
    const live = appended.pods.size;
    let acknowledged = 0;
    for (let pauseMs = 1; performance.now() < giveUpAt; pauseMs = Math.min(pauseMs * 2, 16)) {
      const reply = await withDeadline(this.#syncFromNow(), giveUpAt - performance.now()).catch(() => undefined);
      if (reply?.epoch === appended.epoch) acknowledged = countApplied(appended, reply.pods);
      // A pod that has just joined this epoch may stand in for one whose lease of the epoch before is still running.
      const newcomer = performance.now() - this.#inEpochSince < LEASE_WAIT_MS;
      if (acknowledged === live && !newcomer && this.ledger.epoch === appended.epoch) break;
      await pause(Math.min(pauseMs, giveUpAt - performance.now()));
    }
    return { live, acknowledged, expired: live - acknowledged };
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const before = this.ledger.applied;
      const reply = await this.#syncFromNow();
      const acknowledgementIsDue = reply !== undefined && this.ledger.applied !== before;
      if (!acknowledgementIsDue) await Promise.race([woken, pause(HEARTBEAT_MS)]);
    }
  }

  /** A sync that is sent after this call. One runs at a time; all who ask meanwhile share the next. */
  #syncFromNow(): Promise<SyncReply | undefined> {
    this.#queued ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#queued = undefined;
      const running = this.#sync();
      this.#running = running;
      return running;
    });
    return this.#queued;
  }

  async #sync(): Promise<SyncReply | undefined> {
    if (this.#stopped) return undefined; // it would bring back the record that `close` removes
    const sentAt = performance.now();
    const forget = this.#registry.silent(sentAt);
    const beat = ++this.#beat;
    const { epoch = '', applied } = this.ledger;
    try {
      const sent = this.#commands.opensensorSync(...this.#keys, randomUUID(), this.self, beat, epoch, applied, ...forget.flat());
      const reply = parseSyncReply(await withDeadline(sent, SYNC_DEADLINE_MS));
      // A connection that has lost or doubled an answer gives those of other questions from then on: older news than it seems.
      if (reply.pods.get(this.self)?.beat !== beat) throw new Error('Redis answered another sync than the one that was sent');
      this.#hear(reply, sentAt);
      this.#lastSyncFailed = false;
      this.#unansweredSyncs = 0;
      return reply;
    } catch (error) {
      this.#lastSyncFailed = true;
      this.#options.counters.failed('sync');
      if (error instanceof ReplyError) this.#options.onError(new RedisRefusedError({ cause: error }));
      else if (++this.#unansweredSyncs % MAX_UNANSWERED_SYNCS === 0) this.#reconnect();
      if (this.#trusted && performance.now() >= this.#leaseUntil) this.#lose(error);
      return undefined;
    }
  }

  /** A connection that is being made, or made again, is left alone. */
  #reconnect(): void {
    const { client } = this.#options;
    if (client.status === 'ready') client.disconnect(true);
  }

  #hear(reply: SyncReply, sentAt: number): void {
    if (performance.now() >= this.#leaseUntil) this.#lose(new Error('no sync with Redis succeeded in time'));
    if (reply.epoch !== this.ledger.epoch) this.#inEpochSince = performance.now();
    if (reply.epoch !== this.ledger.epoch || this.ledger.applied < reply.floor) this.ledger.reset(reply.epoch, reply.floor);
    for (const { seq, deps } of reply.log) this.ledger.add(seq, deps);
    this.ledger.add(reply.seq, []);
    this.#registry.note(reply.pods);
    this.#redisTimeOffsetMs = reply.timeMs - sentAt;
    this.#lastSyncSentAt = sentAt;
    this.#leaseUntil = sentAt + LEASE_MS;
    if (!this.#trusted) this.#recover(sentAt);
  }

  #recover(sentAt: number): void {
    if (this.#drainedAt !== undefined && sentAt >= this.#drainedAt) {
      if (this.#stopped) return;
      this.#trusted = true;
      this.#options.onLease(true);
      return;
    }
    if (this.#draining || this.#drainedAt !== undefined) return;
    const round = this.#trustRound;
    this.#draining = true;
    this.#drain()
      .then(() => {
        if (round === this.#trustRound) this.#drainedAt = performance.now();
      })
      .catch(() => undefined) // tried again after the next sync
      .finally(() => {
        this.#draining = false;
        this.#wake();
      });
  }

  #lose(reason: unknown): void {
    this.#trustRound++;
    this.#drainedAt = undefined;
    if (!this.#trusted) return;
    this.#trusted = false;
    this.#options.onLease(false, reason);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms));
  });
}
