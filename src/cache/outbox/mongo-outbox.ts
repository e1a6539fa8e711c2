/**
 * The outbox of a fleet: the collection `CacheInvalidations` of its own database, so that an invalidation survives the pod that
 * asked for it. What is acknowledged here is seen by every read of the primary.
 */
import type { Db } from 'mongodb';
import { z } from 'zod';
import { withDeadline } from '../budget/deadline.js';
import { type Intent, type Outbox, OutboxError } from './outbox.js';

const MAX_TIME_MS = 5_000;
/** For an operation that the driver forgets, as it may when its connection ends while it is being written to. */
const DEADLINE_MS = MAX_TIME_MS + 1_000;
/** An intent outlives every entry that it could be about: time to live plus grace is 3,000 s at most. */
const KEPT_SECONDS = 3_600;

interface IntentDocument {
  _id: string;
  deps: unknown;
  changed: boolean;
  at: Date;
  actor?: unknown;
  ids?: unknown;
}

const documentSchema = z.object({
  _id: z.string(),
  deps: z.array(z.union([z.string(), z.strictObject({ glob: z.string() })])),
  changed: z.boolean(),
  at: z.date(),
  // Whatever stands here, it decides nothing about what is invalidated.
  actor: z.string().optional().catch(undefined),
  ids: z.number().optional().catch(undefined),
});

export class MongoOutbox implements Outbox {
  readonly durable = true;
  readonly #intents;

  constructor(db: Db) {
    this.#intents = db.collection<IntentDocument>('CacheInvalidations', {
      readPreference: 'primary',
      writeConcern: { w: 'majority', wtimeoutMS: MAX_TIME_MS },
    });
  }

  /** Lets the database remove what nobody did. Without it the collection keeps the intents of pods that died. */
  async ensureIndexes(): Promise<void> {
    await this.#intents.createIndexes([{ key: { at: 1 }, expireAfterSeconds: KEPT_SECONDS }]);
  }

  async record({ id, deps, changed, at, actor, ids }: Intent): Promise<void> {
    const asked = { ...(actor !== undefined && { actor }), ...(ids !== undefined && { ids }) };
    try {
      const recorded = this.#intents.replaceOne(
        { _id: id },
        { deps, changed, at, ...asked },
        { upsert: true, maxTimeMS: MAX_TIME_MS },
      );
      await withDeadline(recorded, DEADLINE_MS);
    } catch (error) {
      throw new OutboxError('the invalidation could not be put on record', { cause: error });
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    await withDeadline(this.#intents.deleteMany({ _id: { $in: [...ids] } }, { maxTimeMS: MAX_TIME_MS }), DEADLINE_MS);
  }

  async read(limit: number): Promise<readonly Intent[]> {
    const found = this.#intents.find({}, { sort: { at: 1 }, limit, maxTimeMS: MAX_TIME_MS }).toArray();
    const documents = await withDeadline(found, DEADLINE_MS);
    return documents.map(toIntent);
  }

  async find(id: string): Promise<Intent | undefined> {
    const document = await withDeadline(this.#intents.findOne({ _id: id }, { maxTimeMS: MAX_TIME_MS }), DEADLINE_MS);
    return document === null ? undefined : toIntent(document);
  }
}

/** What another version wrote and this one can't read means everything. */
function toIntent(document: IntentDocument): Intent {
  const { success, data } = documentSchema.safeParse(document);
  if (!success) return { id: document._id, deps: [{ glob: '*' }], changed: document.changed, at: new Date(document.at) };
  const { _id: id, ...intent } = data;
  return { id, ...intent };
}
