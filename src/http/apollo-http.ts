/** Requests as Apollo Server takes them, and its answers as the response cache does. */
import type { IncomingHttpHeaders } from 'node:http';
import { HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import type { FinishedAnswer } from '../response-cache/attempt.js';

export function headerMap(headers: IncomingHttpHeaders): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

/** The query string with its `?`, empty without one. */
export function searchOf(url = ''): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

export function toFinished({ status = 200, headers, body }: HTTPGraphQLResponse): FinishedAnswer {
  if (body.kind !== 'complete') throw new Error('An answer in parts, which graphql 16 never gives.');
  return { status, contentType: headers.get('content-type'), body: body.string };
}
