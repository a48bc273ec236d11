/** What a fault is: what it does to which rollout, in which moment, and what may come of it. */
import type { LabNode } from '../../lab/settings.ts';
import type { NodePhase } from '../../workflows/contract.ts';
import type { Told } from './invariant.ts';

/** What a fault knows of the run that it strikes. */
export interface Target {
  readonly node: LabNode;
  /** Digest of the package that the rollout installs. */
  readonly sha256: string;
  /** Waits until the node's workflow is in a phase; some phases are reached only when others let it. */
  untilPhase(phase: NodePhase, timeoutMs?: number): Promise<void>;
  /** Waits until an activity of the node's workflow has ended well. */
  untilDone(activity: string): Promise<void>;
  /** Does something some milliseconds later, while the rollout goes on. */
  meanwhile(work: () => Promise<void>, ms: number): void;
  /** What people do to the rollout; each comes through while Temporal is there, worker or not. */
  tell(what: 'cancel' | 'stop' | 'rollback'): Promise<void>;
  /** Asks the node's workflow for its phase, so that the worker of the moment has to read its history. */
  ask(): Promise<void>;
  /** Ends workflows from outside: the node's, the rollout's, or every one of the rollout. */
  terminate(what: 'node' | 'rollout' | 'all'): Promise<void>;
  /** Waits until the node's workflow went past a step that is new, behind this patch. */
  untilPatched(id: string): Promise<void>;
  /** Waits until a worker could not go on with the node's workflow. */
  untilTaskFails(): Promise<void>;
}

/** When a fault strikes: some random milliseconds after the node's workflow entered a phase. */
export interface Moment {
  /** "Planned": before any node is in work. */
  readonly phase: NodePhase | 'Planned';
  /** First word of the phase's detail, where one phase has several steps. */
  readonly step?: string;
  readonly delayMs: readonly [number, number];
}

/** Settings of the policy that a fault needs to be others than those of all rollouts here. */
export interface PolicyChange {
  readonly drain?: Readonly<Record<string, unknown>>;
  readonly verification?: Readonly<Record<string, unknown>>;
  readonly reboot?: Readonly<Record<string, unknown>>;
  readonly undoDeadlineSeconds?: number;
}

/** Without its probe the baseline needs the API no more by the time that packages are staged. */
export const STAGED_LAST: PolicyChange = { verification: { probeImage: undefined } };

/** What is made before the rollout, is part of how the fleet is found, and is taken back after it. */
export type Preparation = 'Cordon' | 'ExhaustBudget';

export interface Fault {
  readonly id: string;
  readonly does: string;
  readonly healed: string;
  readonly moment: Moment;
  /** A patch, a patch after a drain or with a reboot, or the package that fails its node. */
  readonly bundle: 'Patch' | 'Drain' | 'Reboot' | 'Bad';
  /** How many nodes are in work at once; the first is the one that is struck. */
  readonly nodes: 1 | 2;
  /** Whether the Job runs on while nodes are drained; else it is not there, since drains wait for it. */
  readonly jobs: 'Kept' | 'Absent';
  readonly policy?: PolicyChange;
  /** Part of the quick set. */
  readonly quick: boolean;
  /** Whether the fault itself may harm pods, so that their harm says nothing of Tidegate. */
  readonly harmsPods: boolean;
  /** Whether the node lost power, so that dpkg may have had to finish an installation. */
  readonly powerLost: boolean;
  readonly prepare?: Preparation;
  /** How the struck node may end; absent: in any way that the invariant allows. */
  readonly expect?: readonly Told[];
  /** How the rollout's workflow ends. */
  readonly ends: 'Completed' | 'Cancelled' | 'Terminated';
  /** A second rollout over the same node, which has to take over what the first one left. */
  readonly again: boolean;
  readonly endWithinMs?: number;
  /** Strikes, and heals in its own time. */
  readonly strike: (target: Target) => Promise<void>;
  /** Takes back whatever a strike that went wrong left; does nothing where there is nothing. */
  readonly heal?: (node: LabNode) => Promise<void>;
}

export type Options = Partial<
  Omit<Fault, 'id' | 'does' | 'moment' | 'strike'> & { readonly step: string }
>;

/** Returns a fault with everything that is not said as it usually is. */
export function fault(
  id: string,
  does: string,
  moment: Moment,
  strike: Fault['strike'],
  { step, ...rest }: Options = {},
): Fault {
  return {
    ...{ id, does, healed: 'by itself', bundle: 'Patch', nodes: 1, jobs: 'Absent' },
    ...{ quick: false, harmsPods: false, powerLost: false, ends: 'Completed', again: false },
    ...rest,
    moment: step ? { ...moment, step } : moment,
    strike,
  };
}
