/**
 * A pod as a process of its own, so that a test can freeze and kill it: a cache over the Redis of the first argument, asked over HTTP
 * on the port of the second. Started by `pod-processes.ts`; it prints `ready` when it can be asked.
 */
import { createServer } from 'node:http';
import { Budget, createCache, MemoryOutbox } from '../../src/cache/cache.js';
import { openRedis } from '../../src/connections.js';
import type { PodAnswer, PodQuestion } from './pod-processes.js';
import type { Value } from './source.js';

const [url, port, prefix, namespaces, podName] = process.argv.slice(2) as [string, string, string, string, string];
const connections = await openRedis({ kind: 'single', urls: [url] }, () => undefined);
const cache = await createCache({
  redis: connections,
  prefix,
  namespaces: namespaces.split(','),
  l1MaxBytes: 2 ** 24,
  outbox: new MemoryOutbox(),
  onInvalidation: () => undefined,
  podName,
  version: '0.0.0',
  onLease: () => undefined,
  onError: () => undefined,
});
await cache.start();

async function answer(question: PodQuestion): Promise<PodAnswer> {
  switch (question.op) {
    case 'read': {
      const { id, source, namespace } = question;
      let loads = 0;
      const found = await cache.getMany<Value>(namespace, [id], new Budget(1_000), (ids) => {
        loads += ids.length;
        if (question.hangs === true) return new Promise<never>(() => undefined);
        return Promise.resolve(
          new Map(ids.map((each) => [each, { value: { id: each, version: source }, tags: [`device:${each}`] }])),
        );
      });
      return { version: found.get(id)!.value?.version ?? null, loads };
    }
    case 'invalidate': {
      const { status } = await cache.invalidate(question.deps);
      return { status };
    }
    case 'status':
      return { status: cache.status };
  }
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (bytes: Buffer) => (body += bytes.toString()));
  request.on('end', () => {
    answer(JSON.parse(body) as PodQuestion).then(
      (given) => response.end(JSON.stringify(given)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log('ready');
});
process.once('SIGTERM', () => {
  void cache.close().then(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });
});
