/** An OpenTelemetry collector in the test's own process: takes OTLP/HTTP with JSON and remembers it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT'];
const ERROR = 2;

export interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly hasError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Collector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly port: number;
  /** Everything that was sent, headers excluded. */
  readonly bodies: string[];
  /** Answers 503 from now on, or no longer. */
  refuse(isRefusing: boolean): void;
  /** How often it has. */
  readonly refused: number;
  /** The headers of each request. */
  readonly headers: Record<string, unknown>[];
  /** All spans so far. */
  spans(): Span[];
  /** The spans of a trace, once the one of its request, which ends last but for what nobody waits for, has come. */
  trace(traceId: string): Promise<Span[]>;
  /** Attributes of what has sent the spans. */
  resource(): Record<string, unknown>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Otlp {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly kind: number;
        readonly name: string;
        readonly status: { readonly code?: number };
        readonly attributes: readonly Attribute[];
      }[];
    }[];
  }[];
}

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const headers: Record<string, unknown>[] = [];
  let isRefusing = false;
  let refused = 0;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json') {
        response.writeHead(404).end();
        return;
      }
      if (isRefusing) {
        refused++;
        response.writeHead(503).end();
        return;
      }
      bodies.push(body);
      headers.push(request.headers);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  track({
    name: 'collector',
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  });
  const sent = () => bodies.flatMap((body) => (JSON.parse(body) as Otlp).resourceSpans);
  const spans = () => sent().flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans.map(toSpan)));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    bodies,
    headers,
    refuse(refusing) {
      isRefusing = refusing;
    },
    get refused() {
      return refused;
    },
    spans,
    resource: () => toRecord(sent()[0]?.resource.attributes ?? []),
    async trace(traceId) {
      const ofTrace = () => spans().filter((span) => span.traceId === traceId);
      await waitFor(() => ofTrace().some(({ kind }) => kind === 'SERVER'), { describe: 'the trace to arrive' });
      return ofTrace();
    },
  };
}

/** Each span as the names on the way to it from the request's own, which comes first. Scripts are one command, known to Redis or not. */
export function paths(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  const pathOf = ({ parentId = '', name }: Span): string => {
    const parent = byId.get(parentId);
    return `${parent === undefined ? '' : `${pathOf(parent)} > `}${name === 'EVAL' ? 'EVALSHA' : name}`;
  };
  return spans.map(pathOf).sort();
}

function toSpan(span: Otlp['resourceSpans'][0]['scopeSpans'][0]['spans'][0]): Span {
  return {
    traceId: span.traceId,
    id: span.spanId,
    parentId: span.parentSpanId,
    kind: KINDS[span.kind] ?? 'OTHER',
    name: span.name,
    hasError: span.status.code === ERROR,
    attributes: toRecord(span.attributes),
  };
}

function toRecord(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
