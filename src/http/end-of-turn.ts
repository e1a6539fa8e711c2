/**
 * Gathers what one turn of the event loop brings, and handles it at the turn's end. Answers are sent so, one after the other: who reads
 * them is woken by the first and still awake for the others. Waking a client on this machine, or the proxy that clients are behind,
 * costs more than all else that is done for an answer out of memory.
 */
export class EndOfTurn<Item> {
  readonly #handle: (items: Item[]) => void;
  #items: Item[] = [];

  constructor(handle: (items: Item[]) => void) {
    this.#handle = handle;
  }

  push(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const items = this.#items;
    this.#items = [];
    this.#handle(items);
  };
}
