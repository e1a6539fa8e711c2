/**
 * Why a key is, or is not, answered from the cache: finds what a look-up of this pod would find, in its order, and judges it by the same
 * functions. Nothing is counted, loaded or changed, and no value leaves here. Called by `cache.ts`.
 */
import type { Backend } from './backend.js';
import type { Bodies } from './bodies.js';
import type { ReadPause } from './budget/pause.js';
import { type Entry, freshForMs, servedForMs } from './entry.js';
import { ageOf, type EntryKind, graceSecondsOf, type Objection, objectionTo } from './judgement.js';
import type { Stored } from './purge/stored.js';

/** How what stands under the keys of a namespace is judged: as an entry, or as a text that its key names. */
export type KeyKind = EntryKind | { readonly accepts: (key: string, text: string) => boolean };

export interface Explanation {
  /** Whether a look-up would be answered by it now. */
  readonly servable: boolean;
  /** One sentence: why, or why not. */
  readonly reason: string;
  readonly inMemory: boolean;
  /** Null while Redis can't be asked. */
  readonly inRedis: boolean | null;
  /** Whether it says that there is nothing under this key; null where there is no entry. */
  readonly absent: boolean | null;
  /** When its load began. */
  readonly storedAt: Date | null;
  readonly freshUntil: Date | null;
  /** Until when it may be served after that: while the source is down, or a whole response while it is made anew; null where it may not. */
  readonly staleUntil: Date | null;
  /** Of the stored value; null where it is in this pod's memory only. */
  readonly sizeBytes: number | null;
  readonly tags: readonly string[];
}

export interface ExplanationParts {
  readonly backend: Backend;
  readonly bodies: Bodies;
  readonly pause: ReadPause;
  readonly isSourceDown: () => boolean;
}

interface Verdict {
  readonly servable: boolean;
  readonly reason: string;
}

/** What was found, and where: a look-up takes the first that is servable. */
interface Candidate {
  readonly where: 'memory' | 'Redis';
  readonly value: Stored['value'];
}

export async function explain(parts: ExplanationParts, key: string, kind: KeyKind): Promise<Explanation> {
  const { backend, bodies } = parts;
  const isEmbedded = backend.tier === 'l1';
  // Without its lease a pod does not ask Redis.
  const stored = backend.journal.trusted() ? await backend.keySpace.peek(key).catch(() => null) : null;
  const inMemory = backend.bodies.peek(key) ?? bodies.peek(key);
  const candidates: Candidate[] = [];
  if (inMemory !== undefined) candidates.push({ where: 'memory', value: inMemory });
  if (stored) candidates.push({ where: isEmbedded ? 'memory' : 'Redis', value: stored.value });

  const verdicts = candidates.map((candidate) => ({ candidate, ...judge(parts, candidate, key, kind) }));
  const chosen = verdicts.find(({ servable }) => servable) ?? verdicts.at(-1);
  const { servable, reason } = chosen ?? nothing(parts, stored === null);
  const value = chosen?.candidate.value;
  return {
    servable,
    reason,
    inMemory: candidates.some(({ where }) => where === 'memory'),
    inRedis: stored === null ? null : !isEmbedded && stored !== undefined,
    sizeBytes: stored?.bytes ?? null,
    ...(typeof value === 'object' ? describe(value, kind, backend.journal.nowMs()) : NO_ENTRY),
  };
}

const NO_ENTRY = { absent: null, storedAt: null, freshUntil: null, staleUntil: null, tags: [] };

function describe(
  entry: Entry,
  kind: KeyKind,
  nowMs: number,
): Omit<Explanation, keyof Verdict | 'inMemory' | 'inRedis' | 'sizeBytes'> {
  const dateIn = (ms: number): Date => new Date(Date.now() + ms);
  const freshMs = freshForMs(entry, nowMs);
  const staleSeconds = (entry.w ?? 0) + ('accepts' in kind ? 0 : graceSecondsOf(entry, kind));
  return {
    absent: entry.x === null,
    storedAt: dateIn(entry.t - nowMs),
    freshUntil: dateIn(freshMs),
    staleUntil: staleSeconds === 0 ? null : dateIn(freshMs + 1000 * staleSeconds),
    tags: entry.d.slice(1),
  };
}

