/**
 * A span for each Redis command that is sent for a request. Both clients tell of their commands on channels of Node's
 * `diagnostics_channel`, which cost them nothing while nobody listens. Only the command's name is taken: arguments are keys and values.
 */
import { subscribe } from 'node:diagnostics_channel';
import { type Span, SpanKind } from '@opentelemetry/api';
import { failed, type Spans } from './spans.js';

/** Of the client that carries values and of the one that carries everything else. */
const CHANNELS = ['node-redis:command', 'ioredis:command'];

/** What both clients tell of a command; the same object from its begin to its end. */
interface CommandMessage {
  readonly command: string;
  readonly serverAddress?: string;
  readonly serverPort?: number;
  readonly error?: unknown;
}

/** Begins to listen. A listener must not throw: that would end the process. */
export function traceRedis(spans: Spans): void {
  const running = new WeakMap<CommandMessage, Span>();

  const begin = (message: CommandMessage): void => {
    const name = message.command.toUpperCase();
    const span = spans.begin(name, SpanKind.CLIENT, {
      'db.system.name': 'redis',
      'db.operation.name': name,
      ...(message.serverAddress !== undefined && { 'server.address': message.serverAddress }),
      ...(message.serverPort !== undefined && { 'server.port': message.serverPort }),
    });
    if (span !== undefined) running.set(message, span);
  };
  const fail = (message: CommandMessage): void => {
    const span = running.get(message);
    if (span !== undefined) failed(span, message.error);
  };
  const end = (message: CommandMessage): void => {
    running.get(message)?.end();
  };

  for (const channel of CHANNELS) {
    listen(`tracing:${channel}:start`, begin);
    listen(`tracing:${channel}:error`, fail);
    listen(`tracing:${channel}:asyncEnd`, end);
  }
}

function listen(channel: string, listener: (message: CommandMessage) => void): void {
  subscribe(channel, (message) => {
    listener(message as CommandMessage);
  });
}
