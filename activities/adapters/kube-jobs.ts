/** CronJobs and the Jobs they made. */
import { BatchV1Api, type KubeConfig } from '@kubernetes/client-node';
import type { KubeAdapter } from './kube-adapter.ts';
import { apiClient } from './kube-config.ts';
import { call } from './kube-errors.ts';

/** Returns the calls that list CronJobs and Jobs of all namespaces. */
export function jobCalls(
  config: KubeConfig,
  cluster: string,
): Pick<KubeAdapter, 'cronJobs' | 'jobs'> {
  const batch = apiClient(config, BatchV1Api);
  return {
    cronJobs: () =>
      call(`list the CronJobs of ${cluster}`, async () => {
        return (await batch.listCronJobForAllNamespaces()).items;
      }),
    jobs: () =>
      call(`list the Jobs of ${cluster}`, async () => {
        return (await batch.listJobForAllNamespaces()).items;
      }),
  };
}
