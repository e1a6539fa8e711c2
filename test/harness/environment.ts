/**
 * What a run of real parts needs to know: which programs there are and where its files go. Decided once per run by `prepare.ts`; handed
 * over by `setup.ts` in vitest's workers and by `script.ts` in scripts, so that the other files of the harness run in both.
 */
import type { Finding } from './programs.js';

export interface Environment {
  /** Holds data folders and one `<pid>.pid` for each living process of the run; removed at the end. */
  readonly runDirectory: string;
  readonly redisServer: string;
  readonly mongod: Finding & { readonly required: boolean };
  readonly chromium: Finding;
  readonly prometheus: Finding;
  /** Why there is no up-to-date server to run; empty when there is. */
  readonly buildError: string;
}

let current: Environment | undefined;

export function useEnvironment(environment: Environment): void {
  current = environment;
}

/** Throws where neither vitest nor a script has begun a run. */
export function environment(): Environment {
  if (current === undefined) throw new Error('The harness runs in vitest or by runScript(), which say where its programs are.');
  return current;
}
