/**
 * Configures Apollo Server. Every option whose default is dangerous or depends on the environment is set here, with the reason;
 * the rest is Apollo's default. Called by `app.ts`, which starts and stops what it gets; requests come through `http/`.
 */
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { InMemoryLRUCache, type KeyValueCache } from '@apollo/utils.keyvaluecache';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { APQ_TTL_SECONDS, hashesAreStrings } from './apq-cache.js';
import type { GraphQLContext } from './context.js';
import { errorFormatting } from './errors.js';
import { introspectionOnlyWhenVerified } from './introspection.js';
import { documentLimits, type Limits } from './limits.js';
import { operationLimits } from './operation-limits.js';

/** Memory for documents that were parsed and validated, measured as their JSON. Apollo's default is 30 MiB. */
const DOCUMENTS_MAX_BYTES = 8 * 2 ** 20;

export interface ApolloServerParts {
  readonly schema: GraphQLSchema;
  /** From `apq-cache.ts`. */
  readonly apqCache: KeyValueCache;
  /** True: introspection only for callers with a valid credential. */
  readonly production: boolean;
  readonly logger: Logger;
  readonly limits: Limits;
  /** What a browser gets to see; from `landing-page.ts`. */
  readonly landingPage: ApolloServerPlugin;
}

export function createApolloServer(parts: ApolloServerParts): ApolloServer<GraphQLContext> {
  const { schema, apqCache, production, logger, limits, landingPage } = parts;
  const errors = errorFormatting(logger, limits);
  return new ApolloServer<GraphQLContext>({
    schema,
    logger,
    cache: apqCache,
    persistedQueries: { ttl: APQ_TTL_SECONDS },
    documentStore: new InMemoryLRUCache<DocumentNode>({ maxSize: DOCUMENTS_MAX_BYTES }),
    plugins: [
      errors.plugin,
      hashesAreStrings(),
      operationLimits(limits),
      ...(production ? [introspectionOnlyWhenVerified()] : []),
      landingPage,
      // It wraps the resolver of every field, which makes answers of 100 devices 1.5 times slower; `http/` sends cache-control.
      ApolloServerPluginCacheControlDisabled(),
      // These are switched on by variables of the environment (APOLLO_KEY and others) and send data to Apollo.
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
    ],
    // On for all here, so that the plugin above decides; the default is taken from NODE_ENV.
    introspection: true,
    parseOptions: { maxLexicalTokens: limits.tokens },
    // With this set, Apollo runs `validationRules` after all others: no undefined or cyclic fragment reaches them.
    maxRecursiveSelections: limits.recursion,
    validationRules: documentLimits(limits),
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    hideSchemaDetailsFromClientErrors: true,
    includeStacktraceInErrorResponses: false,
    formatError: errors.formatError,
    // Signals are `main.ts`'s.
    stopOnTerminationSignals: false,
  });
}
