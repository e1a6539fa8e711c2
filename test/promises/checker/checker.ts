/**
 * The consistency checker: hears a history event by event and objects to what the cache promises never to happen. Pure: it asks nobody
 * and knows no clock. It may hear the events while they happen, because it never needs a later one to judge an operation, and keeps
 * writes and faults only, so that a history may be long.
 */
import type { Answered, Ended, FollowedUp, HistoryEvent, Sent } from './history.js';
import { Faults } from './faults-heard.js';
import { Registers } from './registers.js';

export type ViolationKind =
  /** A read that was sent after APPLIED was received showed what that had invalidated. */
  | 'STALE_READ'
  /** A read showed what nobody wrote. */
  | 'UNKNOWN_VALUE'
  /** A change that was acknowledged is gone. */
  | 'LOST_WRITE'
  /** APPLIED was taken back, or its own figures say that it was not. */
  | 'FALSE_APPLIED'
  /** A request past its deadline. */
  | 'LATE'
  /** A request failed, and no fault excuses that. */
  | 'FAILED'
  /** An answer from grace, with a database that could be asked. */
  | 'STALE_WITHOUT_CAUSE'
  /** A PENDING invalidation that never became APPLIED. */
  | 'STILL_PENDING'
  /** Nobody knows an invalidation any more, though no Redis has lost anything. */
  | 'FORGOTTEN'
  /** A pod that does not use the cache again after all faults. */
  | 'NOT_CONNECTED';

export interface Violation {
  readonly kind: ViolationKind;
  readonly at: number;
  readonly message: string;
  /** That answered; undefined where it is about none, or about all. */
  readonly pod?: string;
}

/** How late an operation may be beside a timer, in ms: processes that share a machine wait for each other. */
export const LATE_MS = 1_000;

/** An invalidation that was PENDING when it was answered. */
interface Pending {
  readonly sent: Sent;
  status: FollowedUp['status'];
}

export class Checker {
  readonly violations: Violation[] = [];
  readonly #registers = new Registers();
  readonly #faults = new Faults();
  readonly #underWay = new Map<number, Sent>();
  /** Writes of which nobody knows yet whether they were made. */
  readonly #perhaps = new Map<number, Sent>();
  readonly #pending = new Map<string, Pending>();

  /** Events come in the order of their times. */
  add(event: HistoryEvent): void {
    switch (event.type) {
      case 'began':
        this.#registers.begin(event.values, event.at);
        break;
      case 'sent':
        this.#underWay.set(event.op, event);
        if (event.writes !== undefined) this.#registers.write(event.op, event.writes, event.at);
        break;
      case 'answered':
        this.#onAnswer(event);
        break;
      case 'resolved':
        this.#settleWrite(event.op, this.#perhaps.get(event.op), event.made, event.at);
        this.#perhaps.delete(event.op);
        break;
      case 'followed up':
        this.#onFollowUp(event);
        break;
      case 'fault began':
        this.#faults.begin(event);
        break;
      case 'fault ended':
        this.#faults.end(event);
        break;
      case 'ended':
        this.#onEnd(event);
        break;
    }
  }

