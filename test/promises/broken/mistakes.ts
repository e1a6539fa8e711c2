/**
 * Mistakes for the checker to find: one part of the cache's protocol each, taken out of a copy of the build. A patch names what it
 * replaces by its text and fails when that is not there exactly once. Called by `broken.test.ts`; nothing in the product knows of it.
 */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { environment } from '../../harness/environment.js';
import type { ViolationKind } from '../checker/checker.js';

interface Patch {
  /** In `dist/`. */
  readonly file: string;
  /** White space is any white space. */
  readonly from: string;
  readonly to: string;
}

export interface Mistake {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** What the checker must object to. */
  readonly objection: ViolationKind;
  /** Faults in which it shows. None: it shows without. */
  readonly faults: readonly string[];
}

export const MISTAKES: readonly Mistake[] = [
  {
    name: 'no check of the stamp',
    patches: [
      { file: 'cache/protocol/ledger.js', from: 'if (entry.s >= this.#applied) return undefined;', to: 'return undefined;' },
    ],
    objection: 'STALE_READ',
    faults: [],
  },
  {
    name: 'no lease',
    patches: [
      {
        file: 'cache/protocol/bus.js',
        from: 'return this.#trusted && performance.now() < this.#leaseUntil;',
        to: 'return this.#trusted;',
      },
      {
        file: 'cache/protocol/bus.js',
        from: 'if (this.#trusted && performance.now() >= this.#leaseUntil) this.#lose(error);',
        to: '',
      },
    ],
    objection: 'STALE_READ',
    faults: ['pod cut off from Redis', 'pod and Redis silent to each other'],
  },
  {
    name: 'no outbox',
    patches: [
      {
        file: 'cache/outbox/mongo-outbox.js',
        from: 'const recorded = this.#intents.replaceOne({ _id: id }, { deps, changed, at, ...asked }, { upsert: true, maxTimeMS: MAX_TIME_MS });',
        to: 'const recorded = Promise.resolve([id, deps, changed, at, asked]);',
      },
    ],
    objection: 'FORGOTTEN',
    faults: ['Redis frozen', 'pod cut off from Redis'],
  },
  {
    name: 'no bound',
    patches: [
      {
        file: 'cache/protocol/ledger.js',
        from: "if (entry.s < this.#bound) return { by: 'bound' };",
        to: '',
      },
    ],
    objection: 'STALE_READ',
    faults: ['log lost while a pod is cut off'],
  },
];

/** Makes a server with a mistake in it. Answers the folder that holds its `dist/`. */
export function buildWith({ name, patches }: Mistake): string {
  const directory = mkdtempSync(join(environment().runDirectory, 'broken-'));
  cpSync('dist', join(directory, 'dist'), { recursive: true });
  cpSync('package.json', join(directory, 'package.json'));
  for (const folder of ['node_modules', 'schema']) symlinkSync(resolve(folder), join(directory, folder));
  for (const { file, from, to } of patches) {
    const path = join(directory, 'dist', file);
    const parts = readFileSync(path, 'utf8').split(anySpace(from));
    if (parts.length !== 2) {
      throw new Error(
        `"${name}" can't be made: ${file} has ${parts.length - 1} times what is to be replaced, "${from}". Adapt mistakes.ts.`,
      );
    }
    writeFileSync(path, parts.join(to));
  }
  return directory;
}

function anySpace(text: string): RegExp {
  return new RegExp(
    text
      .split(/\s+/)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('\\s+'),
  );
}
