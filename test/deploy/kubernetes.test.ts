/** The manifests fit each other, the image, and the server: every variable is known, every port and path that they name is served. */
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT, loadConfig } from '../../src/config.js';
import { startRedis } from '../harness/redis.js';
import { startServer } from '../harness/server.js';
import { readDockerfile } from './dockerfile.js';
import { environmentOf, find, hasKubectl, OVERLAYS, render, type Manifest } from './manifests.js';

const IMAGE = readDockerfile().at(-1)!.instructions;
const imageHas = (name: string) => IMAGE.find((instruction) => instruction.name === name)!.text;
/** What `SHUTDOWN_DELAY_SECONDS` leaves for requests to end and for the parts to close. */
const CLOSE_SECONDS = 15;

const included = (part: object, whole: object) => expect(whole).toMatchObject(part);

describe.skipIf(!hasKubectl).each(OVERLAYS)('overlay %s', (overlay) => {
  const manifests = hasKubectl ? render(overlay) : [];
  const all = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
  const pod = () => find(manifests, 'Deployment').spec.template;
  const container = () => pod().spec.containers[0];

  it('names only variables that the server knows, with values that it takes', () => {
    const secret = { MONGODB_URL: 'mongodb://db:27017', REDIS_URL: 'redis://redis:6379', POD_NAME: 'pod-1' };
    const environment = environmentOf(manifests, secret);
    const known = ENVIRONMENT.map(({ variable }) => variable);
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);

    const [name, value] = imageHas('ENV').split('=') as [string, string];
    const config = loadConfig({ ...environment, [name]: value });
    expect(config).toMatchObject({ production: true, podName: 'pod-1', store: { kind: 'mongodb' }, auth: { kind: 'oidc' } });
    expect(config.cache.redis).toBeDefined();
    const { terminationGracePeriodSeconds } = pod().spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(config.http.shutdownDelaySeconds + CLOSE_SECONDS);
    expect(container().ports).toEqual([{ name: 'http', containerPort: config.http.port }]);
  });

  it('fits the image', () => {
    const [uid, gid] = imageHas('USER').split(':').map(Number);
    expect(pod().spec.securityContext).toMatchObject({ runAsUser: uid, runAsGroup: gid });
    expect(container().ports[0].containerPort).toBe(Number(imageHas('EXPOSE')));
    expect(pod().metadata.annotations['prometheus.io/port']).toBe(imageHas('EXPOSE'));
  });

  it('asks only for what the server serves, and routes clients to /graphql and /cache alone', async () => {
    const server = await startServer();
    const statusOf = async (path: string) => (await fetch(server.url + path)).status;
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect(container()[probe].httpGet.port).toBe('http');
      expect(await statusOf(container()[probe].httpGet.path)).toBe(200);
    }
    expect(await statusOf(pod().metadata.annotations['prometheus.io/path'])).toBe(200);
    const [rule] = find(manifests, 'Ingress').spec.rules;
    const routes = rule.http.paths.map(({ path, pathType }: any) => `${pathType} ${path}`);
    expect(routes).toEqual(['Exact /graphql', 'Prefix /cache']);
    expect(await statusOf('/graphql')).toBe(400);
    expect(await statusOf('/cache/stats')).toBe(401);
  });

  it('lets every reference find what it means', () => {
    for (const { spec } of all('Service')) {
      const { template } = all('Deployment').find(
        (each) => each.spec.selector.matchLabels['app.kubernetes.io/name'] === spec.selector['app.kubernetes.io/name'],
      )!.spec;
      included(spec.selector, template.metadata.labels);
      expect(template.spec.containers[0].ports.map(({ name }: any) => name)).toContain(spec.ports[0].targetPort);
    }
    for (const { backend } of find(manifests, 'Ingress').spec.rules[0].http.paths) {
      expect(find(manifests, 'Service', backend.service.name).spec.ports[0].name).toBe(backend.service.port.name);
    }
    included(find(manifests, 'PodDisruptionBudget').spec.selector.matchLabels, pod().metadata.labels);
    included(find(manifests, 'NetworkPolicy').spec.podSelector.matchLabels, pod().metadata.labels);
    for (const { labelSelector } of pod().spec.topologySpreadConstraints)
      included(labelSelector.matchLabels, pod().metadata.labels);
    expect(find(manifests, 'ServiceAccount').metadata.name).toBe(pod().spec.serviceAccountName);
    expect(new Set(manifests.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['opensensor']));
  });

  it('gives every pod what the pod security standard "restricted" asks for, and no token', () => {
    for (const { spec } of all('Deployment')) {
      expect(spec.template.spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const { securityContext } of spec.template.spec.containers)
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });

  it('limits the memory to what is requested, and the CPU not at all', () => {
    for (const { spec } of all('Deployment')) {
      const { requests, limits } = spec.template.spec.containers[0].resources;
      expect(limits).toEqual({ memory: requests.memory });
      expect(requests.cpu).toBeDefined();
    }
  });

  it('replaces a pod only when a new one is ready, and can go back', () => {
    const { strategy, revisionHistoryLimit } = find(manifests, 'Deployment').spec;
    expect(strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(revisionHistoryLimit).toBeGreaterThan(1);
  });

  it('lets the pods reach DNS, Redis, MongoDB and the issuer', () => {
    const { egress, policyTypes } = find(manifests, 'NetworkPolicy').spec;
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    expect(egress.flatMap(({ ports }: any) => ports.map(({ port }: any) => port))).toEqual([53, 53, 6379, 27017, 443]);
  });
});

describe.skipIf(!hasKubectl)('the number of pods', () => {
  const replicas = (manifests: readonly Manifest[]) => find(manifests, 'Deployment').spec.replicas as unknown;

  it("is four, or the autoscaler's business alone", () => {
    expect(replicas(render('production'))).toBe(4);
    expect(replicas(render('disposable-redis'))).toBe(4);
    const scaled = render('autoscaling');
    expect(replicas(scaled)).toBeUndefined();
    const { scaleTargetRef, minReplicas } = find(scaled, 'HorizontalPodAutoscaler').spec;
    included(scaleTargetRef, { ...find(scaled, 'Deployment'), ...find(scaled, 'Deployment').metadata });
    expect(minReplicas).toBe(4);
  });
});

describe.skipIf(!hasKubectl)('the disposable Redis', () => {
  const redisOf = (manifests: readonly Manifest[]) =>
    find(manifests, 'Deployment', 'opensensor-graphql-redis').spec.template.spec.containers[0];

  it('keeps nothing on disk, evicts what is used least, and stays well below its limit', async () => {
    const { args, resources } = redisOf(render('disposable-redis'));
    expect(args[0]).toBe('redis-server');
    expect(args.slice(1, 5)).toEqual(['--save', '', '--appendonly', 'no']);
    const server = await startRedis({ args: args.slice(1) });
    const redis = new Redis(server.url);
    const setting = async (name: string) => (await redis.config('GET', name))[1];
    expect(await setting('maxmemory-policy')).toBe('allkeys-lfu');
    const limitBytes = Number.parseInt(resources.limits.memory, 10) * 2 ** 20;
    expect(Number(await setting('maxmemory')) / limitBytes).toBeLessThanOrEqual(0.75);
    await redis.quit();
  });

  it('is the one that the pods use', () => {
    const manifests = render('disposable-redis');
    const { hostname, port } = new URL(environmentOf(manifests, {}).REDIS_URL!);
    expect(find(manifests, 'Service', hostname).spec.ports[0].port).toBe(Number(port));
    expect(redisOf(manifests).ports[0].containerPort).toBe(Number(port));
  });
});
