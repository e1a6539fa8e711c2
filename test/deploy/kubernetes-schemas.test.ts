/** Every object that an overlay renders is one that Kubernetes takes, by its own schemas, and has no field that these don't know. */
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { hasKubectl, OVERLAYS, render, type Manifest } from './manifests.js';

interface Model {
  /** Throws what is wrong with `this`. */
  readonly prototype: { validate(): void };
}

const MODELS: Readonly<Record<string, object>> = {
  v1: core,
  'apps/v1': apps,
  'autoscaling/v2': autoscaling,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
};

/** The schemas allow unknown fields. Those are the ones that nobody reads who checks the known ones. */
function validate(manifest: Manifest): { readonly unknown: readonly string[] } {
  const model = (MODELS[manifest.apiVersion] as Record<string, Model>)[manifest.kind]!;
  const unread = new Set<string>();
  model.prototype.validate.call(watched(manifest, '', unread));
  return { unknown: [...unread] };
}

function watched<T>(value: T, path: string, unread: Set<string>): T {
  if (typeof value !== 'object' || value === null) return value;
  const copy: any = Array.isArray(value) ? [] : {};
  for (const [key, member] of Object.entries(value)) {
    unread.add(`${path}/${key}`);
    copy[key] = watched(member, `${path}/${key}`, unread);
  }
  return new Proxy(copy, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

describe.skipIf(!hasKubectl)('what the overlays render', () => {
  it.each(OVERLAYS)('is valid: %s', (overlay) => {
    for (const manifest of render(overlay)) expect(validate(manifest)).toEqual({ unknown: [] });
  });

  it('would not be with a field that is misspelt, missing or of a wrong type', () => {
    const [service] = render('production').filter(({ kind }) => kind === 'Service') as [Manifest];
    const withPort = (port: object) => ({ ...service, spec: { ...service.spec, ports: [port] } });
    expect(validate(withPort({ port: 80, tragetPort: 'http' }))).toEqual({ unknown: ['/spec/ports/0/tragetPort'] });
    expect(() => validate(withPort({ port: '80' }))).toThrow('port');
    expect(() => validate(withPort({ name: 'http' }))).toThrow('port');
  });
});
