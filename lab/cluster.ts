import { kubectl } from './control-plane.ts';
import { attempt, waitFor } from './run.ts';
import type { LabNode } from './settings.ts';

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastHeartbeatTime: string;
    }[];
  };
}

/** What the cluster says of one node. */
export interface NodeState {
  readonly name: string;
  readonly ready: boolean;
  readonly cordoned: boolean;
  readonly heardAt: number;
}

/** Returns what the cluster says of its nodes; nothing while the API server does not answer. */
export async function nodeStates(): Promise<readonly NodeState[]> {
  const { code, stdout } = await attempt(kubectl('get', 'nodes', '-o', 'json'));
  if (code !== 0) return [];
  const { items } = JSON.parse(stdout) as { items: readonly NodeObject[] };
  return items.map(({ metadata, spec, status }) => {
    const ready = status.conditions?.find(({ type }) => type === 'Ready');
    return {
      name: metadata.name,
      ready: ready?.status === 'True',
      cordoned: spec.unschedulable === true,
      heardAt: Date.parse(ready?.lastHeartbeatTime ?? '1970-01-01T00:00:00Z'),
    };
  });
}

/** Waits until nodes are Ready by a word of theirs that is younger than a moment. */
export async function waitUntilReady(wanted: readonly LabNode[], since: number): Promise<void> {
  // The API rounds times down to seconds.
  const earliest = Math.floor(since / 1000) * 1000;
  let waiting: readonly string[] = [];
  const until = async () => {
    const states = await nodeStates();
    const ready = new Set(
      states.filter((n) => n.ready && n.heardAt >= earliest).map((n) => n.name),
    );
    waiting = wanted.map(({ name }) => name).filter((name) => !ready.has(name));
    return waiting.length === 0;
  };
  try {
    await waitFor({ what: 'nodes to be Ready', timeoutMs: 120_000, everyMs: 400, until });
  } catch (error) {
    throw new Error(`not Ready: ${waiting.join(' ')}; see .lab/log and the node's journal`, {
      cause: error,
    });
  }
}
