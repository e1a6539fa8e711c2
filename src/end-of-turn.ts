/**
 * Gathers what one turn of the event loop brings, and handles it together at the turn's end: what costs as much for many as for one,
 * such as a command to Redis, or waking the process that reads what is sent.
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
