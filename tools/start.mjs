/**
 * `npm start`: builds the server when its sources are newer than `dist/`, then is the server, in this same process. The script in
 * package.json says `exec`, so that a signal to npm reaches it instead of a shell; what follows it is for Windows, which has no exec.
 */
import { buildWhenStale } from './build.mjs';

buildWhenStale();
await import('../dist/main.js');
