/**
 * The outbox of a fleet: the collection `CacheInvalidations` of its own database, so that an invalidation survives the pod that
 * asked for it. What is acknowledged here is seen by every read of the primary.
 */
import type { Db } from 'mongodb';
import { z } from 'zod';
import { type Intent, type Outbox, OutboxError } from './outbox.js';

const MAX_TIME_MS = 5_000;
/** An intent outlives every entry that it could be about: time to live plus grace is 3,000 s at most. */
const KEPT_SECONDS = 3_600;

interface IntentDocument {
  _id: string;
  deps: unknown;
  changed: boolean;
  at: Date;
}

const documentSchema = z.object({
  _id: z.string(),
  deps: z.array(z.union([z.string(), z.strictObject({ glob: z.string() })])),
  changed: z.boolean(),
  at: z.date(),
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

  async record({ id, deps, changed, at }: Intent): Promise<void> {
    try {
      await this.#intents.replaceOne({ _id: id }, { deps, changed, at }, { upsert: true, maxTimeMS: MAX_TIME_MS });
    } catch (error) {
      throw new OutboxError('the invalidation could not be put on record', { cause: error });
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.#intents.deleteMany({ _id: { $in: [...ids] } }, { maxTimeMS: MAX_TIME_MS });
  }

  async read(limit: number): Promise<readonly Intent[]> {
    const documents = await this.#intents.find({}, { sort: { at: 1 }, limit, maxTimeMS: MAX_TIME_MS }).toArray();
    return documents.map(toIntent);
  }

  async find(id: string): Promise<Intent | undefined> {
    const document = await this.#intents.findOne({ _id: id }, { maxTimeMS: MAX_TIME_MS });
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
