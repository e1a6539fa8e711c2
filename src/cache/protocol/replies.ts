/** What the scripts answer, checked: an answer that isn't ours is a failure like silence. */
import { z } from 'zod';
import type { Dep } from './ledger.js';

/** A pod in the registry: what it has applied, and a beat that moves while it lives. */
export interface PodRecord {
  readonly text: string;
  readonly applied: number;
  readonly beat: number;
}

export interface SyncReply {
  readonly epoch: string;
  readonly seq: number;
  /** Everything up to here has left the log. */
  readonly floor: number;
  /** `deps` undefined: written by a version that this one can't read, and so everything. */
  readonly log: readonly { readonly seq: number; readonly deps: readonly Dep[] | undefined }[];
  readonly pods: ReadonlyMap<string, PodRecord>;
  readonly timeMs: number;
}

export interface AppendReply {
  /** The id that this call was made with. */
  readonly call: string;
  readonly epoch: string;
  readonly seq: number;
  readonly pods: ReadonlyMap<string, PodRecord>;
}

const text = z.string();
const integer = z.coerce.number().int().nonnegative();
const logEntry = z.tuple([text, z.array(text)]);
const syncReply = z.tuple([text, integer, integer, z.array(logEntry), z.array(text), z.tuple([integer, integer])]);
const appendReply = z.tuple([text, integer, z.array(text), text]);
const deps = z.array(z.union([text, z.strictObject({ glob: text })]));

export function parseSyncReply(reply: unknown): SyncReply {
  const [epoch, seq, floor, log, hash, [seconds, microseconds]] = syncReply.parse(reply);
  return {
    epoch,
    seq,
    floor,
    log: log.map(([id, fields]) => ({ seq: integer.parse(id.split('-')[0]), deps: parseDeps(fields[1]) })),
    pods: parsePods(hash),
    timeMs: seconds * 1000 + microseconds / 1000,
  };
}

export function parseAppendReply(reply: unknown): AppendReply {
  const [epoch, seq, hash, call] = appendReply.parse(reply);
  return { call, epoch, seq, pods: parsePods(hash) };
}

function parseDeps(json: string | undefined): readonly Dep[] | undefined {
  try {
    return deps.safeParse(JSON.parse(json ?? '')).data;
  } catch {
    return undefined; // not JSON: as unreadable as the wrong JSON
  }
}

function parsePods(hash: readonly string[]): Map<string, PodRecord> {
  const pods = new Map<string, PodRecord>();
  for (let i = 0; i + 1 < hash.length; i += 2) {
    const [field, record] = [hash[i] as string, hash[i + 1] as string];
    if (!field.startsWith('pod:')) continue;
    const [applied = NaN, beat = NaN] = record.split(':').map((number) => Number.parseInt(number, 10));
    pods.set(field.slice('pod:'.length), { text: record, applied, beat });
  }
  return pods;
}
