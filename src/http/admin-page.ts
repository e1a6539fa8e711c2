/**
 * `GET /admin`: the files of the admin page, held in memory as the build has left them. The page is one more client of `/graphql`, so
 * nothing here knows the cache, asks who asks, or holds a secret. Registered by `server.ts`; the files' sources are in `src/admin/`.
 */
import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { matchesEtag } from './stored-answer.js';

export const ADMIN_PATH = '/admin';
/** As the log and the metrics call them all. */
const ROUTE = '/admin/*';
const PAGE = 'index.html';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What the page has to know before anybody has signed in. Anybody may read it. */
export interface AdminSettings {
  /** Where a token comes from: `demo` tokens are printed at the start, `none` are accepted at all. */
  readonly tokens: 'demo' | 'secret' | 'oidc' | 'none';
  /** What answers where the cache does not. */
  readonly database: 'MongoDB' | 'the embedded store';
  /** The page's own client at the issuer; null where a token is pasted. */
  readonly signIn: { readonly issuer: string; readonly clientId: string } | null;
}

export interface AdminPage {
  readonly files: readonly AdminFile[];
  readonly contentSecurityPolicy: string;
}

interface AdminFile {
  readonly name: string;
  readonly contentType: string;
  readonly etag: string;
  readonly content: Buffer;
}

/**
 * Reads the page.
 * @param folder where the build has put it. Missing where nothing was built: there is no page then.
 */
export async function readAdminPage(folder: URL, settings: AdminSettings): Promise<AdminPage> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const files = await Promise.all(
    names
      .filter((name) => extname(name) in CONTENT_TYPES)
      .map(async (name) => toFile(name, await readFile(new URL(name, folder)))),
  );
  const issuer = settings.signIn === null ? undefined : new URL(settings.signIn.issuer).origin;
  return {
    files: [...files, toFile('settings.json', Buffer.from(JSON.stringify(settings)))],
    contentSecurityPolicy: contentSecurityPolicy(issuer),
  };
}

function toFile(name: string, content: Buffer): AdminFile {
  return {
    name,
    content,
    contentType: CONTENT_TYPES[extname(name)] as string,
    etag: `"${hash('sha256', content, 'base64url').slice(0, 22)}"`,
  };
}

/** Nothing from anywhere else, nothing inline. */
function contentSecurityPolicy(issuer: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self'${issuer === undefined ? '' : ` ${issuer}`}`,
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export function addAdminRoutes(app: FastifyInstance, { files, contentSecurityPolicy }: AdminPage): void {
  for (const { name, contentType, etag, content } of files) {
    app.get(name === PAGE ? ADMIN_PATH : `${ADMIN_PATH}/${name}`, (request, reply) => {
      request.scope.route = ROUTE;
      // Asked for again each time, so that a new version shows at once; 304 makes that cheap.
      reply.headers({ 'content-security-policy': contentSecurityPolicy, 'cache-control': 'no-cache', etag });
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.status(304).send();
      return reply.type(contentType).send(content);
    });
  }
  app.get(`${ADMIN_PATH}/`, (_request, reply) => reply.redirect(ADMIN_PATH));
}
