/** Calls for volumes: what a claim is bound to, and what is attached to a node. */
import { CoreV1Api, type KubeConfig, StorageV1Api } from '@kubernetes/client-node';
import type { KubeAdapter } from './kube-adapter.ts';
import { apiClient } from './kube-config.ts';
import { call, lookUp } from './kube-errors.ts';

type StorageCalls = Pick<KubeAdapter, 'volumeOfClaim' | 'attachmentsOn'>;

/** Returns the calls for volumes of one cluster. */
export function storageCalls(config: KubeConfig, cluster: string): StorageCalls {
  const core = apiClient(config, CoreV1Api);
  const storage = apiClient(config, StorageV1Api);
  return {
    volumeOfClaim: async (namespace, claim) => {
      const bound = await lookUp(`get claim ${namespace}/${claim} of ${cluster}`, () =>
        core.readNamespacedPersistentVolumeClaim({ namespace, name: claim }),
      );
      const name = bound?.spec?.volumeName;
      if (!name) return undefined;
      const volume = await lookUp(`get volume ${name} of ${cluster}`, () =>
        core.readPersistentVolume({ name }),
      );
      return { name, local: Boolean(volume?.spec?.local ?? volume?.spec?.hostPath) };
    },
    attachmentsOn: async (node) => {
      const what = `list the volume attachments of ${cluster}`;
      const { items } = await call(what, () => storage.listVolumeAttachment());
      return items
        .filter(({ spec }) => spec.nodeName === node)
        .map(({ metadata, spec }) => ({
          name: metadata?.name ?? '',
          volume: spec.source.persistentVolumeName ?? '',
          attacher: spec.attacher,
        }));
    },
  };
}
