/**
 * The one invariant over the fleet: after whatever happened, each node is as found, or updated and
 * verified, or cordoned and told to a person; and nothing of ours is left on it.
 */
import type { NodeOutcomeKind } from '../../workflows/contract.ts';

/** What a node is, by its own word and by the cluster's. */
export interface NodeSnapshot {
  readonly node: string;
  readonly dpkg: string;
  readonly daemon: string;
  readonly ready: boolean;
  readonly schedulable: boolean;
  /** Holder in the lease annotation; empty without one. */
  readonly leaseHolder: string;
  /** Text of the needs-attention annotation; empty without one. */
  readonly attention: string;
  /** Units of ours that have neither ended nor failed. */
  readonly runningUnits: readonly string[];
  /** What dpkg complains about; empty if it is healthy. */
  readonly dpkgTrouble: string;
}

/** What the rollout says of a node; "Untouched": nothing, since it was never in work. */
export type Told = NodeOutcomeKind | 'Untouched';

export type Standing = 'AsFound' | 'Updated' | 'NeedsAttention' | 'HalfDone';

export interface NodeCase {
  readonly before: NodeSnapshot;
  readonly after: NodeSnapshot;
  readonly told: Told;
  readonly to: { readonly version: string; readonly daemonVersion: string };
}

export interface Judgement {
  readonly node: string;
  readonly standing: Standing;
  readonly violations: readonly string[];
}

/** What must be true of a node of which this is said: saying something else is a silent failure. */
const MEANT: Readonly<Record<Told, Standing>> = {
  Updated: 'Updated',
  AlreadyDone: 'Updated',
  Skipped: 'AsFound',
  Deferred: 'AsFound',
  RolledBack: 'AsFound',
  Untouched: 'AsFound',
  NeedsAttention: 'NeedsAttention',
};

/** Judges one node after its rollout has ended. */
export function judgeNode(input: NodeCase): Judgement {
  const { after, told } = input;
  const { node, leaseHolder, runningUnits, dpkgTrouble } = after;
  const standing = standingOf(input);
  const violations: string[] = [];
  if (standing === 'HalfDone') violations.push(`half-done: ${describe(after)}`);
  else if (standing !== MEANT[told]) violations.push(`said to be ${told}, but is ${standing}`);
  if (leaseHolder !== '') violations.push(`still leased by ${leaseHolder}`);
  if (runningUnits.length > 0) violations.push(`still runs ${runningUnits.join(', ')}`);
  // A person who was told of the node was told of this as well.
  if (dpkgTrouble !== '' && standing !== 'NeedsAttention') violations.push(`dpkg: ${dpkgTrouble}`);
  return { node, standing, violations };
}

/** Returns all violations of a fleet, each with its node, the cluster's own lease included. */
export function violationsOf(cases: readonly NodeCase[], clusterLease: string): readonly string[] {
  const ofNodes = cases
    .map(judgeNode)
    .flatMap(({ node, violations }) => violations.map((text) => `${node} ${text}`));
  return clusterLease === '' ? ofNodes : [...ofNodes, `cluster still leased by ${clusterLease}`];
}

function standingOf({ before, after, to }: NodeCase): Standing {
  // First: a node that was as found and is then handed to a person is the person's.
  const handedOver = after.attention !== '' && after.attention !== before.attention;
  if (handedOver) return after.schedulable ? 'HalfDone' : 'NeedsAttention';
  if (!after.ready && before.ready) return 'HalfDone';
  if (after.schedulable !== before.schedulable) return 'HalfDone';
  if (after.dpkg === before.dpkg && after.daemon === before.daemon) return 'AsFound';
  const updated = after.dpkg === to.version && after.daemon === to.daemonVersion;
  return updated ? 'Updated' : 'HalfDone';
}

function describe({ dpkg, daemon, ready, schedulable, attention }: NodeSnapshot): string {
  return [
    `dpkg has ${dpkg || 'nothing'}`,
    `the daemon runs ${daemon || 'not'}`,
    ready ? 'Ready' : 'not Ready',
    schedulable ? 'schedulable' : 'cordoned',
    ...(attention === '' ? [] : ['needs attention']),
  ].join(', ');
}
