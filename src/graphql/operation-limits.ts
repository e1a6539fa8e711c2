/**
 * The limits that depend on the operation asked for and on its variables: `ids`, `page`, `pattern` and `cost`. Counted once per
 * request, after validation and before the first resolver. Used by `server.ts` only.
 */
import type { ApolloServerPlugin, BaseContext, GraphQLRequestListener } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  GraphQLError,
  TypeInfo,
  ValidationContext,
  getVariableValues,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { createComplexityRule, type ComplexityEstimatorArgs } from 'graphql-query-complexity';
import { CodedError } from '../errors.js';
import { badRequest, limitError, type Limits } from './limits.js';

/** For each operation so many sizes of its variables are remembered that were within the limits. */
const MAX_SIZES = 100;

/** Arguments count by their names, wherever they stand in the schema: `ids`, `first` and `pattern`. */
export function operationLimits(limits: Limits): ApolloServerPlugin {
  const within = new WeakMap<OperationDefinitionNode, Set<string>>();
  const listener: GraphQLRequestListener<BaseContext> = {
    didResolveOperation({ schema, document, operation, request: { variables = {} } }) {
      // Without an operation nothing is executed, and that is where it is said.
      if (operation === undefined) return Promise.resolve();
      const sizes = sizesOf(operation, variables);
      const known = within.get(operation) ?? new Set();
      if (sizes !== undefined && known.has(sizes)) return Promise.resolve();
      const isWithin = check(schema, document, operation, variables, limits);
      if (isWithin && sizes !== undefined && known.size < MAX_SIZES) within.set(operation, known.add(sizes));
      return Promise.resolve();
    },
  };
  return { requestDidStart: () => Promise.resolve(listener) };
}

/**
 * All that limits can depend on of the variables: entries of lists, bytes of texts, numbers and booleans as they are. Undefined where
 * one is an object, which may hold anything.
 */
function sizesOf({ variableDefinitions = [] }: OperationDefinitionNode, variables: Record<string, unknown>): string | undefined {
  let sizes = '';
  for (const { variable } of variableDefinitions) {
    const value = variables[variable.name.value];
    if (Array.isArray(value)) sizes += `[${value.length}]`;
    else if (typeof value === 'string') sizes += `"${Buffer.byteLength(value)}"`;
    else if (typeof value === 'object' && value !== null) return undefined;
    else sizes += `${String(value)} `;
  }
  return sizes;
}

/** @returns false with variables that can't be used. @throws a limit error, or one that says which variable can't be used. */
function check(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  limits: Limits,
): boolean {
  // With invalid variables nothing is executed either. Looking for one of them only keeps a megabyte of them cheap.
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (coerced === undefined) return false;
  // An argument that can't be had from the variables is an error of its field alone, when that is executed.
  const context = new ValidationContext(schema, document, new TypeInfo(schema), () => undefined);
  const estimators = [(field: ComplexityEstimatorArgs) => costOf(field, limits)];
  // Used without the visitor's frame, which coerces all variables again and walks the whole document for one operation.
  const counter = createComplexityRule({ estimators, maximumComplexity: Infinity })(context);
  counter.variableValues = coerced;
  const cost = sumOf(() => counter.nodeComplexity(operation, schema.getRootType(operation.operation) ?? undefined));
  if (cost <= limits.cost) return true;
  const message = `The query costs ${cost}; ${limits.cost} at most. Each field costs 1 for every entry of the lists that it is in.`;
  throw limitError('cost', limits.cost, message, operation);
}

function sumOf(count: () => number): number {
  try {
    return count();
  } catch (error) {
    if (!(error instanceof GraphQLError) || error.originalError instanceof CodedError) throw error;
    // The `if` of @skip or @include is null. Below the root the execution would go on without that field only, uncounted.
    throw new GraphQLError(error.message, {
      ...(error.nodes && { nodes: error.nodes }),
      extensions: { code: ApolloServerErrorCode.BAD_USER_INPUT, http: badRequest() },
    });
  }
}

/**
 * A field costs 1 and what is selected below it, as many times as it has entries: `ids` or `first` of them where it has such an
 * argument, else one. So 1,000 devices with 7 fields each cost 8,000.
 * A field whose extension `longestPage` says so has longer pages than others.
 * @throws when one of these arguments is itself above its limit.
 */
function costOf({ args, childComplexity, field, node }: ComplexityEstimatorArgs, limits: Limits): number {
  const { ids, first, pattern } = args as { readonly ids?: unknown; readonly first?: unknown; readonly pattern?: unknown };
  const refuseAbove = (limit: 'ids' | 'page' | 'pattern', size: number, message: string, max = limits[limit]) => {
    const says = `${message}, ${size}; ${max} at most.`;
    if (size > max) throw limitError(limit, max, `\`${field.name}\` ${says}`, node);
  };
  let entries = 1;
  if (Array.isArray(ids)) {
    refuseAbove('ids', ids.length, 'is asked for too many ids');
    entries = ids.length;
  }
  if (typeof first === 'number') {
    const { longestPage } = field.extensions as { readonly longestPage?: number };
    refuseAbove('page', first, 'is asked for too long a page', longestPage);
    entries = Math.max(first, 1); // Below 1 the resolver refuses it; a negative cost would pay for other fields.
  }
  if (typeof pattern === 'string') refuseAbove('pattern', Buffer.byteLength(pattern), 'has too long a pattern in bytes');
  return entries * (1 + childComplexity);
}
