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
  /** Whether the quarantine's label and its taint are there. */
  readonly quarantineLabel: boolean;
  readonly quarantineTaint: boolean;
  /** Units of ours that have neither ended nor failed. */
  readonly runningUnits: readonly string[];
  /** Digests of packages that are staged. */
  readonly staged: readonly string[];
  /** Probe pods of ours, and marks of a reboot that is under way. */
  readonly leftovers: readonly string[];
  /** What dpkg complains about; empty if it is healthy. */
  readonly dpkgTrouble: string;
}

/**
 * What the rollout says of a node; "Untouched": nothing, since it was never in work; "TakenBack":
 * updated, and then taken back with the whole rollout.
 */
export type Told = NodeOutcomeKind | 'Untouched' | 'TakenBack';

export type Standing = 'AsFound' | 'Updated' | 'NeedsAttention' | 'HalfDone';

export interface NodeCase {
  readonly before: NodeSnapshot;
  readonly after: NodeSnapshot;
  readonly told: Told;
  readonly to: {
    readonly version: string;
    readonly daemonVersion: string;
    readonly sha256: string;
  };
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
  TakenBack: 'AsFound',
  NeedsAttention: 'NeedsAttention',
};

/** Judges one node after its rollout has ended. */
export function judgeNode(input: NodeCase): Judgement {
  const { after, told } = input;
  const { node, leaseHolder, runningUnits, dpkgTrouble, leftovers } = after;
  const standing = standingOf(input);
  const violations: string[] = [];
  if (standing === 'HalfDone') violations.push(`half-done: ${describe(after)}`);
  else if (standing !== MEANT[told]) violations.push(`said to be ${told}, but is ${standing}`);
  if (leaseHolder !== '') violations.push(`still leased by ${leaseHolder}`);
  if (runningUnits.length > 0) violations.push(`still runs ${runningUnits.join(', ')}`);
  if (leftovers.length > 0) violations.push(`still has ${leftovers.join(', ')}`);
  violations.push(...quarantineGaps(after, standing), ...stagedLeft(input, standing));
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

/** The quarantine's marks say the same as the outcome: both are there for a person, else neither. */
function quarantineGaps(after: NodeSnapshot, standing: Standing): string[] {
  const marks = [
    ['label', after.quarantineLabel],
    ['taint', after.quarantineTaint],
  ] as const;
  const wanted = standing === 'NeedsAttention';
  return marks
    .filter(([, is]) => is !== wanted)
    .map(([what]) => `${wanted ? 'lacks' : 'still has'} the ${what} of the quarantine`);
}

/** An update that was undone leaves nothing of it on the node; one that stands keeps its way back. */
function stagedLeft({ before, after, told, to }: NodeCase, standing: Standing): string[] {
  if (standing !== 'AsFound' || told === 'TakenBack') return [];
  const left = after.staged.includes(to.sha256) && !before.staged.includes(to.sha256);
  return left ? [`still has ${to.version} staged`] : [];
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
