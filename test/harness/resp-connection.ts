/**
 * One connection of a pod to Redis on its way through a `RespProxy`: pairs the n-th reply with the n-th command, asks the rules about
 * every frame, and does what they say. Used by `resp-proxy.ts`.
 */
import type { Socket } from 'node:net';
import { commandName, FrameReader, isPush } from './resp-frames.js';
import type { ConnectionKind, Passing, Rule } from './resp-rules.js';

/** What a connection is for, by the first of these commands on it. */
const TELLING: Readonly<Record<string, ConnectionKind>> = {
  MGET: 'values',
  EVALSHA: 'commands',
  EVAL: 'commands',
  SCAN: 'commands',
  SUBSCRIBE: 'subscriber',
  SSUBSCRIBE: 'subscriber',
};

/** A command that a reply is to come for; `answer` is one that the proxy gives itself. */
interface Expected {
  readonly command: string;
  readonly answer?: Buffer;
}

export class Connection {
  kind: ConnectionKind = 'unknown';
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #ruleFor: (passing: Passing) => Rule | undefined;
  readonly #expected: Expected[] = [];
  readonly #toRedis: Lane;
  readonly #toPod: Lane;

  constructor(client: Socket, upstream: Socket, ruleFor: (passing: Passing) => Rule | undefined) {
    this.#client = client;
    this.#upstream = upstream;
    this.#ruleFor = ruleFor;
    this.#toRedis = new Lane(upstream);
    this.#toPod = new Lane(client);
    const [commands, replies] = [new FrameReader(), new FrameReader()];
    client.on('data', (bytes: Buffer) => {
      for (const frame of commands.read(bytes)) this.#onCommand(frame);
    });
    upstream.on('data', (bytes: Buffer) => {
      for (const frame of replies.read(bytes)) this.#onReply(frame);
    });
    for (const [one, other] of [
      [client, this.#toRedis],
      [upstream, this.#toPod],
    ] as const) {
      one.setNoDelay(true);
      one.on('error', () => undefined); // `close` follows
      one.on('close', () => other.end());
    }
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream.resetAndDestroy();
  }

  #onCommand(frame: Buffer): void {
    const command = commandName(frame);
    if (this.kind === 'unknown') this.kind = TELLING[command] ?? 'unknown';
    const rule = this.#ruleFor({ on: 'command', command, connection: this.kind });
    if (rule?.action.kind === 'answer') {
      this.#expected.push({ command, answer: Buffer.from(rule.action.reply) });
      this.#answerOwn();
      return;
    }
    if (rule?.action.kind !== 'swallow') this.#expected.push({ command });
    this.#pass(frame, this.#toRedis, rule);
  }

  #onReply(frame: Buffer): void {
    if (isPush(frame)) {
      this.#pass(frame, this.#toPod, this.#ruleFor({ on: 'push', command: '', connection: this.kind }));
      return;
    }
    const command = this.#expected.shift()?.command ?? '';
    this.#pass(frame, this.#toPod, this.#ruleFor({ on: 'reply', command, connection: this.kind }));
    this.#answerOwn();
  }

  /** Gives the proxy's own answers whose turn it is. */
  #answerOwn(): void {
    for (let next = this.#expected[0]; next?.answer !== undefined; next = this.#expected[0]) {
      this.#expected.shift();
      this.#toPod.send(next.answer);
    }
  }

  #pass(frame: Buffer, lane: Lane, rule: Rule | undefined): void {
    const action = rule?.action;
    switch (action?.kind) {
      case undefined:
      case 'answer':
        lane.send(frame);
        break;
      case 'swallow':
        break;
      case 'cut':
        this.reset();
        break;
      case 'delay': {
        const passage = sleep(action.ms);
        lane.send(frame, () => passage);
        break;
      }
      case 'hold':
        lane.send(frame, () => rule?.ended);
        break;
      case 'slice':
        for (let start = 0; start < frame.length; start += action.bytes) {
          lane.send(frame.subarray(start, start + action.bytes), () => sleep(action.gapMs));
        }
        break;
    }
  }
}

/** One direction of a connection: what is sent goes in the order in which it came, whatever it has to wait for. */
class Lane {
  readonly #to: Socket;
  /** Undefined while nothing waits, which is nearly always: then bytes go on at once. */
  #last: Promise<void> | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  send(bytes: Buffer, before?: () => Promise<void> | undefined): void {
    this.#inTurn(() => !this.#to.destroyed && this.#to.write(bytes), before);
  }

  end(): void {
    this.#inTurn(() => this.#to.destroy());
  }

  #inTurn(step: () => unknown, before?: () => Promise<void> | undefined): void {
    if (this.#last === undefined && before === undefined) {
      step();
      return;
    }
    const turn = (this.#last ?? Promise.resolve()).then(before).then(() => {
      step();
      if (this.#last === turn) this.#last = undefined;
    });
    this.#last = turn;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
