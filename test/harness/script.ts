/**
 * Runs a script over the harness outside vitest: begins a run, ends every process that the script has started, whatever happens and
 * however it is stopped, and ends this process with the script's exit code. Called by the soak and by the fleet.
 */
import { useEnvironment } from './environment.js';
import { beginRun } from './prepare.js';
import { closeAll } from './registry.js';

const INTERRUPTED = 130;

/**
 * Runs `main` to its end. The first SIGINT or SIGTERM aborts its signal, so that it can end in order; the second one ends it at once.
 * @param main answers the exit code.
 */
export async function runScript(main: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const stop = new AbortController();
  const { environment, end } = await beginRun();
  process.once('exit', end);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(INTERRUPTED);
      stop.abort();
    });
  }
  useEnvironment(environment);
  try {
    process.exitCode = await main(stop.signal);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  await closeAll().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
  process.exit(stop.signal.aborted && process.exitCode === 0 ? INTERRUPTED : process.exitCode);
}
