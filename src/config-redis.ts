/**
 * The forms that `REDIS_URL` may have. Called by the configuration, which reports what is wrong, and by whoever opens the connections.
 * An error from here never repeats any part of the URL, since it may hold a password.
 */

/** `urls`: one for a single node or Sentinel (see {@link parseSentinelUrl}), several, each with scheme and credentials, for a Cluster. */
export interface RedisConfig {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly urls: readonly string[];
}

/** What a `redis+sentinel://` URL says. The credentials are decoded, and empty ones undefined. */
export interface SentinelAddress {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The name under which the Sentinels know the master. */
  readonly master: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const SENTINEL_PORT = 26_379;

/** Reads `REDIS_URL`. Throws an Error whose message goes on after the variable's name. */
export function parseRedisUrl(text: string): RedisConfig {
  if (text.startsWith('redis+sentinel:')) {
    parseSentinelUrl(text);
    return { kind: 'sentinel', urls: [text] };
  }
  const nodes = text.split(',').map((node) => node.trim());
  if (nodes.length > 1) return { kind: 'cluster', urls: clusterUrls(nodes) };
  parseNode(text);
  return { kind: 'single', urls: [text] };
}

/** Reads `redis+sentinel://[user:password@]host[:port],host[:port]/master[/database]`. Throws as {@link parseRedisUrl} does. */
export function parseSentinelUrl(url: string): SentinelAddress {
  const [, userinfo, hosts, master, database] =
    /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^@/?#]+)\/([^/?#]+)(?:\/(\d{1,4})?)?$/.exec(url) ?? [];
  if (hosts === undefined || master === undefined) {
    throw new Error('must be redis+sentinel://[user:password@]host:port,host:port/master[/database]');
  }
  const [username = '', password = ''] = /^([^:]*):?(.*)$/.exec(userinfo ?? '')?.slice(1) ?? [];
  return {
    sentinels: hosts.split(',').map((host) => parseSentinel(host.trim())),
    master: decode(master),
    database: Number(database ?? 0),
    username: decode(username) || undefined,
    password: decode(password) || undefined,
  };
}

function parseSentinel(text: string): { host: string; port: number } {
  const [, host, portText] = /^(\[[\da-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const port = portText === undefined ? SENTINEL_PORT : Number(portText);
  if (host === undefined || port < 1 || port > 65_535) throw new Error('must name each Sentinel as host or host:port');
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** Nodes after the first may leave out scheme and credentials: `redis://user:password@a:7000,b:7000`. */
function clusterUrls(nodes: readonly string[]): string[] {
  const urls: string[] = [];
  let first: URL | undefined;
  for (const node of nodes) {
    const scheme = first?.protocol ?? 'redis:';
    const url = parseNode(node.includes('://') ? node : `${scheme}//${node}`);
    first ??= url;
    if (url.protocol !== first.protocol) throw new Error('must have one scheme for all nodes of the cluster');
    if (url.username === '' && url.password === '') {
      url.username = first.username;
      url.password = first.password;
    }
    if (url.username !== first.username || url.password !== first.password) {
      throw new Error('must have the same credentials for all nodes of the cluster');
    }
    if (url.pathname.length > 1 && url.pathname !== '/0') throw new Error('must not choose a database: a cluster has only 0');
    url.pathname = '';
    urls.push(url.href);
  }
  return urls;
}

function parseNode(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '' || url.port === '0') {
    throw new Error(
      'must be redis://host:port, rediss://host:port, redis+sentinel://host:port,host:port/master or the nodes of a cluster, ' +
        'comma separated; special characters in credentials are percent-encoded',
    );
  }
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) throw new Error('must have nothing but the number of a database after the host');
  if (url.search !== '' || url.hash !== '') throw new Error('must have no query and no fragment');
  decode(url.username);
  decode(url.password);
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The error itself would repeat the credentials.
    throw new Error('must have its special characters percent-encoded');
  }
}
