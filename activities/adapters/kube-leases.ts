/** Leases of coordination.k8s.io: our own in each cluster, and those of other tools. */
import {
  CoordinationV1Api,
  type KubeConfig,
  type V1Lease,
  V1MicroTime,
} from '@kubernetes/client-node';
import type { MaintenanceLease } from '../../workflows/domain/other-tools.ts';
import type { KubeAdapter, LeaseRecord } from './kube-adapter.ts';
import { apiClient } from './kube-config.ts';
import { call, lookUp } from './kube-errors.ts';

type LeaseCalls = Pick<KubeAdapter, 'getLease' | 'putLease' | 'deleteLease' | 'maintenanceLeases'>;

/** Of our Lease: the id of the Temporal namespace in which its holder runs. */
const HOME_ANNOTATION = 'tidegate.dev/temporal-namespace';
/** Each node has one there, which is its heartbeat. */
const HEARTBEATS = 'kube-node-lease';

/** Returns the calls that concern Leases. */
export function leaseCalls(config: KubeConfig, cluster: string): LeaseCalls {
  const api = apiClient(config, CoordinationV1Api);
  return {
    getLease: async (namespace, name) => {
      const lease = await lookUp(`get lease ${namespace}/${name} of ${cluster}`, () =>
        api.readNamespacedLease({ namespace, name }),
      );
      return lease && readLease(lease);
    },
    putLease: (namespace, name, lease) =>
      call(
        `write lease ${namespace}/${name} of ${cluster}`,
        async () => {
          const body = writeLease(namespace, name, lease);
          if (lease.version) await api.replaceNamespacedLease({ namespace, name, body });
          else await api.createNamespacedLease({ namespace, body });
          return true;
        },
        { 409: false },
      ),
    deleteLease: (namespace, name, { version }) =>
      call(
        `delete lease ${namespace}/${name} of ${cluster}`,
        async () => {
          const preconditions = version ? { resourceVersion: version } : {};
          await api.deleteNamespacedLease({ namespace, name, body: { preconditions } });
          return true;
        },
        { 404: true, 409: false },
      ),
    maintenanceLeases: () =>
      call(`list the leases of ${cluster}`, async () => {
        const fieldSelector = `metadata.namespace!=${HEARTBEATS}`;
        const { items } = await api.listLeaseForAllNamespaces({ fieldSelector });
        return items.map(maintenanceLease);
      }),
  };
}

function readLease(lease: V1Lease): LeaseRecord {
  const { holderIdentity, acquireTime, renewTime } = lease.spec ?? {};
  const version = lease.metadata?.resourceVersion;
  const home = lease.metadata?.annotations?.[HOME_ANNOTATION];
  return {
    holder: holderIdentity ?? '',
    acquiredAtMs: timeOf(acquireTime),
    renewedAtMs: timeOf(renewTime),
    ...(home ? { home } : {}),
    ...(version ? { version } : {}),
  };
}

function maintenanceLease(lease: V1Lease): MaintenanceLease {
  const { holder, acquiredAtMs, renewedAtMs } = readLease(lease);
  const durationSeconds = lease.spec?.leaseDurationSeconds;
  return {
    namespace: lease.metadata?.namespace ?? '',
    name: lease.metadata?.name ?? '',
    holder,
    acquiredAtMs,
    renewedAtMs,
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
  };
}

/** The library types these times as dates, and hands them over as text. */
function timeOf(time: unknown): number {
  const ms = new Date(time instanceof Date ? time : String(time)).getTime();
  return Number.isNaN(ms) ? 0 : ms;
}

/** Lease times need the library's own date: the API server insists on six decimals. */
function writeLease(namespace: string, name: string, lease: LeaseRecord): V1Lease {
  return {
    metadata: {
      namespace,
      name,
      ...(lease.home ? { annotations: { [HOME_ANNOTATION]: lease.home } } : {}),
      ...(lease.version ? { resourceVersion: lease.version } : {}),
    },
    spec: {
      holderIdentity: lease.holder,
      acquireTime: new V1MicroTime(lease.acquiredAtMs),
      renewTime: new V1MicroTime(lease.renewedAtMs),
    },
  };
}
