/**
 * The one sentence at the top: what the state of the cache means for whoever is served. Pure; it decides nothing but words. The first
 * of its cases that holds is the one that matters most.
 */
import type { Stats } from './traffic.js';
import { amount, perSecond, time } from './words.js';

export interface Status {
  readonly tone: 'good' | 'warning' | 'bad';
  readonly sentence: string;
  /** What it rests on, or what to do. */
  readonly detail: string;
}

/** The figures could not be read. */
export interface Silence {
  readonly since: Date;
  /** A sentence. */
  readonly reason: string;
}

export interface Observed {
  readonly stats: Stats;
  /** When the answer came. */
  readonly at: Date;
  /** Undefined while they can be read. */
  readonly silent: Silence | undefined;
  /** Pods known before that did not answer now. */
  readonly missing: readonly string[];
  /** Pods that are no longer counted and that nothing has replaced. */
  readonly gone: readonly { readonly id: string; readonly at: Date }[];
  /** Look-ups per second answered by expired entries. */
  readonly stalePerSecond: number;
  /** What answers where the cache does not. */
  readonly database: string;
}

export function statusOf({ stats, at, silent, missing, gone, stalePerSecond, database }: Observed): Status {
  const { pods, pendingInvalidations } = stats;
  const pending = pendingInvalidations.length;
  const waiting = pending === 0 ? 'nothing waits' : `${amount(pending, 'invalidation')} ${pending === 1 ? 'waits' : 'wait'}`;
  if (silent !== undefined) {
    return {
      tone: 'bad',
      sentence: `The server can't be reached since ${time(silent.since)}.`,
      detail: `${silent.reason} It is asked again every two seconds; what is below is from ${time(at, { withSeconds: true })}.`,
    };
  }
  if (stats.status === 'DEGRADED') {
    // The pod that answers knows when it last heard from Redis.
    const lagMs = Math.min(...pods.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs])));
    const since = Number.isFinite(lagMs) ? `since ${time(new Date(at.getTime() - lagMs))}` : 'since it started';
    return {
      tone: 'bad',
      sentence: `Degraded ${since}: answers come from ${database}, ${waiting}.`,
      detail: `Redis can't be reached or trusted by ${pods[0]?.id ?? 'the pod that answers'}. Bring it back; what waits is applied before the cache is used again.`,
    };
  }
  const apart = pods.filter(({ leaseHeld, breaker }) => !leaseHeld || breaker === 'OPEN');
  if (apart.length > 0 && stats.status === 'CONNECTED') {
    const lost = apart.filter(({ leaseHeld }) => !leaseHeld).length;
    const has = apart.length === 1 ? 'has' : 'have';
    const what =
      lost > 0 ? `${has} lost ${apart.length === 1 ? 'its lease' : 'their leases'}` : `${has} paused reading from Redis`;
    return {
      tone: 'warning',
      sentence: `${apart.length} of ${amount(pods.length, 'pod')} ${what} and answer${apart.length === 1 ? 's' : ''} from ${database}.`,
      detail: `${apart.map(({ id }) => id).join(', ')}: nothing stale is served, but ${database} is asked more. ${capital(waiting)}.`,
    };
  }
  if (!stats.complete) {
    const who = missing.length === 0 ? 'Another pod' : missing.join(', ');
    return {
      tone: 'warning',
      sentence: `${amount(pods.length, 'pod')} answer${pods.length === 1 ? 's' : ''} from the cache; ${missing.length > 1 ? `${missing.length} others do` : 'another does'} not answer.`,
      detail: `${who} may be starting, stopping or stuck. Without its lease it serves nothing from the cache. Figures are of the pods that answered; ${waiting}.`,
    };
  }
  const [firstGone] = gone;
  if (firstGone !== undefined) {
    const [has, it] =
      gone.length === 1 ? ['has lost its lease', 'it runs, it answers'] : ['have lost their leases', 'they run, they answer'];
    return {
      tone: 'warning',
      sentence: `${gone.length} of ${amount(pods.length + gone.length, 'pod')} ${has} or stopped; if ${it} from ${database}.`,
      detail: `${gone.map(({ id }) => id).join(', ')}, since ${time(firstGone.at)}. Nothing stale is served; ${waiting}.`,
    };
  }
  if (stalePerSecond > 0) {
    return {
      tone: 'warning',
      sentence: `${capital(database)} can't be asked: expired entries stand in, ${perSecond(stalePerSecond)} per second.`,
      detail: `Devices that are not cached can't be answered. ${capital(waiting)}.`,
    };
  }
  if (stats.status === 'EMBEDDED') {
    return {
      tone: 'good',
      sentence: `The server answers from its own memory; ${waiting}.`,
      detail: 'No Redis is configured: this process shares its cache with nobody. REDIS_URL makes a fleet.',
    };
  }
  const who = pods.length === 1 ? 'The only pod answers' : `All ${pods.length} pods answer`;
  return {
    tone: pending === 0 ? 'good' : 'warning',
    sentence: `${who} from the cache; ${waiting}.`,
    detail: pending === 0 ? 'Redis is in use, and every pod hears every invalidation.' : 'What waits is being applied.',
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