function nothing({ backend }: ExplanationParts, isUnknown: boolean): Verdict {
  if (!backend.journal.trusted()) return { servable: false, reason: NO_LEASE };
  return { servable: false, reason: isUnknown ? NOT_ASKED : 'Nothing is cached under this key.' };
}

const NO_LEASE =
  'This pod holds no lease on hearing invalidations, so it serves nothing from the cache until Redis answers it again.';
const NOT_ASKED = 'It is not in the memory of this pod, and Redis can not be asked now.';
const PAUSED = 'It is in Redis, but this pod has paused its reads there after one that failed.';
const UNREADABLE = 'What stands there is nothing that this version can read, so it counts as nothing.';

/** In the order of a look-up: may this pod serve at all, does it ask there, is it what was asked for, does it hold, is it fresh. */
function judge(parts: ExplanationParts, { where, value }: Candidate, key: string, kind: KeyKind): Verdict {
  const { journal } = parts.backend;
  const refused = (reason: string): Verdict => ({ servable: false, reason });
  if (!journal.trusted()) return refused(NO_LEASE);
  if (where === 'Redis' && parts.pause.state(journal.lastSyncAt) !== 'CLOSED') return refused(PAUSED);
  if ('accepts' in kind) {
    if (typeof value !== 'string' || !kind.accepts(key, value))
      return refused('What stands there is not the text that this key names.');
    return { servable: true, reason: 'It is the text that this key names, which can not go stale.' };
  }
  if (typeof value !== 'object') return refused(UNREADABLE);
  const objection = objectionTo(value, key, kind, journal.ledger);
  if (objection !== undefined) return refused(sentenceOf(objection));
  return judgeAge(parts, value, kind, where);
}

function judgeAge(
  { backend, isSourceDown }: ExplanationParts,
  entry: Entry,
  kind: EntryKind,
  where: Candidate['where'],
): Verdict {
  const freshMs = freshForMs(entry, backend.journal.nowMs());
  const seconds = Math.ceil(Math.abs(freshMs) / 1000);
  if (freshMs <= 0 && servedForMs(entry, backend.journal.nowMs()) > 0)
    return { servable: true, reason: `It expired ${seconds} s ago and is served while it is made anew.` };
  switch (ageOf(entry, kind, backend.journal.nowMs())) {
    case 'fresh': {
      const place = where === 'memory' ? 'the memory of this pod' : 'Redis';
      return {
        servable: true,
        reason: `It is in ${place}, fresh for another ${seconds} s, and nothing that it depends on was invalidated since it was read.`,
      };
    }
    case 'stale':
      return isSourceDown()
        ? { servable: true, reason: `It expired ${seconds} s ago and stands in while the database is down.` }
        : { servable: false, reason: `It expired ${seconds} s ago and is only kept for when the database is down.` };
    case 'over':
      return { servable: false, reason: `It expired ${seconds} s ago.` };
  }
}

function sentenceOf(objection: Objection): string {
  switch (objection.by) {
    case 'version':
      return 'It was written by a version of the server whose values this one does not read.';
    case 'key':
      return 'It was written under another key, so it is not trusted here.';
    case 'epoch':
      return 'It is of another epoch: Redis was flushed, restarted or failed over since, and what was invalidated meanwhile is not known.';
    case 'bound':
      return 'It was read before everything was invalidated, or before the oldest invalidation that this pod remembers.';
    case 'name':
      return `\`${objection.dep}\`, which it depends on, was invalidated after it was read.`;
    case 'pattern':
      return `\`${objection.pattern}\`, which matches \`${objection.dep}\` that it depends on, was invalidated after it was read.`;
  }
}
