/** Reads whose workload a pod is: a label or annotation of it says so, or one of its namespace. */
import { ownerBy } from '../workflows/domain/owners.ts';
import type { KubeAdapter, V1Namespace, V1Pod } from './adapters/kube-adapter.ts';
import { failureType, messageOf } from './failure.ts';

/** Owners in one cluster; its namespaces are read once, and only where pods do not say. */
export class PodOwners {
  private namespaces: Promise<ReadonlyMap<string, V1Namespace>> | undefined;
  private readonly kube: KubeAdapter;
  private readonly cluster: string;
  private readonly keys: readonly string[];
  /** What could not be read, in words. */
  readonly warnings: string[] = [];

  constructor(kube: KubeAdapter, cluster: string, keys: readonly string[]) {
    this.kube = kube;
    this.cluster = cluster;
    this.keys = keys;
  }

  async of({ metadata }: V1Pod): Promise<string | undefined> {
    if (this.keys.length === 0) return undefined;
    const own = ownerBy(this.keys, [metadata]);
    if (own !== undefined) return own;
    this.namespaces ??= this.readNamespaces();
    const namespace = (await this.namespaces).get(metadata?.namespace ?? '');
    return ownerBy(this.keys, [namespace?.metadata]);
  }

  /** Who may not read namespaces plans all the same. */
  private async readNamespaces(): Promise<ReadonlyMap<string, V1Namespace>> {
    try {
      const found = await this.kube.listNamespaces();
      return new Map(found.map((entry) => [entry.metadata?.name ?? '', entry]));
    } catch (error) {
      if (failureType(error) !== 'KubernetesForbidden') throw error;
      this.warnings.push(
        `cluster ${this.cluster}: only owners that pods name themselves are known and told, not those of namespaces: ${messageOf(error)}`,
      );
      return new Map();
    }
  }
}
