/**
 * A real OpenID provider on a free port: discovery document, keys, signed tokens, rotation, and the ways in which it can fail.
 * Called by tests, for a server process as well as for parts of it.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import { freePort } from './ports.js';
import { track } from './registry.js';

/** How the provider answers: `error` is 500, `garbage` is 200 with HTML, `silence` accepts and never answers. */
export type IssuerBehaviour = 'normal' | 'error' | 'garbage' | 'silence';

export interface IssuerOptions {
  /** As `alg` of keys and tokens. Default RS256. */
  readonly algorithm?: string;
  /** Whether the issuer's name, as discovery document and tokens have it, ends in a slash. Default: not. */
  readonly hasTrailingSlash?: boolean;
}

export interface TestIssuer {
  /** For `OIDC_ISSUER`: `http://127.0.0.1:<port>`, or with a slash at its end. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Paths asked for so far. */
  readonly requests: string[];
  behaviour: IssuerBehaviour;
  /** What is added to tokens that it gives to those who sign in. */
  claims: Readonly<Record<string, unknown>>;
  /**
   * A token signed with the current key. It is good for an hour from ten seconds ago; `claims` are added, and a claim given as
   * undefined is left out. `header` overrides parts of the header, e.g. `kid`.
   */
  sign(
    claims?: Readonly<Record<string, unknown>>,
    options?: { readonly header?: Readonly<Record<string, unknown>> },
  ): Promise<string>;
  /** Replaces the key: the old one is no longer published. */
  rotate(): Promise<void>;
  /** Ends all connections and refuses new ones. */
  stop(): Promise<void>;
  /** After {@link TestIssuer.stop}, on the same port with the same key. */
  start(): Promise<void>;
}

export async function startIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const { algorithm = 'RS256', hasTrailingSlash = false } = options;
  const port = await freePort();
  const origin = `http://127.0.0.1:${String(port)}`;
  const issuer = hasTrailingSlash ? `${origin}/` : origin;

  async function makeProvider(): Promise<OAuth2Service> {
    const provider = new OAuth2Issuer(hasTrailingSlash);
    provider.url = issuer;
    await provider.keys.generate(algorithm);
    const service = new OAuth2Service(provider);
    service.on('beforeTokenSigning', ({ payload }: { readonly payload: object }) => Object.assign(payload, started.claims));
    return service;
  }

  let provider = await makeProvider();
  const listener: RequestListener = (request, response) => {
    started.requests.push(request.url ?? '');
    if (started.behaviour === 'normal') provider.requestHandler(request, response);
    if (started.behaviour === 'error') response.writeHead(500).end();
    if (started.behaviour === 'garbage') response.end('<!doctype html><title>Sign in</title>');
  };
  const server = createServer(listener);
  const started: TestIssuer = {
    issuer,
    jwksUrl: `${origin}/jwks`,
    requests: [],
    behaviour: 'normal',
    claims: {},
    sign: (claims = {}, { header = {} } = {}) =>
      provider.issuer.buildToken({
        scopesOrTransform: (tokenHeader, payload) => {
          Object.assign(tokenHeader, header);
          Object.assign(payload, claims);
        },
      }),
    rotate: async () => {
      provider = await makeProvider();
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    start: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
  track({ name: `OpenID provider on port ${String(port)}`, close: () => started.stop() });
  await started.start();
  return started;
}
