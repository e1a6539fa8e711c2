/**
 * `npm start`: builds the server when its sources are newer than `dist/`, then is the server, in this same process. The script in
 * package.json says `exec`, so that a signal to npm reaches it instead of a shell; what follows it is for Windows, which has no exec.
 */
import { buildWhenStale } from './build.mjs';

/** A terminal sends Ctrl-C to every process, and npm passes its own on: the server would take the echo for impatience. */
const ECHO_MS = 500;

function ignoreEchoes() {
  const emit = process.emit.bind(process);
  const seenAt = new Map([
    ['SIGINT', -ECHO_MS],
    ['SIGTERM', -ECHO_MS],
  ]);
  process.emit = (event, ...details) => {
    const now = performance.now();
    if (now - (seenAt.get(event) ?? -ECHO_MS) < ECHO_MS) return true;
    if (seenAt.has(event)) seenAt.set(event, now);
    return emit(event, ...details);
  };
}

buildWhenStale();
ignoreEchoes();
await import('../dist/main.js');
