/** Tokens of the one account whose only right is to read metrics; it is what kubelets are shown. */
import { CoreV1Api } from '@kubernetes/client-node';
import { NAMESPACE } from '../../workflows/domain/baseline.ts';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import { apiClient, loadKubeConfig } from './kube-config.ts';
import { call } from './kube-errors.ts';

/** Must match deploy/rbac.yaml. */
const ACCOUNT = 'tidegate-metrics';
/** The shortest that the API server gives. */
const LIFETIME_SECONDS = 600;
/** A token is used as long as it will outlast a round by far. */
const SPARE_MS = 180_000;

interface KnownToken {
  readonly token: string;
  readonly usableUntilMs: number;
}

const tokens = new Map<string, Promise<KnownToken>>();

/** Returns a token that kubelets of the cluster take for reading metrics, and nobody for anything else. */
export async function metricsToken(access: ClusterAccess, nowMs = Date.now()): Promise<string> {
  const key = keyOf(access);
  const known = await tokens.get(key);
  if (known && nowMs < known.usableUntilMs) return known.token;
  const fresh = tokenOf(access, nowMs);
  tokens.set(key, fresh);
  // A failure is no answer to keep.
  fresh.catch(() => tokens.delete(key));
  return (await fresh).token;
}

/** Forgets a token that was refused. */
export function forgetMetricsToken(access: ClusterAccess): void {
  tokens.delete(keyOf(access));
}

function keyOf({ cluster, kubeconfig, context }: ClusterAccess): string {
  return JSON.stringify([cluster, kubeconfig, context]);
}

async function tokenOf(access: ClusterAccess, nowMs: number): Promise<KnownToken> {
  const core = apiClient(loadKubeConfig(access), CoreV1Api);
  const { status } = await call(
    `create a token of the account ${NAMESPACE}/${ACCOUNT} in ${access.cluster}`,
    () =>
      core.createNamespacedServiceAccountToken({
        name: ACCOUNT,
        namespace: NAMESPACE,
        body: { spec: { audiences: [], expirationSeconds: LIFETIME_SECONDS } },
      }),
  );
  return {
    token: status?.token ?? '',
    usableUntilMs: nowMs + LIFETIME_SECONDS * 1000 - SPARE_MS,
  };
}
