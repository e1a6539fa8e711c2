/**
 * What the rest of the server may know of tracing, as types only: importing them loads nothing. `open-tracing.ts` makes one, and is
 * itself loaded by `app.ts` only where the environment asks for traces; elsewhere there is no `Tracing`, and nothing is traced.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { ApolloServer, BaseContext } from '@apollo/server';
import type { MongoClient } from 'mongodb';
import type { LookupObserver } from '../cache/cache.js';

/** What `http/` needs of it. */
export interface HttpTracing {
  /** The same listener, whose every request has a span that all other spans of it are under. @param isTraced asked for each URL. */
  traced(listener: RequestListener, isTraced: (url: string) => boolean): RequestListener;
  /** The trace of a request to such a listener; undefined for one that has none. */
  traceOf(request: IncomingMessage): RequestTrace | undefined;
}

export interface RequestTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Ends the span; to be called once for each request. */
  ended(facts: RequestFacts): void;
}

/** What is known of a request at its end. Nothing here may be secret. */
export interface RequestFacts {
  readonly requestId: string;
  /** Undefined: none of ours. */
  readonly route: string | undefined;
  readonly operation: { readonly type: string; readonly name: string | undefined } | undefined;
  /** False: the client has gone before all of the answer was sent. */
  readonly isAnswered: boolean;
}

export interface Tracing extends HttpTracing {
  /** For the cache: a span for each batch that is looked up. */
  readonly observeLookup: LookupObserver;
  /** Adds spans for what Apollo Server does. To be called before it is started. */
  traceGraphQL<Context extends BaseContext>(apollo: ApolloServer<Context>): void;
  /** Adds spans for the commands of a client, which must have been made with `monitorCommands`. */
  traceMongoDb(client: MongoClient): void;
  /** Sends what has not been sent yet, in 2 s at most. Never rejects. */
  close(): Promise<void>;
}
