/**
 * The environment variables of traces. They are OpenTelemetry's own, and its SDK reads them by itself; here is decided whether traces
 * are asked for at all, and refused what the SDK would quietly replace by a default. Called by `loadConfig`.
 */
import { z } from 'zod';
import { catalogueOf, type Environment, integer, optional, readTable, webUrl } from './config-table.js';

/** There is none where nobody asks for traces. */
export interface TracingConfig {
  /** `console`: standard output, for trying out. */
  readonly exporter: 'otlp' | 'console';
}

const MAX_MS = 600_000;

const exporter = z.enum(['otlp', 'console', 'none'], 'must be otlp, console or none');
const protocol = z.literal('http/json', 'must be http/json, the only one that this server speaks');
/** As OpenTelemetry reads headers: a value may have `=`. */
const headers = z.string().regex(/^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$/, 'must be name=value, comma separated');
const attributes = z
  .string()
  .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'must be name=value, comma separated and percent-encoded');
const samplers = ['always_on', 'always_off', 'traceidratio'].flatMap((sampler) => [sampler, `parentbased_${sampler}`]);
const ratio = z
  .string()
  .refine((text) => /^(0|1|[01]?\.\d{1,15})$/.test(text) && Number(text) <= 1, 'must be a number from 0 to 1');

const VARIABLES = {
  OTEL_SDK_DISABLED: optional('`true`: no traces, whatever else is set.', 'false', z.string()),
  OTEL_TRACES_EXPORTER: optional(
    '`otlp`, `console` (standard output, for trying out) or `none`.',
    '`otlp` where an endpoint is set, else `none`',
    exporter,
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    'The collector: `http://` or `https://`, before `/v1/traces`.',
    'http://localhost:4318',
    webUrl,
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional('The same as a whole URL.', 'the above', webUrl),
  OTEL_EXPORTER_OTLP_PROTOCOL: optional('`http/json`, the only one.', 'http/json', protocol),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: optional('The same.', 'http/json', protocol),
  OTEL_EXPORTER_OTLP_HEADERS: optional(
    'Headers for the collector, such as its key: `name=value`, comma separated.',
    'none',
    headers,
  ),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: optional('The same, stronger.', 'none', headers),
  OTEL_EXPORTER_OTLP_TIMEOUT: optional('How long the collector may take for a batch, in ms.', '10000', integer(1, MAX_MS)),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: optional('The same, stronger.', 'the above', integer(1, MAX_MS)),
  OTEL_SERVICE_NAME: optional('`service.name`.', 'opensensor-graphql', z.string()),
  OTEL_RESOURCE_ATTRIBUTES: optional('What every span carries: `name=value`, comma separated.', 'none', attributes),
  OTEL_TRACES_SAMPLER: optional(
    `Which requests are traced: ${samplers.map((sampler) => `\`${sampler}\``).join(', ')}.`,
    'parentbased_always_on',
    z.enum(samplers, `must be one of ${samplers.join(', ')}`),
  ),
  OTEL_TRACES_SAMPLER_ARG: optional('The ratio, from 0 to 1.', '1', ratio),
  OTEL_BSP_SCHEDULE_DELAY: optional('How long finished spans wait for others, in ms.', '5000', integer(1, MAX_MS)),
  OTEL_BSP_EXPORT_TIMEOUT: optional('The longest that a batch may take, in ms.', '30000', integer(1, MAX_MS)),
  OTEL_BSP_MAX_QUEUE_SIZE: optional('Spans that wait, at most; more are dropped.', '2048', integer(1, 1_000_000)),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: optional('Spans in a batch, at most.', '512', integer(1, 1_000_000)),
};

/** The documentation's table. */
export const TRACING_ENVIRONMENT = catalogueOf(VARIABLES);

/** `config` is undefined, and nothing a problem, where no traces are asked for: the variables may be there for other signals. */
export function readTracing(env: Environment): {
  readonly config: TracingConfig | undefined;
  readonly problems: readonly string[];
} {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: asked } = env;
  const hasEndpoint = (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined;
  const isAsked = asked === undefined ? hasEndpoint : asked !== 'none';
  if (disabled?.toLowerCase() === 'true' || !isAsked) return { config: undefined, problems: [] };
  const { values, problems } = readTable(VARIABLES, env);
  return { config: { exporter: values.OTEL_TRACES_EXPORTER === 'console' ? 'console' : 'otlp' }, problems };
}
