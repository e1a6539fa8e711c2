/**
 * Opens traces: OpenTelemetry's SDK, which reads its own variables of the environment, and the spans that this server makes. Loaded by
 * `app.ts` where the configuration asks for it, and nowhere else. A collector that is away costs log lines, never a request.
 */
import { context, diag, DiagLogLevel } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { withDeadline } from '../cache/cache.js';
import type { TracingConfig } from '../config.js';
import type { Logger } from '../log.js';
import { Throttle } from '../throttle.js';
import { traceGraphQL } from './graphql-spans.js';
import { lookupObserver } from './lookup-spans.js';
import { traceMongoDb } from './mongodb-spans.js';
import { traceRedis } from './redis-spans.js';
import { ReportingExporter } from './reporting-exporter.js';
import { RequestSpans } from './request-spans.js';
import { Spans } from './spans.js';
import type { Tracing } from './tracing.js';

const NAME = 'opensensor-graphql';
/** For the last spans; within what `main.ts` gives the parts to close. */
const CLOSE_DEADLINE_MS = 2_000;

export interface TracingParts {
  readonly version: string;
  readonly podName: string;
  readonly logger: Logger;
}

export function openTracing(config: TracingConfig, { version, podName, logger }: TracingParts): Tracing {
  logSdk(logger);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const provider = new BasicTracerProvider({
    resource: resourceOf(version, podName),
    spanProcessors: [processorOf(config, logger)],
  });
  const tracer = provider.getTracer(NAME, version);
  const spans = new Spans(tracer);
  const requests = new RequestSpans(tracer);
  traceRedis(spans);
  return {
    traced: (listener, isTraced) => requests.traced(listener, isTraced),
    traceOf: (request) => requests.traceOf(request),
    observeLookup: lookupObserver(spans),
    traceGraphQL: (apollo) => {
      traceGraphQL(apollo, spans);
    },
    traceMongoDb: (client) => {
      traceMongoDb(client, spans);
    },
    close: () =>
      withDeadline(provider.shutdown(), CLOSE_DEADLINE_MS).catch((err: unknown) => {
        logger.warn({ err }, 'the last traces were not sent');
      }),
  };
}

/** The environment's attributes are stronger than ours. */
function resourceOf(version: string, podName: string): Resource {
  const ours = { 'service.name': NAME, 'service.version': version, 'service.instance.id': podName };
  return defaultResource()
    .merge(resourceFromAttributes(ours))
    .merge(detectResources({ detectors: [envDetector] }));
}

function processorOf({ exporter }: TracingConfig, logger: Logger): SpanProcessor {
  if (exporter === 'console') return new SimpleSpanProcessor(new ConsoleSpanExporter());
  return new BatchSpanProcessor(new ReportingExporter(new OTLPTraceExporter(), logger));
}

/** What the SDK has to say, as that spans were dropped, may be as frequent as requests. */
function logSdk(logger: Logger): void {
  const throttle = new Throttle();
  const warn = (detail: string): void => {
    if (throttle.admits('sdk')) logger.warn({ detail }, 'tracing');
  };
  const ignore = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
}
