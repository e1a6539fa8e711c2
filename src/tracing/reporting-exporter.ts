/**
 * An exporter that says in the log when the collector can't be reached and when it can again, one line each, however many batches
 * fail between. Used by `open-tracing.ts`.
 */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../log.js';

export class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #logger: Logger;
  #isFailing = false;

  constructor(exporter: SpanExporter, logger: Logger) {
    this.#exporter = exporter;
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, ({ code, error }) => {
      const hasFailed = code === ExportResultCode.FAILED;
      if (hasFailed && !this.#isFailing) this.#logger.warn({ err: error }, 'traces are lost: the collector does not take them');
      if (!hasFailed && this.#isFailing) this.#logger.info('traces are sent again');
      this.#isFailing = hasFailed;
      // Told already; the SDK would tell it each time.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
