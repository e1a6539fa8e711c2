/**
 * What became of one invalidation; the shape behind the GraphQL type `CacheInvalidation`, and behind the JSON that pods keep of it in
 * Redis.
 */
import { z } from 'zod';
import type { PodAcks } from './protocol/journal.js';
import type { Dep } from './protocol/ledger.js';

/** On whose behalf an invalidation is made, when an admin asks for it. */
export interface Asked {
  /** Id of the user or service; never a credential. */
  readonly actor?: string | undefined;
  /** How many ids were named, where it is not a pattern. */
  readonly ids?: number | undefined;
}

export interface Invalidation {
  readonly id: string;
  readonly status: 'APPLIED' | 'PENDING' | 'DRY_RUN';
  /** The glob, for an invalidation by pattern. */
  readonly pattern: string | null;
  /** Keys that matched; null for an invalidation by tag, while Redis can't be asked, and until the walk has ended. */
  readonly matched: number | null;
  /** Of those, freed so far. */
  readonly removed: number | null;
  readonly requestedAt: Date;
  readonly appliedAt: Date | null;
  readonly elapsedMs: number;
  readonly pods: PodAcks | null;
  /** Null for one that nobody asked for by itself, as a change's own. */
  readonly actor: string | null;
  readonly ids: number | null;
}

const podsSchema = z.object({ live: z.number(), acknowledged: z.number(), expired: z.number() });
const invalidationSchema = z.object({
  id: z.string(),
  status: z.enum(['APPLIED', 'PENDING', 'DRY_RUN']),
  pattern: z.string().nullable(),
  matched: z.number().nullable(),
  removed: z.number().nullable(),
  requestedAt: z.coerce.date(),
  appliedAt: z.coerce.date().nullable(),
  elapsedMs: z.number(),
  pods: podsSchema.nullable(),
  // Pods of older versions leave these out.
  actor: z.string().nullable().default(null),
  ids: z.number().nullable().default(null),
});

/** From its JSON; null for what a pod of another version, or anybody else, wrote. */
export function parseInvalidation(text: string): Invalidation | null {
  try {
    return invalidationSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // not JSON
  }
}

/** @param asked undefined for one that nobody asked for by itself. */
export function newInvalidation(id: string, requestedAt: Date, deps: readonly Dep[] = [], asked: Asked = {}): Invalidation {
  const [only] = deps;
  const pattern = deps.length === 1 && typeof only === 'object' ? only.glob : null;
  return {
    id,
    status: 'PENDING',
    pattern,
    matched: null,
    removed: null,
    requestedAt,
    appliedAt: null,
    elapsedMs: 0,
    pods: null,
    actor: asked.actor ?? null,
    ids: asked.ids ?? null,
  };
}

/** By a clock that only goes forward. */
export function now(): Date {
  return new Date(performance.timeOrigin + performance.now());
}

export function elapsedMs(invalidation: Pick<Invalidation, 'requestedAt'>): number {
  return Math.max(0, performance.timeOrigin + performance.now() - invalidation.requestedAt.getTime());
}
