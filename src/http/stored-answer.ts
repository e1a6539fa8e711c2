/**
 * How a stored response is sent: its bytes as they are, with headers that belong to this request. One function for the answers before
 * fastify and behind it, so that they can't differ.
 */
import type { IncomingMessage } from 'node:http';
import { type BodyHit, freshForMs } from '../cache/cache.js';
import { hitStatus } from '../response-cache/cache-status.js';
import { cacheControl, hasCredentials } from './headers.js';
import type { ReadyAnswer } from './ready-answer.js';

export interface StoredAnswerOptions {
  readonly request: IncomingMessage;
  /** As Apollo Server chose it for a request like this. */
  readonly contentType: string;
  /** Of the journal's clock. */
  readonly nowMs: number;
  /** Undefined where another request's execution answers: that is no hit. */
  readonly status: string | undefined;
  readonly publicMaxAgeSeconds: number;
}

/** @returns the answer without the headers that every answer has; 304 when the client has it already. */
export function storedAnswer({ entry, tier }: BodyHit, options: StoredAnswerOptions): ReadyAnswer {
  const { request, contentType, nowMs, status, publicMaxAgeSeconds } = options;
  const { etag = '', surrogateKeys } = entry.x.meta;
  const isForCdn = request.method !== 'POST' && !hasCredentials(request.headers);
  const headers = [
    'cache-control',
    cacheControl({
      noStore: false,
      hasCredentials: hasCredentials(request.headers),
      publicMaxAgeSeconds: isForCdn && surrogateKeys === '' ? 0 : publicMaxAgeSeconds,
    }),
    'cache-status',
    status ?? hitStatus(Math.floor(freshForMs(entry, nowMs) / 1000), tier),
  ];
  if (status === undefined) headers.push('age', String(Math.max(0, Math.floor((nowMs - entry.t) / 1000))));
  if (request.method !== 'POST') {
    headers.push('etag', etag);
    if (isForCdn && surrogateKeys) headers.push('surrogate-key', surrogateKeys);
    if (matchesEtag(request.headers['if-none-match'], etag)) return { status: 304, headers, body: undefined, encoding: 'latin1' };
  }
  headers.push('content-type', contentType, 'content-length', String(entry.x.content.length));
  return { status: 200, headers, body: entry.x.content, encoding: 'latin1' };
}

/** RFC 9110 section 13.1.2, with weak comparison. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
