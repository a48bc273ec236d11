/** One wave: its nodes in a sliding window under the budget. */
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  defineQuery,
  defineSignal,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type NodeOutcome,
  nodeWorkflowId,
  type StartLook,
  type WaveInput,
  type WaveOutcome,
  type WaveStatus,
} from './contract.ts';
import { type BudgetDecision, nextNodes } from './domain/budget.ts';
import { expectedTurnMs, isFailedNode } from './domain/lifecycle.ts';
import { judgePatience } from './domain/patience.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { describeFailure } from './failures.ts';
import { nodeWorkflow } from './node.ts';
import { type Steps, stepsFor } from './steps.ts';

/** How long to wait before looking again at a cluster that has no room. */
const LOOK_AGAIN_MS = 10_000;
/** The same while nodes are in work: their end makes room, and each look costs history. */
const LOOK_AGAIN_IN_WORK_MS = 60_000;
/** Most holds end in seconds; those that last are looked at less and less often. */
const LOOK_AGAIN_HELD_MS = 2000;
/** Nodes beyond the budget that each look asks about, so that held ones let others pass. */
const LOOK_AHEAD = 20;

/** Sent by the rollout: start no further node. */
export const stopSignal = defineSignal<[{ reason: string }]>('stop');

/** Updates the nodes of one wave; never fails for what happens to a node. */
export async function waveWorkflow(input: WaveInput): Promise<WaveOutcome> {
  const wave = new Wave(input);
  await wave.start();
  return await wave.finish();
}

class Wave {
  private readonly waiting: PlannedNode[];
  private readonly running: PlannedNode[] = [];
  private readonly outcomes: NodeOutcome[] = [];
  private readonly input: WaveInput;
  private readonly steps: Steps;
  private stopReason = '';
  private blockedBy = '';
  private unhealthyBefore: readonly string[] | undefined;
  private heldSince: Readonly<Record<string, number>> = {};
  private heldLooks = 0;

  constructor(input: WaveInput) {
    this.input = input;
    this.waiting = [...input.wave.nodes];
    this.unhealthyBefore = input.unhealthyBefore;
    this.steps = stepsFor(input.wave.cluster, input.policy);
    setHandler(stopSignal, ({ reason }) => this.stop(reason), {
      description: 'Start no further node of this wave',
    });
    setHandler(defineQuery<WaveStatus>('status'), () => this.status(), {
      description: 'Nodes of this wave and their phases',
    });
  }

