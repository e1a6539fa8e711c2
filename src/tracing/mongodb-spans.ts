/**
 * A span for each MongoDB command that is sent for a request, by the driver's own monitoring. Only the names of the command and of its
 * collection are taken: the command itself holds ids, keys and texts.
 */
import { type Span, SpanKind } from '@opentelemetry/api';
import type { CommandStartedEvent, MongoClient } from 'mongodb';
import { failed, type Spans } from './spans.js';

export function traceMongoDb(client: MongoClient, spans: Spans): void {
  /** By the driver's number of the command, which is one of this process. */
  const running = new Map<number, Span>();

  client.on('commandStarted', (event) => {
    const { requestId, commandName, databaseName } = event;
    const collection = collectionOf(event);
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(event.address) ?? [];
    const span = spans.begin(collection === undefined ? commandName : `${commandName} ${collection}`, SpanKind.CLIENT, {
      'db.system.name': 'mongodb',
      'db.operation.name': commandName,
      'db.namespace': databaseName,
      ...(collection !== undefined && { 'db.collection.name': collection }),
      ...(port !== '' && { 'server.address': host, 'server.port': Number(port) }),
    });
    if (span !== undefined) running.set(requestId, span);
  });
  client.on('commandSucceeded', ({ requestId }) => {
    running.get(requestId)?.end();
    running.delete(requestId);
  });
  client.on('commandFailed', ({ requestId, failure }) => {
    const span = running.get(requestId);
    if (span !== undefined) failed(span, failure);
    span?.end();
    running.delete(requestId);
  });
}

/** What a command names first is its collection, except in `getMore`, and in commands that have none. */
function collectionOf({ command, commandName }: CommandStartedEvent): string | undefined {
  const { collection, [commandName]: named } = command as Record<string, unknown>;
  const name = commandName === 'getMore' ? collection : named;
  return typeof name === 'string' ? name : undefined;
}
