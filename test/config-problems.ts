/** What the configuration says of an environment. Called by the tests of its variables. */
import { ConfigError, loadConfig } from '../src/config.js';

/** The problems of an environment; none when it can be used. */
export function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
