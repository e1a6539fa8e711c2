/**
 * One span for each HTTP request, below the caller's when it sends a W3C `traceparent`. No header, query string or body gets on it, nor
 * a path that is none of ours. Made by `open-tracing.ts`; `http/` calls it at both ends of a request.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { inRequest } from './spans.js';
import type { HttpTracing, RequestFacts, RequestTrace } from './tracing.js';

const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

const MAX_NAME_CHARACTERS = 128;

/** On the request itself, because a WeakMap of all requests takes the garbage collector longer than all else that is done here. */
const TRACE = Symbol('trace');
type TracedRequest = IncomingMessage & { [TRACE]?: RequestTrace };

export class RequestSpans implements HttpTracing {
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  traced(listener: RequestListener, isTraced: (url: string) => boolean): RequestListener {
    return (request, response) => {
      const { headers, method = '', url = '' } = request;
      if (!isTraced(url)) {
        listener(request, response);
        return;
      }
      const parent = this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const known = KNOWN_METHODS.has(method) ? method : '_OTHER';
      const attributes = { 'http.request.method': known, 'url.scheme': 'http' };
      const span = this.#tracer.startSpan(known, { kind: SpanKind.SERVER, attributes }, parent);
      (request as TracedRequest)[TRACE] = new ServerTrace(span, request, response);
      if (!span.isRecording()) {
        listener(request, response);
        return;
      }
      watchCacheStatus(span, response);
      inRequest(span, parent, () => {
        // Node reads bodies in a context of its own.
        context.bind(context.active(), request);
        listener(request, response);
      });
    };
  }

  traceOf(request: IncomingMessage): RequestTrace | undefined {
    return (request as TracedRequest)[TRACE];
  }
}

class ServerTrace implements RequestTrace {
  readonly traceId: string;
  readonly #span: Span;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(span: Span, request: IncomingMessage, response: ServerResponse) {
    this.traceId = span.spanContext().traceId;
    this.#span = span;
    this.#request = request;
    this.#response = response;
  }

  ended({ requestId, route, operation, isAnswered }: RequestFacts): void {
    const span = this.#span;
    if (!span.isRecording()) return;
    const { method = '', url = '' } = this.#request;
    const { statusCode, headersSent } = this.#response;
    span.setAttribute('opensensor.request_id', requestId);
    if (route !== undefined) {
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'url.path': url.split('?', 1)[0] });
    }
    if (operation !== undefined) span.setAttributes(operationAttributes(operation.type, operation.name));
    if (headersSent) span.setAttribute('http.response.status_code', statusCode);
    if (!isAnswered) span.setAttribute('error.type', 'client_gone');
    if (headersSent && statusCode >= 500) {
      span.setAttribute('error.type', String(statusCode));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}

/** @param name as the client calls it; undefined for an anonymous operation. */
export function operationAttributes(type: string, name: string | undefined): Record<string, string> {
  return {
    'graphql.operation.type': type,
    ...(name !== undefined && { 'graphql.operation.name': name.slice(0, MAX_NAME_CHARACTERS) }),
  };
}

/** Reads the answer's `cache-status` as its head is written, so that nothing that answers need know of traces. */
function watchCacheStatus(span: Span, response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    const status = cacheStatusIn(args.at(-1)) ?? response.getHeader('cache-status');
    if (typeof status === 'string') span.setAttribute('opensensor.response_cache', resultOf(status));
    return writeHead(...args);
  };
}

/** @param headers of `writeHead`: names and values in turn, or an object. */
function cacheStatusIn(headers: unknown): unknown {
  if (!Array.isArray(headers)) return (headers as Record<string, unknown> | undefined)?.['cache-status'];
  const at = headers.indexOf('cache-status');
  return at === -1 ? undefined : headers[at + 1];
}

/** `hit-memory`, `hit-redis`, `collapsed`, or why it was executed: `miss`, `bypass`, `request` or `stale`. */
function resultOf(cacheStatus: string): string {
  if (cacheStatus.includes('; hit')) return cacheStatus.endsWith('detail=l2') ? 'hit-redis' : 'hit-memory';
  if (cacheStatus.endsWith('collapsed')) return 'collapsed';
  return /fwd=([a-z]+)/.exec(cacheStatus)?.[1] ?? 'unknown';
}
