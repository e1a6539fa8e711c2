/**
 * Makes the server ask its database in every request: preloaded by `node --import` before `dist/main.js`, for comparison only. One
 * query for a batch, as on a miss; nothing is read from the cache, written to it or shared between requests.
 */
import { Cache } from '../dist/cache/cache.js';

Cache.prototype.getMany = async (namespace, ids, _budget, load) => {
  const loaded = await load(ids);
  return new Map(
    ids.map((id) => {
      const { value, tags } = loaded.get(id);
      return [id, { value, deps: [`${namespace.name}:${id}`, ...tags] }];
    }),
  );
};
