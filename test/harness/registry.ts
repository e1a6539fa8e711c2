/**
 * Everything that the harness has started for the running test file and that is still open. What a test opened is closed after that
 * test, what `beforeAll` or the file itself opened after the last test: latest first, whether the test passed or not. Filled by the
 * other files of the harness, emptied by `setup.ts`.
 */

/** Something that stays open until it is closed. */
export interface Resource {
  /** For error messages: `redis-server on port 12345`. */
  readonly name: string;
  /** Does nothing when it was closed before. */
  close(): Promise<unknown>;
}

const open: Resource[] = [];
let openedBeforeTest = 0;

/** Has `resource` closed after the running test, or after the file when no test is running. */
export function track(resource: Resource): void {
  open.push(resource);
}

/** From here on, until {@link closeTest}, what is opened belongs to one test. */
export function beginTest(): void {
  openedBeforeTest = open.length;
}

/** Closes what was opened since {@link beginTest}. */
export async function closeTest(): Promise<void> {
  await closeDownTo(openedBeforeTest);
}

/** Closes everything. */
export async function closeAll(): Promise<void> {
  openedBeforeTest = 0;
  await closeDownTo(0);
}

async function closeDownTo(length: number): Promise<void> {
  const problems: unknown[] = [];
  for (const resource of open.splice(length).reverse()) {
    try {
      await resource.close();
    } catch (error) {
      problems.push(new Error(`${resource.name} could not be closed`, { cause: error }));
    }
  }
  if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('; '));
}
