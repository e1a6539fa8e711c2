/**
 * The manifests as they are applied: `kubectl kustomize` renders an overlay. Called by the tests of k8s/, which can't run where there is
 * no kubectl; that is said once.
 */
import { spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

export const OVERLAYS = ['production', 'autoscaling', 'disposable-redis'] as const;
export type Overlay = (typeof OVERLAYS)[number];

/** An object of Kubernetes; only what all of them have is typed. */
export interface Manifest extends Record<string, any> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

export const hasKubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;
if (!hasKubectl) console.warn("\n  SOME TESTS CAN'T RUN: There is no kubectl on PATH, which renders the manifests.\n");

export function render(overlay: Overlay): readonly Manifest[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', `k8s/overlays/${overlay}`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** The one object of that kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name = 'opensensor-graphql'): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1) throw new Error(`there are ${found.length} objects ${kind} ${name}`);
  return found[0]!;
}

/** The variables of a Deployment's container. What comes from a Secret or from the pod has the value that `given` says. */
export function environmentOf(manifests: readonly Manifest[], given: Readonly<Record<string, string>>): Record<string, string> {
  const [container] = find(manifests, 'Deployment').spec.template.spec.containers;
  const maps = container.envFrom.map(({ configMapRef }: any) => find(manifests, 'ConfigMap', configMapRef.name).data);
  const own = container.env.map(({ name, value, valueFrom }: any) => [name, value ?? given[valueFrom.secretKeyRef?.key ?? name]]);
  return Object.assign({}, ...maps, Object.fromEntries(own));
}
