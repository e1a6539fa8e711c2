/** The checker against histories written by hand: it objects to each broken promise, once, and to nothing that may happen. */
import { describe, expect, it } from 'vitest';
import { Checker, LATE_MS } from './checker.js';
import type { Answered, Breakage, HistoryEvent, Holding, PodAcks, Sent } from './history.js';

const X = 'device_meta:x';
const Y = 'device_meta:y';
const NO_PODS: PodAcks | null = null;

/** Writes a history line by line; each line is 10 ms after the one before. */
class Story {
  readonly events: HistoryEvent[] = [{ type: 'began', at: 0, values: [X, Y].map((name) => [name, 'v0'] as const) }];
  #op = 0;
  #fault = 0;

  get #at(): number {
    return this.events.length * 10;
  }

  sent(sent: Partial<Sent> & Pick<Sent, 'action'>): number {
    this.events.push({ type: 'sent', at: this.#at, op: ++this.#op, pod: 'a', ...sent });
    return this.#op;
  }

  answered(op: number, answer: Partial<Answered> = {}): this {
    this.events.push({ type: 'answered', at: this.#at, op, lateMs: 0, ...answer });
    return this;
  }

  read(seen: readonly Holding[], pod = 'a'): this {
    return this.answered(this.sent({ action: 'read', pod }), { seen });
  }

  /** A change with its whole answer. */
  wrote(value: string | null, status: 'APPLIED' | 'PENDING', id = `of ${String(value)}`): this {
    const op = this.sent({ action: 'change', writes: [[X, value]] });
    return this.answered(op, { invalidation: { id, status, pods: NO_PODS } });
  }

  purged(covers: readonly string[], status: 'APPLIED' | 'PENDING' = 'APPLIED', pods = NO_PODS): this {
    const op = this.sent({ action: 'invalidateCache', covers });
    return this.answered(op, { invalidation: { id: `purge ${op}`, status, pods } });
  }

  followedUp(id: string, status: 'APPLIED' | 'PENDING' | null): this {
    this.events.push({ type: 'followed up', at: this.#at, id, status });
    return this;
  }

  resolved(op: number, made: boolean): this {
    this.events.push({ type: 'resolved', at: this.#at, op, made });
    return this;
  }

  began(breaks: Breakage): number {
    this.events.push({ type: 'fault began', at: this.#at, fault: ++this.#fault, name: `fault ${this.#fault}`, breaks });
    return this.#fault;
  }

  healed(fault: number): this {
    this.events.push({ type: 'fault ended', at: this.#at, fault });
    return this;
  }

  ended(values: readonly Holding[] = [], status = 'CONNECTED'): this {
    this.events.push({ type: 'ended', at: this.#at, values, statuses: [['a', status]] });
    return this;
  }
}

function objections(story: Story): string[] {
  const checker = new Checker();
  for (const event of story.events) checker.add(event);
  return checker.violations.map(({ kind }) => kind);
}

describe('reads', () => {
  it('may show the old and the new value until APPLIED was received', () => {
    const story = new Story();
    const write = story.sent({ action: 'change', writes: [[X, 'v1']] });
    story
      .read([[X, 'v0']])
      .read([[X, 'v1']], 'b')
      .read([[X, 'v0']]);
    const early = story.sent({ action: 'read' });
    story.answered(write, { invalidation: { id: '1', status: 'APPLIED', pods: null } });
    expect(objections(story.answered(early, { seen: [[X, 'v0']] }).read([[X, 'v1']]))).toEqual([]);
  });

  it('must show the new value after it, on whichever pod', () => {
    const story = new Story().wrote('v1', 'APPLIED').wrote('v2', 'APPLIED');
    expect(objections(story.read([[X, 'v1']], 'b'))).toEqual(['STALE_READ']);
    expect(objections(new Story().wrote(null, 'APPLIED').read([[X, 'v0']]))).toEqual(['STALE_READ']);
    expect(
      objections(
        new Story()
          .wrote(null, 'APPLIED')
          .wrote('v1', 'APPLIED')
          .read([[X, null]]),
      ),
    ).toEqual(['STALE_READ']);
  });

  it('may show anything newer than promised', () => {
    const story = new Story().wrote('v1', 'APPLIED');
    story.sent({ action: 'change', writes: [[X, 'v2']] });
    expect(objections(story.read([[X, 'v2']]).read([[X, 'v1']]))).toEqual([]);
  });

  it('must not show what nobody wrote, or what is written later', () => {
    expect(objections(new Story().read([[X, 'v9']]))).toEqual(['UNKNOWN_VALUE']);
    const story = new Story().read([[X, 'v1']]);
    expect(objections(story.wrote('v1', 'APPLIED'))).toEqual(['UNKNOWN_VALUE']);
  });

  it('are judged each by itself in a batch', () => {
    const story = new Story().wrote('v1', 'APPLIED');
    expect(objections(story.read([[X, 'v0'], [Y, 'v0'], [X, 'v1']]))).toEqual(['STALE_READ']); // prettier-ignore
  });
});

describe('what is PENDING', () => {
  it('promises nothing until it is APPLIED, and then all', () => {
    const story = new Story()
      .wrote('v1', 'PENDING', 'p')
      .read([[X, 'v0']])
      .followedUp('p', 'PENDING')
      .followedUp('p', 'APPLIED');
    expect(objections(story.read([[X, 'v1']]).ended())).toEqual([]);
    expect(objections(story.read([[X, 'v0']]))).toEqual(['STALE_READ']);
  });

  it('must become APPLIED in the end', () => {
    expect(objections(new Story().wrote('v1', 'PENDING', 'p').ended())).toEqual(['STILL_PENDING']);
    expect(objections(new Story().wrote('v1', 'PENDING', 'p').followedUp('p', null).ended())).toEqual(['FORGOTTEN']);
  });

  it('may be forgotten by a Redis that has lost what it held', () => {
    const story = new Story().wrote('v1', 'PENDING', 'p');
    story.healed(story.began({ redis: 'all', losesData: true })).followedUp('p', null);
    expect(objections(story.ended())).toEqual([]);
  });

  it('must not be PENDING again', () => {
    const story = new Story().wrote('v1', 'PENDING', 'p').followedUp('p', 'APPLIED').followedUp('p', 'PENDING');
    expect(objections(story)).toEqual(['FALSE_APPLIED']);
  });
});

describe('purges', () => {
  it('cover what was written before they were sent, by whoever', () => {
    const story = new Story();
    story.answered(story.sent({ action: 'direct write', writes: [[X, 'v1']] }));
    story.read([[X, 'v0']]).purged([X, Y]);
    expect(objections(story.read([[X, 'v1']]))).toEqual([]);
    expect(objections(story.read([[X, 'v0']]))).toEqual(['STALE_READ']);
  });

  it('do not cover other registers, nor what is written meanwhile', () => {
    const story = new Story();
    story.answered(story.sent({ action: 'direct write', writes: [[X, 'v1']] })).purged([Y]);
    expect(objections(story.read([[X, 'v0']]))).toEqual([]);
    const other = new Story();
    const purge = other.sent({ action: 'clearCache', covers: [X, Y] });
    other.answered(other.sent({ action: 'direct write', writes: [[X, 'v1']] }));
    other.answered(purge, { invalidation: { id: 'p', status: 'APPLIED', pods: null } });
    expect(objections(other.read([[X, 'v0']]))).toEqual([]);
  });

  it('must not say APPLIED when their own figures say otherwise', () => {
    expect(objections(new Story().purged([X], 'APPLIED', { live: 4, acknowledged: 3, expired: 1 }))).toEqual([]);
    expect(objections(new Story().purged([X], 'APPLIED', { live: 4, acknowledged: 3, expired: 0 }))).toEqual(['FALSE_APPLIED']);
  });
});

describe('writes', () => {
  it('that were acknowledged must be there in the end', () => {
    const story = new Story().wrote('v1', 'APPLIED').wrote('v2', 'APPLIED');
    expect(objections(story.ended([[X, 'v2']]))).toEqual([]);
    expect(objections(story.ended([[X, 'v1']]))).toEqual(['LOST_WRITE']);
  });

  it('that failed may have been made or not, until somebody looked', () => {
    const story = new Story();
    const fault = story.began({ mongodb: 'all' });
    const op = story.sent({ action: 'change', writes: [[X, 'v1']] });
    story
      .answered(op, { problem: 'DATABASE_UNAVAILABLE' })
      .healed(fault)
      .read([[X, 'v0']])
      .read([[X, 'v1']])
      .read([[X, 'v0']]);
    expect(objections(story)).toEqual([]);
    story.resolved(op, true).purged([X]);
    expect(objections(story.read([[X, 'v0']]))).toEqual(['STALE_READ']);
  });

  it('that were not made must not be seen', () => {
    const story = new Story();
    const op = story.sent({ action: 'change', writes: [[X, 'v1']] });
    story.answered(op, { problem: 'DEVICE_EXISTS', made: 'no' }).read([[X, 'v1']]);
    expect(objections(story)).toEqual(['FAILED', 'UNKNOWN_VALUE']);
  });
});

describe('requests', () => {
  const failing = (problem: string, breaks?: Breakage, healedAfterMs?: number): string[] => {
    const story = new Story();
    if (breaks !== undefined) {
      const fault = story.began(breaks);
      if (healedAfterMs !== undefined) story.healed(fault);
      if (healedAfterMs !== undefined) for (let ms = 0; ms < healedAfterMs; ms += 10) story.followedUp('nothing', null);
    }
    return objections(story.answered(story.sent({ action: 'read', pod: 'b' }), { problem }));
  };

  it('must not fail without a fault, nor because of Redis', () => {
    expect(failing('DATABASE_UNAVAILABLE')).toEqual(['FAILED']);
    expect(failing('INTERNAL_SERVER_ERROR', { redis: 'all' })).toEqual(['FAILED']);
    expect(failing('DATABASE_UNAVAILABLE', { redis: 'b' })).toEqual(['FAILED']);
    expect(failing('CACHE_UNAVAILABLE', { redis: 'all' })).toEqual(['FAILED']);
  });

  it('may fail as specified while their database is broken, and shortly after', () => {
    expect(failing('DATABASE_UNAVAILABLE', { mongodb: 'all' })).toEqual([]);
    expect(failing('DATABASE_UNAVAILABLE', { mongodb: 'b' }, 500)).toEqual([]);
    expect(failing('DATABASE_UNAVAILABLE', { mongodb: 'a' })).toEqual(['FAILED']);
    expect(failing('DATABASE_UNAVAILABLE', { mongodb: 'b' }, 10_000)).toEqual(['FAILED']);
    expect(failing('INTERNAL_SERVER_ERROR', { mongodb: 'b' })).toEqual(['FAILED']);
    expect(failing('CACHE_UNAVAILABLE', { mongodb: 'all' })).toEqual(['FAILED']);
    expect(failing('CACHE_UNAVAILABLE', { mongodb: 'all', redis: 'b' })).toEqual([]);
  });

  it('may fail in any way on a pod whose process is broken', () => {
    expect(failing('ECONNRESET', { pod: 'b' })).toEqual([]);
    expect(failing('ECONNRESET', { pod: 'a' })).toEqual(['FAILED']);
  });

  it('must be in time, and from grace only when the database is broken', () => {
    const judge = (answer: Partial<Answered>, breaks?: Breakage) => {
      const story = new Story();
      if (breaks !== undefined) story.began(breaks);
      return objections(story.answered(story.sent({ action: 'read' }), answer));
    };
    expect(judge({ lateMs: LATE_MS })).toEqual([]);
    expect(judge({ lateMs: LATE_MS + 1 })).toEqual(['LATE']);
    expect(judge({ lateMs: LATE_MS + 1 }, { redis: 'all' })).toEqual(['LATE']);
    expect(judge({ lateMs: LATE_MS + 1 }, { mongodb: 'all' })).toEqual([]);
    expect(judge({ stale: true })).toEqual(['STALE_WITHOUT_CAUSE']);
    expect(judge({ stale: true }, { mongodb: 'a' })).toEqual([]);
  });

  it('must all be answered, and pods use the cache again in the end', () => {
    const story = new Story();
    story.sent({ action: 'read' });
    expect(objections(story.ended([], 'DEGRADED'))).toEqual(['NOT_CONNECTED', 'LATE']);
  });
});
