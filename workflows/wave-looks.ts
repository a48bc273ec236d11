/** Looks at a cluster right before nodes of a wave start, and says which of them may. */
import { ActivityFailure } from '@temporalio/common';
import { isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import type { CarriedWave, NodeInput, NodeOutcome, StartLook, WaveInput } from './contract.ts';
import { type BudgetDecision, nextNodes } from './domain/budget.ts';
import { slowestTurnMs, TURN_MS } from './domain/lifecycle.ts';
import { freeInMs, judgePatience, lookAgainMs } from './domain/patience.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { describeFailure } from './failures.ts';
import type { Steps } from './steps.ts';

/** Nodes beyond the budget that each look asks about, so that held ones let others pass. */
const LOOK_AHEAD = 20;

/** The nodes of a wave as they are now. */
export interface WaveNodes {
  readonly waiting: readonly PlannedNode[];
  readonly running: readonly PlannedNode[];
  readonly outcomes: readonly NodeOutcome[];
}

export interface LookAnswer extends BudgetDecision {
  /** Nodes that are not waited for any longer, each with the reason. */
  readonly overdue: readonly { readonly node: string; readonly reason: string }[];
  /** Why no node is waited for any longer; empty while they are. */
  readonly stop: string;
  /** Whether that is because others have left no room. */
  readonly noRoom: boolean;
}

const NOTHING = { overdue: [], stop: '', noRoom: false } as const;

export class WaveLooks {
  private readonly input: WaveInput;
  private readonly steps: Steps;
  private unhealthyBefore: readonly string[] | undefined;
  private heldSince: Readonly<Record<string, number>>;
  private noRoomSince: number | undefined;
  private holds: StartLook['holds'] = [];
  /** Looks in a row that have started no node, while none has ended. */
  private idle = 0;
  private ended = 0;

  constructor(input: WaveInput, steps: Steps) {
    this.input = input;
    this.steps = steps;
    this.unhealthyBefore = input.unhealthyBefore;
    this.heldSince = input.carried?.heldSince ?? {};
    this.noRoomSince = input.carried?.noRoomSince;
  }

  /** Looks right before each start: others make nodes unavailable as well. */
  async look(nodes: WaveNodes): Promise<LookAnswer> {
    this.holds = [];
    const answer = await this.decide(nodes).catch((error: unknown) => {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      // Not a reason to take nodes back: no node starts until the API answers, or a person stops it.
      const blockedBy = `the cluster can't be read: ${describeFailure(error)}`;
      return { ...NOTHING, start: [], blockedBy };
    });
    const { length: ended } = nodes.outcomes;
    if (ended > this.ended) this.idle = 0;
    this.ended = ended;
    this.idle = answer.start.length > 0 ? 0 : this.idle + 1;
    return answer;
  }

  /** Returns how long to wait before the next look, in milliseconds. */
  againMs(inWork: boolean): number {
    const { holds, idle } = this;
    const held = holds.length > 0;
    const long = workflowInfo().continueAsNewSuggested;
    return lookAgainMs({ held, inWork, idle, long, freeInMs: freeInMs(holds, Date.now()) });
  }

  /** How long the slowest node of the rollout has taken; undefined while none has ended. */
  slowestMs(outcomes: readonly NodeOutcome[]): number | undefined {
    const known = [slowestTurnMs(outcomes), this.input.expectedMs].filter((ms) => ms !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
  }

  /** Time in which nothing could start counts for nobody's patience. */
  beginAnew(): void {
    this.heldSince = {};
    this.noRoomSince = undefined;
  }

  /** What a next run of the wave needs to know. */
  learned(): Pick<WaveInput, 'unhealthyBefore'> {
    return this.unhealthyBefore ? { unhealthyBefore: this.unhealthyBefore } : {};
  }

  /** What a node needs to judge recovery; nothing where nodes beside it disturb workloads as well. */
  learnedAlone(): Pick<NodeInput, 'unhealthyBefore'> {
    const { wave, wayBack } = this.input;
    const alone = Math.min(wave.maxUnavailable, wave.nodes.length) <= 1;
    return alone && !wayBack ? this.learned() : {};
  }

  since(): Pick<CarriedWave, 'heldSince' | 'noRoomSince'> {
    const { heldSince, noRoomSince } = this;
    return { heldSince, ...(noRoomSince === undefined ? {} : { noRoomSince }) };
  }

  private async decide(nodes: WaveNodes): Promise<LookAnswer> {
    const { running } = nodes;
    const { access, wave, wayBack } = this.input;
    const { maxUnavailable, maxPerFailureDomain } = wave;
    const limits = { running, maxUnavailable, maxPerFailureDomain };
    if (!patched('look-before-start')) {
      const unavailable = await this.steps.read.unavailableNodes({ access });
      return { ...NOTHING, ...nextNodes({ ...limits, waiting: nodes.waiting, unavailable }) };
    }
    const waiting = nodes.waiting.slice(0, maxUnavailable + LOOK_AHEAD);
    const { unavailable, holds } = await this.ask(nodes, waiting);
    const room = { ...limits, unavailable, atLeastOne: wayBack === true };
    const free = nextNodes({ ...room, waiting });
    const full = this.judgeRoom(free, running.length > 0);
    const { overdue, stop } = this.judgeHolds({ waiting, running, holds, free: free.start });
    const left = waiting.filter(({ node }) => !overdue.some((entry) => entry.node === node));
    const decision = nextNodes({ ...room, waiting: left, holds });
    return { ...decision, overdue, stop: full || stop, noRoom: full !== '' };
  }

  private async ask(nodes: WaveNodes, waiting: readonly PlannedNode[]): Promise<StartLook> {
    const { access, rollout, wave } = this.input;
    const guess = TURN_MS[wave.nodes[0]?.disruption ?? 'None'];
    const look = await this.steps.read.lookBeforeStart({
      ...{ access, rollout, policy: this.startPolicy() },
      waiting: waiting.map(({ node, disruption }) => ({ node, disruption })),
      inWork: nodes.running.map((entry) => entry.node),
      expectedMs: this.slowestMs(nodes.outcomes) ?? guess,
      ...this.learned(),
    });
    this.unhealthyBefore ??= look.unhealthy;
    return look;
  }

  /** A way back is not held up by the very harm that it is to end. */
  private startPolicy(): WaveInput['policy'] {
    const { wayBack, policy } = this.input;
    if (!wayBack || !policy.holds) return policy;
    return { ...policy, holds: { ...policy.holds, recovery: 'Ignore' } };
  }

  /** Returns why the wave ends where nodes that others made unavailable left no room for too long. */
  private judgeRoom(free: BudgetDecision, inWork: boolean): string {
    const full = free.start.length === 0 && free.blockedBy !== '' && !inWork;
    this.noRoomSince = full ? (this.noRoomSince ?? Date.now()) : undefined;
    const { holds } = this.input.policy;
    if (this.noRoomSince === undefined || !holds) return '';
    const overdue = Date.now() - this.noRoomSince >= holds.timeoutSeconds * 1000;
    if (!overdue || !patched('no-room-ends')) return '';
    return `no room for more than ${holds.timeoutSeconds} s: ${free.blockedBy}; make those nodes available again, take them out of the cluster or raise maxUnavailable, then start a rollout of what is left`;
  }

  /** Gives up on what was held back for too long. */
  private judgeHolds(args: {
    readonly waiting: readonly PlannedNode[];
    readonly running: readonly PlannedNode[];
    readonly holds: StartLook['holds'];
    /** Nodes that could start but for the holds. */
    readonly free: readonly string[];
  }) {
    const { waiting, running, holds, free } = args;
    this.holds = holds;
    const exact = holds.length > 0 && patched('patience-where-there-is-room');
    // What holds all nodes while some are in work may be the work itself.
    const counted = holds.filter(({ node }) => node || !exact || running.length === 0);
    const { since, ...verdict } = judgePatience({
      ...{ holds: counted, since: this.heldSince, nowMs: Date.now() },
      waiting: exact ? free : waiting.map((entry) => entry.node),
      limitMs: (this.input.policy.holds?.timeoutSeconds ?? 0) * 1000,
    });
    this.heldSince = since;
    return verdict;
  }
}
