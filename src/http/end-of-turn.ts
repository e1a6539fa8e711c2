/**
 * Sends the answers of one turn of the event loop one after the other at its end, rather than each as soon as it is ready. Who reads
 * them is woken by the first and still awake for the others: a client, or the proxy of this very machine that most clients are behind.
 * Waking it costs the sender more than all else that it does for an answer out of memory.
 */
export class EndOfTurn<Item> {
  readonly #send: (item: Item) => void;
  #waiting: Item[] = [];

  constructor(send: (item: Item) => void) {
    this.#send = send;
  }

  push(item: Item): void {
    if (this.#waiting.push(item) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const items = this.#waiting;
    this.#waiting = [];
    for (const item of items) this.#send(item);
  };
}
