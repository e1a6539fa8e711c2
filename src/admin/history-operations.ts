import { TypedDocumentString } from './operations.js';
export type ExplainCacheEntryQuery = {
  explainCacheEntry: {
    key: string;
    servable: boolean;
    reason: string;
    inMemory: boolean;
    inRedis: boolean;
    absent: boolean | null;
    storedAt: string | null;
    freshUntil: string | null;
    staleUntil: string | null;
    sizeBytes: number | null;
    tags: Array<string>;
  } | null;
};
export const ExplainCacheEntryDocument = new TypedDocumentString(
  `query ExplainCacheEntry($key: String!) { explainCacheEntry(key: $key) { key servable reason inMemory inRedis absent storedAt freshUntil staleUntil sizeBytes tags } }`,
) as unknown as TypedDocumentString<ExplainCacheEntryQuery, { key: string }>;
