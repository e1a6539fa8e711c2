/**
 * The spans inside a request: they begin only while a request is under way that is traced, so that what the cache does by itself, ten
 * times a second, makes no traces of its own. What is put on them must be known to be harmless: names of commands, namespaces, codes.
 */
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  type Span,
  type SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';

/** The request's own span, in the context of all that is done for it. */
const REQUEST_SPAN = createContextKey('the span of the running request');

/** Runs `work` inside a request's span. */
export function inRequest<T>(span: Span, parent: Context, work: () => T): T {
  return context.with(trace.setSpan(parent, span).setValue(REQUEST_SPAN, span), work);
}

export class Spans {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Begins a span below the running one; undefined outside of traced requests, and when the request has ended. */
  begin(name: string, kind: SpanKind, attributes: Attributes): Span | undefined {
    const request = context.active().getValue(REQUEST_SPAN) as Span | undefined;
    return request?.isRecording() === true ? this.#tracer.startSpan(name, { kind, attributes }) : undefined;
  }

  /** Runs `work` in a span of its own, which what `work` does is below. */
  async within<T>(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    work: (span: Span | undefined) => Promise<T>,
  ): Promise<T> {
    const span = this.begin(name, kind, attributes);
    if (span === undefined) return work(undefined);
    try {
      return await context.with(trace.setSpan(context.active(), span), work, undefined, span);
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  }
}

/** Marks a span as failed by the error's kind. Never by its message, which may repeat what the error is about. */
export function failed(span: Span, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : '_OTHER');
  span.setStatus({ code: SpanStatusCode.ERROR });
}
