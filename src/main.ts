/**
 * The process: reads the environment, starts the server, says so, and ends it on a signal. The only file that uses `process`; what
 * the server consists of is in `app.ts`.
 */
import { setFlagsFromString } from 'node:v8';
import closeWithGrace from 'close-with-grace';
import { type RunningApp, startApp } from './app.js';
import { signDemoTokens } from './auth/demo-tokens.js';
import { type Config, ConfigError, loadConfig } from './config.js';
import { DEMO_USERS } from './devices/demo-fleet.js';
import { createLogger, withoutCredentials } from './log.js';
import { startMessage } from './start-message.js';

/** After `SHUTDOWN_DELAY_SECONDS`: for requests to end, which takes 8 s at most, and for the parts behind them. */
const CLOSE_TIMEOUT_MS = 12_000;

// V8 guesses at the first requests which objects live long and makes these in the old generation from then on. Wrong of an answer, as it is
// now and then, this keeps everything that hangs on it from being freed early: a quarter of what a request costs, until the process ends.
setFlagsFromString('--no-allocation-site-pretenuring');
// V8 counts bytes outside its heap, such as what is read from Redis, as if they were old. Once idle it lets so little be added before the
// next full collection that large answers keep it collecting all the time, as long as the load lasts. It may be three times what is alive.
setFlagsFromString('--heap-growing-percent=200');

const config = readConfig();
const logger = createLogger(config);
let app: RunningApp | undefined;

// A second signal ends the process at once.
closeWithGrace({ delay: 1_000 * config.http.shutdownDelaySeconds + CLOSE_TIMEOUT_MS, logger }, async ({ signal, err }) => {
  if (err !== undefined) {
    logger.fatal({ err }, 'unexpected error, the process ends');
    return;
  }
  logger.info({ signal }, 'stopping');
  await app?.close();
  logger.info('stopped');
});

// It takes its listener off before it puts the next one on, and a signal in between, such as npm's echo of Ctrl-C, would end the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);

try {
  app = await startApp(config, logger);
} catch (error) {
  logger.debug({ err: error }, 'could not start');
  refuse(`The server can't start: ${error instanceof Error ? error.message : String(error)}`);
}
const tokens = config.auth.kind === 'demo' ? await signDemoTokens(config.auth, DEMO_USERS.grower) : undefined;
process.stdout.write(`\n${startMessage({ config, url: app.url, tokens })}\n`);

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.message);
    throw error;
  }
}

function refuse(reason: string): never {
  process.stderr.write(`${withoutCredentials(reason)}\n`);
  process.exit(1);
}
