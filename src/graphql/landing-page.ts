/**
 * What a browser sees at `/graphql`: Apollo Sandbox, opened on a tour, or our own small form where Sandbox can't be loaded. It sends
 * nothing to anybody by itself. Installed by `server.ts`.
 */
import { readFile } from 'node:fs/promises';
import type { ApolloServerPlugin, GraphQLServerListener } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { queryForm } from './query-form.js';

const TOUR = new URL('../../schema/operations/tour.graphql', import.meta.url);

/** Reads the tour when the server starts. */
export function landingPage(): ApolloServerPlugin {
  return {
    async serverWillStart(service): Promise<GraphQLServerListener> {
      const document = await readFile(TOUR, 'utf8');
      const sandbox = ApolloServerPluginLandingPageLocalDefault({
        document,
        embed: { runTelemetry: false },
        includeCookies: false,
      });
      const listener = await sandbox.serverWillStart?.(service);
      const page = await listener?.renderLandingPage?.();
      if (page === undefined) throw new Error('Apollo Server has no landing page');
      return {
        renderLandingPage: () =>
          Promise.resolve({
            html: async () => withForm(typeof page.html === 'string' ? page.html : await page.html(), document),
          }),
      };
    },
  };
}

/** Apollo's page with our form in place of its sentence that one might be offline. */
function withForm(html: string, document: string): string {
  const nonce = /'nonce-([0-9a-f]+)'/.exec(html)?.[1];
  const sentence = /<div class="fallback">.*?<\/div>/s;
  if (nonce === undefined || !sentence.test(html)) throw new Error("Apollo's landing page is not what landing-page.ts expects");
  return (
    html
      .replace(sentence, () => queryForm(nonce, document))
      .replace('<title>Apollo Server</title>', '<title>OpenSensor GraphQL</title>')
      // Fonts and icons from the internet; a stylesheet that doesn't come would hold up all that follows.
      .replace(/<link\s[^>]*>/g, '')
  );
}
