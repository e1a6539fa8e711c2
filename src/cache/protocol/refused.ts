/** What stands in the log for a Redis that can't carry the bus. */

/** Redis answers, but not as the cache needs it. */
export class RedisRefusedError extends Error {
  override readonly name = 'RedisRefusedError';

  constructor(options: ErrorOptions) {
    super('Redis refuses what the cache needs (Redis 7 or Valkey, a primary, scripts allowed), so it is not used', options);
  }
}
