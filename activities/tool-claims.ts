/** Gathers what other tools have written down of the nodes that they work on. */
import type { ToolClaim } from '../workflows/domain/holds.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import {
  claimsOnNode,
  KURED_LOCK,
  kuredLocks,
  leaseClaims,
  type MaintenanceLease,
} from '../workflows/domain/other-tools.ts';
import type { V1Node, WorkloadRecord } from './adapters/kube-adapter.ts';
import type { ActivityDeps } from './deps.ts';
import { failureType, messageOf } from './failure.ts';
import { nameOf } from './node-facts.ts';

export interface ToolClaims {
  readonly claims: readonly ToolClaim[];
  /** Locks that are there but cannot be read: nobody knows whom they hold back. */
  readonly unreadable: readonly string[];
}

/** Returns everything that other tools say of nodes of a cluster; `said` remembers what was logged. */
export async function toolClaims(
  deps: ActivityDeps,
  access: ClusterAccess,
  found: {
    readonly nodes: readonly V1Node[];
    readonly workloads: readonly WorkloadRecord[];
    readonly said: Set<string>;
  },
): Promise<ToolClaims> {
  const leases = await readableLeases(deps, access, found.said);
  const claims: ToolClaim[] = [
    ...found.nodes.flatMap((node) => claimsOnNode(marksOf(node))),
    ...leaseClaims(leases, found.nodes.map(nameOf)),
  ];
  const unreadable: string[] = [];
  for (const { namespace, name, annotations } of found.workloads) {
    const text = annotations[KURED_LOCK];
    if (text === undefined) continue;
    const answer = kuredLocks(text, `${namespace}/${name}`);
    if (answer.kind === 'Locks') claims.push(...answer.claims);
    else unreadable.push(unreadableText(namespace, name));
  }
  return { claims, unreadable };
}

function marksOf(node: V1Node) {
  const deletedAt = node.metadata?.deletionTimestamp;
  return {
    node: nameOf(node),
    taints: node.spec?.taints ?? [],
    annotations: node.metadata?.annotations ?? {},
    ...(deletedAt ? { deletedAt: new Date(deletedAt).toISOString() } : {}),
  };
}

function unreadableText(namespace: string, name: string): string {
  return `the lock of kured on DaemonSet ${namespace}/${name} cannot be read; if kured reboots nothing, "kubectl -n ${namespace} annotate daemonset ${name} ${KURED_LOCK}-" removes it`;
}

/** A hold for a missing permission would last for ever, so it is only said, once in each worker. */
async function readableLeases(
  deps: ActivityDeps,
  access: ClusterAccess,
  said: Set<string>,
): Promise<readonly MaintenanceLease[]> {
  try {
    return await deps.kube(access).maintenanceLeases();
  } catch (error) {
    if (failureType(error) !== 'KubernetesForbidden') throw error;
    if (!said.has(access.cluster)) {
      said.add(access.cluster);
      const { cluster } = access;
      const message =
        'Leases of other tools may not be read: nodes that such a Lease claims are not held back. Apply deploy/rbac.yaml.';
      deps.log.warn({ cluster, error: messageOf(error) }, message);
    }
    return [];
  }
}