  #object(kind: ViolationKind, at: number, message: string, pod?: string): void {
    this.violations.push({ kind, at, message, ...(pod !== undefined && { pod }) });
  }

  #onAnswer(answer: Answered): void {
    const sent = this.#underWay.get(answer.op);
    if (sent === undefined) throw new Error(`The history never said that operation ${answer.op} was sent.`);
    this.#underWay.delete(answer.op);
    this.#judgeRequest(sent, answer);
    for (const [name, value] of answer.seen ?? []) {
      const objection = this.#registers.check(name, value, sent.at, answer.at);
      if (objection !== undefined)
        this.#object(objection.kind, answer.at, `${title(sent, answer)}: ${objection.message}`, sent.pod);
    }
    if (sent.writes !== undefined) {
      const made = answer.made ?? (answer.problem === undefined ? 'yes' : 'maybe');
      if (made === 'maybe') this.#perhaps.set(sent.op, sent);
      else this.#settleWrite(sent.op, sent, made === 'yes', answer.at);
    }
    const { invalidation } = answer;
    if (invalidation === undefined) return;
    if (invalidation.status === 'PENDING') {
      this.#pending.set(invalidation.id, { sent, status: 'PENDING' });
      return;
    }
    const { pods } = invalidation;
    if (pods !== null && pods.live !== pods.acknowledged + pods.expired) {
      this.#object('FALSE_APPLIED', answer.at, `${title(sent, answer)}: APPLIED with pods ${JSON.stringify(pods)}.`);
    }
    this.#applied(sent, answer.at);
  }

  #settleWrite(op: number, sent: Sent | undefined, made: boolean, at: number): void {
    this.#registers.settle(op, sent?.writes?.map(([name]) => name) ?? [], made, at);
  }

  /** The invalidation of an operation was APPLIED, and its caller heard so at `at`. */
  #applied(sent: Sent, at: number): void {
    const by = `the APPLIED of operation ${sent.op} (${sent.action} on ${sent.pod ?? 'mongodb'})`;
    if (sent.writes === undefined) this.#registers.cover(sent.covers ?? [], { madeBefore: sent.at, at, by });
    else
      this.#registers.cover(
        sent.writes.map(([name]) => name),
        { op: sent.op, madeBefore: sent.at, at, by },
      );
  }

  #judgeRequest(sent: Sent, answer: Answered): void {
    const span = { from: sent.at, to: answer.at };
    if (answer.problem !== undefined && !this.#faults.excuse(answer.problem, sent.pod, span)) {
      this.#object(
        'FAILED',
        answer.at,
        `${title(sent, answer)} failed with ${answer.problem}.\n${this.#faults.describe(span)}`,
        sent.pod,
      );
    }
    if (answer.lateMs > LATE_MS && !this.#faults.excuseDelay(sent.pod, span)) {
      const message = `${title(sent, answer)} was ${answer.lateMs.toFixed(0)} ms past its deadline.\n${this.#faults.describe(span)}`;
      this.#object('LATE', answer.at, message, sent.pod);
    }
    if (answer.stale === true && !this.#faults.excuseDelay(sent.pod, span)) {
      this.#object(
        'STALE_WITHOUT_CAUSE',
        answer.at,
        `${title(sent, answer)} came from grace.\n${this.#faults.describe(span)}`,
        sent.pod,
      );
    }
  }

  #onFollowUp({ id, status, at }: FollowedUp): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.status === 'APPLIED' && status === 'PENDING') {
      this.#object('FALSE_APPLIED', at, `The invalidation of operation ${pending.sent.op} was APPLIED and then PENDING.`);
    }
    if (status === 'APPLIED' && pending.status !== 'APPLIED') this.#applied(pending.sent, at);
    if (status !== null || pending.status !== 'APPLIED') pending.status = status;
  }

  #onEnd({ values, statuses, at }: Ended): void {
    for (const [name, value] of values) {
      const problem = this.#registers.checkLast(name, value);
      if (problem !== undefined) this.#object('LOST_WRITE', at, problem);
    }
    for (const { sent, status } of this.#pending.values()) {
      const what = `The invalidation of operation ${sent.op} (${sent.action} on ${sent.pod ?? 'mongodb'}), PENDING at first,`;
      if (status === 'PENDING') this.#object('STILL_PENDING', at, `${what} is PENDING in the end.`);
      if (status === null && !this.#faults.hasLostData(sent.at)) this.#object('FORGOTTEN', at, `${what} is known to nobody.`);
    }
    for (const [pod, status] of statuses) {
      if (status !== 'CONNECTED') this.#object('NOT_CONNECTED', at, `${pod} is ${status} after all faults are over.`);
    }
    for (const { op, action } of this.#underWay.values()) {
      this.#object('LATE', at, `Operation ${op} (${action}) was never answered.`);
    }
  }
}

function title(sent: Sent, answer: Answered): string {
  const where = sent.pod ?? 'mongodb';
  return `Operation ${sent.op} (${sent.action} on ${where}, ${sent.at.toFixed(1)} to ${answer.at.toFixed(1)})`;
}
