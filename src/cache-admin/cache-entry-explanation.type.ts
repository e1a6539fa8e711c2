/** What `explainCacheEntry` answers, in GraphQL. Its source is the cache's own explanation and the key. */
import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Explanation } from '../cache/cache.js';

@ObjectType({ description: 'Why a key is, or is not, answered from the cache by the pod that was asked.', simpleResolvers: true })
export class CacheEntryExplanation implements Explanation {
  @Field(() => ID, { description: 'The key that was asked about.' })
  key!: string;

  @Field(() => Boolean, { description: 'Whether a look-up of this pod would be answered by it now.' })
  servable!: boolean;

  @Field(() => String, { description: 'One sentence for a person: why, or why not.' })
  reason!: string;

  @Field(() => Boolean, { description: "Whether it is in this pod's memory." })
  inMemory!: boolean;

  @Field(() => Boolean, { nullable: true, description: "Whether it is in Redis; null while Redis can't be asked." })
  inRedis!: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it says that there is nothing under this key; null where there is no entry.',
  })
  absent!: boolean | null;

  @Field(() => Date, { nullable: true, description: 'When the database was asked for it.' })
  storedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: 'Until when it is fresh.' })
  freshUntil!: Date | null;

  @Field(() => Date, {
    nullable: true,
    description:
      'Until when it may be served after that: a device while the database is down, a response while it is made anew; null where it may not.',
  })
  staleUntil!: Date | null;

  @Field(() => Int, { nullable: true, description: "Size of the stored value; null where it is in this pod's memory only." })
  sizeBytes!: number | null;

  @Field(() => [String], { description: 'What it was built from: an invalidation of any of them makes it unservable.' })
  tags!: readonly string[];
}
