/** What activities are made of; the worker injects the real parts, tests others. */
import type { LedgerEntry } from '../workflows/contract.ts';
import type { Provider } from '../workflows/domain/analysis-spec.ts';
import type { ValidationSummary } from '../workflows/domain/analysis-types.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import type { KubeAdapter } from './adapters/kube-adapter.ts';
import type { KubeletAdapter } from './adapters/kubelet-adapter.ts';
import type { MetricsProvider } from './adapters/metrics-provider.ts';
import { type ActivityContext, type Clock, withHeartbeats } from './context.ts';

/** The part of a logger that activities use. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Absent: Temporal knows no workflow of this id (any more). Unknown: it does not say. */
export type WorkflowState = 'Running' | 'Ended' | 'Absent' | 'Unknown';

/** What Temporal says of other workflows. */
export interface Workflows {
  workflowState(workflowId: string): Promise<WorkflowState>;
  /** Id of the Temporal namespace that answers; undefined where it does not say. */
  home(): Promise<string | undefined>;
}

/** Where records go: through the ledger's own workflow into its database. */
export interface LedgerPort {
  /** Hands entries to the ledger's workflow; needs Temporal alone. */
  submit(rollout: string, entries: readonly LedgerEntry[]): Promise<void>;
  /** Writes to the database; entries that are there already are left. */
  append(entries: readonly LedgerEntry[]): Promise<{ readonly added: number }>;
  /** Signs the head of the chain where an anchor is due. */
  anchor(): Promise<void>;
  /** Newest first. */
  validationsOf(bundleDigest: string): Promise<readonly ValidationSummary[]>;
}

export interface ActivityDeps {
  kube(access: ClusterAccess): KubeAdapter;
  host(
    access: ClusterAccess,
    target: { readonly address: string; readonly node: string; readonly signal: AbortSignal },
  ): HostAdapter;
  /** The kubelet of a host, through the connection to it. */
  kubelet(access: ClusterAccess, host: HostAdapter): KubeletAdapter;
  provider(provider: Provider): MetricsProvider;
  readonly workflows: Workflows;
  /** Absent where the worker keeps none. */
  readonly ledger?: LedgerPort;
  /** Folder of the documents that rollouts may name. */
  readonly configFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  context(): ActivityContext;
}

/** Which host of which cluster, as every node activity's input has it. */
export interface HostRef {
  readonly access: ClusterAccess;
  readonly node: string;
  readonly address: string;
}

/** Runs work with one connection to a host, which is closed whatever happens. */
export async function withHost<T>(
  deps: ActivityDeps,
  ref: HostRef,
  work: (host: HostAdapter) => Promise<T>,
): Promise<T> {
  const { signal } = deps.context();
  const host = deps.host(ref.access, { address: ref.address, node: ref.node, signal });
  try {
    return await work(host);
  } finally {
    host.close();
  }
}

/** Runs the work of an activity that has nothing but its phase to tell. */
export async function inPhase<T>(
  deps: ActivityDeps,
  phase: string,
  work: () => Promise<T>,
): Promise<T> {
  return await withHeartbeats(deps.context(), () => ({ phase }), work);
}