  /** Starts nodes as the budget allows until none waits or the wave is stopped. */
  async start(): Promise<void> {
    try {
      while (this.waiting.length > 0 && this.stopReason === '') {
        const decision = await this.decide();
        if (this.stopReason !== '') return;
        this.blockedBy = decision.blockedBy;
        for (const name of decision.start) this.launch(name);
        const settled = this.outcomes.length;
        await condition(
          () =>
            this.outcomes.length > settled || this.stopReason !== '' || this.waiting.length === 0,
          this.lookAgainMs(),
        );
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.stop('cancelled');
    }
  }

  /** Waits for the nodes in work, also when cancelled: each of them unwinds by itself. */
  async finish(): Promise<WaveOutcome> {
    await CancellationScope.nonCancellable(() => condition(() => this.running.length === 0));
    return {
      wave: this.input.wave.name,
      nodes: this.outcomes,
      notStarted: this.waiting.map((entry) => entry.node),
      ...(this.stopReason === '' ? {} : { reason: this.stopReason }),
    };
  }

  /** Looks at the cluster right before each start: others make nodes unavailable as well. */
  private async decide(): Promise<BudgetDecision> {
    const { maxUnavailable, maxPerFailureDomain } = this.input.wave;
    try {
      const { running } = this;
      const waiting = this.waiting.slice(0, maxUnavailable + LOOK_AHEAD);
      const { unavailable, holds } = await this.look(waiting);
      const held = this.judgeHolds(waiting, holds);
      const limits = { maxUnavailable, maxPerFailureDomain };
      return nextNodes({ waiting: held, running, unavailable, ...limits, holds });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      // Not a reason to take nodes back: no node starts until the API answers, or a person stops it.
      return { start: [], blockedBy: `the cluster can't be read: ${describeFailure(error)}` };
    }
  }

  private async look(waiting: readonly PlannedNode[]): Promise<StartLook> {
    const { access, rollout, wave } = this.input;
    const policy = this.startPolicy();
    if (!patched('look-before-start')) {
      const unavailable = await this.steps.read.unavailableNodes({ access });
      return { unavailable, holds: [], unhealthy: [] };
    }
    const learned = expectedTurnMs(wave.nodes[0]?.disruption ?? 'None', this.outcomes);
    const look = await this.steps.read.lookBeforeStart({
      ...{ access, rollout, waiting, policy },
      inWork: this.running.map((entry) => entry.node),
      expectedMs: Math.max(learned, this.input.expectedMs ?? 0),
      ...(this.unhealthyBefore ? { unhealthyBefore: this.unhealthyBefore } : {}),
    });
    this.unhealthyBefore ??= look.unhealthy;
    return look;
  }

  /** A way back is not held up by the very harm that it is to end. */
  private startPolicy(): WaveInput['policy'] {
    const { direction, policy } = this.input;
    if (direction === 'Forward' || !policy.holds) return policy;
    return { ...policy, holds: { ...policy.holds, recovery: 'Ignore' } };
  }

  /** Gives up on what was held back for too long; returns the nodes that still wait. */
  private judgeHolds(waiting: readonly PlannedNode[], holds: StartLook['holds']): PlannedNode[] {
    this.heldLooks = holds.length > 0 ? this.heldLooks + 1 : 0;
    const { since, overdue, stop } = judgePatience({
      ...{ holds, since: this.heldSince, nowMs: Date.now() },
      waiting: waiting.map((entry) => entry.node),
      limitMs: (this.input.policy.holds?.timeoutSeconds ?? 0) * 1000,
    });
    this.heldSince = since;
    for (const { node, reason } of overdue) {
      const target = this.take(node);
      if (target) this.outcomes.push(outcomeWithout(target, 'Skipped', reason));
    }
    if (stop !== '') this.stop(stop);
    return waiting.filter((entry) => this.waiting.includes(entry));
  }

  private lookAgainMs(): number {
    const usual = this.running.length > 0 ? LOOK_AGAIN_IN_WORK_MS : LOOK_AGAIN_MS;
    if (this.heldLooks === 0) return usual;
    return Math.min(LOOK_AGAIN_HELD_MS * 2 ** (this.heldLooks - 1), LOOK_AGAIN_IN_WORK_MS);
  }

  private take(name: string): PlannedNode | undefined {
    const index = this.waiting.findIndex((entry) => entry.node === name);
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }

  private launch(name: string): void {
    const target = this.take(name);
    if (!target) return;
    this.running.push(target);
    void this.update(target).then((outcome) => {
      this.running.splice(this.running.indexOf(target), 1);
      this.outcomes.push(outcome);
      const failed = this.outcomes.filter((entry) => isFailedNode(entry.outcome)).length;
      if (failed > this.input.failureBudget) {
        this.stop(`${failed} failed, failure budget ${this.input.failureBudget}`);
      }
    });
  }

  private async update(target: PlannedNode): Promise<NodeOutcome> {
    const { rollout, direction, access, policy } = this.input;
    try {
      return await executeChild(nodeWorkflow, {
        workflowId: nodeWorkflowId(target.cluster, target.node),
        args: [{ rollout, direction, target, access, policy }],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        staticSummary: `${rollout}: ${target.node}`,
      });
    } catch (error) {
      return await this.unfinished(target, error);
    }
  }

  /** A node whose workflow gave no outcome: never started, or ended from outside. */
  private async unfinished(target: PlannedNode, error: unknown): Promise<NodeOutcome> {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      const holder = nodeWorkflowId(target.cluster, target.node);
      return outcomeWithout(target, 'Skipped', `another rollout works on it (workflow ${holder})`);
    }
    if (isCancellation(error) && !(error instanceof ChildWorkflowFailure)) {
      return outcomeWithout(target, 'Skipped', 'cancelled before it started');
    }
    if (!(error instanceof ChildWorkflowFailure) && !(error instanceof ApplicationFailure)) {
      throw error;
    }
    const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
    const reason = `its workflow ended without an outcome: ${cause?.message ?? error.message}`;
    const { cluster, node, address } = target;
    const ref = { access: this.input.access, cluster, node, address };
    const holder = nodeWorkflowId(cluster, node);
    await CancellationScope.nonCancellable(() =>
      this.steps.lastResort.quarantine({ ...ref, holder, reason }),
    );
    return outcomeWithout(target, 'NeedsAttention', reason);
  }

  private stop(reason: string): void {
    if (this.stopReason === '') this.stopReason = reason;
  }

  private status(): WaveStatus {
    const { wave } = this.input;
    const failed = this.outcomes.some((entry) => isFailedNode(entry.outcome));
    const done = this.waiting.length === 0 && this.running.length === 0;
    return {
      wave: wave.name,
      state: failed ? 'Failed' : done ? 'Done' : 'Running',
      workflowId: workflowInfo().workflowId,
      ...(this.blockedBy ? { waitingFor: this.blockedBy } : {}),
      nodes: wave.nodes.map(({ node }) => {
        const ended = this.outcomes.find((entry) => entry.node === node);
        if (ended) return { node, phase: ended.outcome, reason: ended.reasons.join('; ') };
        const runs = this.running.some((entry) => entry.node === node);
        return { node, phase: runs ? 'Inspecting' : 'Pending' };
      }),
    };
  }
}

/** Returns the outcome of a node about which its own workflow said nothing. */
export function outcomeWithout(
  target: PlannedNode,
  outcome: 'Skipped' | 'NeedsAttention',
  reason: string,
): NodeOutcome {
  return {
    cluster: target.cluster,
    node: target.node,
    outcome,
    reasons: [reason],
    packages: target.packages.map(({ name, from }) => ({
      name,
      before: from.version,
      after: 'unknown',
    })),
    durationMs: 0,
    phasesMs: {},
    containersBefore: 0,
    containersSurvived: 0,
    podsEvicted: [],
    jobPodsLost: [],
  };
}
