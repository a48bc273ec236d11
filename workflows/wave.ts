/** One wave: its nodes in a sliding window under the budget. */
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type NodeOutcome,
  nodeWorkflowId,
  type WaveInput,
  type WaveOutcome,
  type WaveStatus,
} from './contract.ts';
import { waveDetails } from './domain/details.ts';
import { isFailedNode, TURN_MS } from './domain/lifecycle.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { insist } from './last-resort.ts';
import { nodeWorkflow } from './node.ts';
import { type Steps, stepsFor } from './steps.ts';
import { type LookAnswer, WaveLooks } from './wave-looks.ts';
import {
  answerRollout,
  type NodeAnswer,
  type NodeQuestion,
  nodeSignal,
  outcomeWithout,
  stoppedBy,
} from './wave-nodes.ts';
import { WaveWindow } from './wave-window.ts';

/**
 * Sent by the rollout: start no further node; in mode Now those in work are unwound. In mode AfterWave
 * the wave is finished, but waits for no further window.
 */
export const stopSignal = defineSignal<[{ reason: string; mode?: 'Now' | 'AfterWave' }]>('stop');

/** Sent by the rollout: start no node for the reason given; an empty one ends that. */
export const pauseSignal = defineSignal<[{ reason: string }]>('pause');

/**
 * Updates the nodes of one wave; never fails for what happens to a node. One that waits for long
 * goes on as a new run of the same id.
 */
export async function waveWorkflow(input: WaveInput): Promise<WaveOutcome> {
  const wave = new Wave(input);
  await wave.start();
  return await wave.finish();
}

class Wave {
  private readonly waiting: PlannedNode[];
  private readonly running: PlannedNode[] = [];
  private readonly outcomes: NodeOutcome[];
  private readonly input: WaveInput;
  private readonly steps: Steps;
  private stopReason = '';
  /** Why this is the last wave; empty where it may not be. */
  private last = '';
  private paused = '';
  private blockedBy = '';
  private noRoom = false;
  /** Nodes that came too late for their window, and wait again. */
  private returned = 0;
  private readonly looks: WaveLooks;
  private readonly window: WaveWindow;
  /** What runs in it ends where people want it to end now. */
  private readonly work = new CancellationScope();

  constructor(input: WaveInput) {
    const { wave, carried } = input;
    this.input = input;
    this.waiting = wave.nodes.filter(({ node }) => carried?.waiting.includes(node) ?? true);
    this.outcomes = [...(carried?.outcomes ?? [])];
    this.last = carried?.last ?? '';
    this.steps = stepsFor(wave.cluster, input.policy, wave.name);
    this.looks = new WaveLooks(input, this.steps);
    this.window = new WaveWindow(input);
    this.leaveOut(input.skipped ?? {});
    setHandler(stopSignal, ({ reason, mode }) => this.end(reason, mode), {
      description: 'Start no further node of this wave',
    });
    setHandler(nodeSignal, (question) => answerRollout(this.answer(question)), {
      description:
        'Say how far a node is, and leave it out if that is asked and it has not started',
    });
    setHandler(pauseSignal, ({ reason }) => this.pause(reason), {
      description: 'Start no node for the reason given; an empty reason ends that',
    });
    setHandler(defineQuery<WaveStatus>('status'), () => this.status(), {
      description: 'Nodes of this wave and their phases',
    });
    this.show();
  }

  /** Starts nodes as the budget allows until none waits or the wave is stopped. */
  async start(): Promise<void> {
    try {
      while (this.window.watches ? await this.moreWait() : this.waits()) {
        if (this.paused !== '') {
          await this.unpaused();
          continue;
        }
        await this.renew();
        if (this.window.watches && !(await this.opened())) continue;
        const { waiting, running, outcomes } = this;
        const answer = await this.looks.look({ waiting, running, outcomes });
        if (this.stopReason !== '') return;
        if (this.paused !== '') continue;
        this.apply(answer);
        if (this.stopReason !== '') return;
        const settled = this.outcomes.length + this.returned;
        await condition(
          () =>
            this.outcomes.length + this.returned > settled ||
            this.stopReason !== '' ||
            this.waiting.length === 0,
          this.looks.againMs(this.running.length > 0),
        );
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.stop('cancelled');
    }
  }

  private waits(): boolean {
    return this.waiting.length > 0 && this.stopReason === '';
  }

  /** As `waits`, where a node in work may come back because its window has closed. */
  private async moreWait(): Promise<boolean> {
    const { running } = this;
    await condition(() => this.waits() || this.stopReason !== '' || running.length === 0);
    return this.waits();
  }

  /** Tells whether the calendar lets nodes start; where it does not, it sleeps until it might. */
  private async opened(): Promise<boolean> {
    const { looks, outcomes, input } = this;
    const turnMs = looks.slowestMs(outcomes) ?? TURN_MS[input.wave.nodes[0]?.disruption ?? 'None'];
    const open = await this.window.open(turnMs, {
      paused: () => this.paused !== '',
      ends: () => this.stopReason !== '' || this.last !== '' || this.waiting.length === 0,
      say: (why) => this.say(why),
    });
    if (!open) looks.beginAnew();
    if (!open && this.last !== '') this.stop(this.last);
    return open;
  }

  /** Waits for the nodes in work, also when cancelled: each of them unwinds by itself. */
  async finish(): Promise<WaveOutcome> {
    await CancellationScope.nonCancellable(() => condition(() => this.running.length === 0));
    return {
      wave: this.input.wave.name,
      nodes: this.outcomes,
      notStarted: this.waiting.map((entry) => entry.node),
      ...(this.stopReason === '' ? {} : { reason: this.stopReason }),
      ...(this.noRoom ? { noRoom: true as const } : {}),
      ...this.window.told(),
    };
  }

  /** Goes on as a new run once the history has grown long; only while no node is in work. */
  private async renew(): Promise<void> {
    if (!workflowInfo().continueAsNewSuggested || this.running.length > 0) return;
    const { outcomes, looks, window } = this;
    const waiting = this.waiting.map(({ node }) => node);
    const expectedMs = looks.slowestMs(outcomes);
    await continueAsNew<typeof waveWorkflow>({
      ...this.input,
      ...looks.learned(),
      ...(expectedMs ? { expectedMs } : {}),
      ...window.calendar(),
      carried: {
        ...{ waiting, outcomes, ...looks.since(), ...window.carried() },
        ...(this.last ? { last: this.last } : {}),
      },
    });
  }

  /** Does what a look has shown. */
  private apply({ start, blockedBy, overdue, stop, noRoom }: LookAnswer): void {
    for (const { node, reason } of overdue) {
      const target = this.take(node);
      if (target) this.outcomes.push(outcomeWithout(target, 'Skipped', reason));
    }
    if (stop !== '') this.stop(stop);
    this.noRoom = noRoom;
    this.blockedBy = blockedBy;
    if (this.stopReason === '') for (const name of start) this.launch(name);
    this.show();
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
      if (this.window.returnsLater(outcome)) {
        this.waiting.push(target);
        this.returned += 1;
      } else this.outcomes.push(outcome);
      this.show();
      const failed = this.outcomes.filter((entry) => isFailedNode(entry.outcome)).length;
      if (failed > this.input.failureBudget) {
        this.stop(`${failed} failed, failure budget ${this.input.failureBudget}`);
      }
    });
  }

  private async update(target: PlannedNode): Promise<NodeOutcome> {
    const { rollout, direction, access, policy } = this.input;
    const expectedMs = this.looks.slowestMs(this.outcomes);
    const learned = {
      ...(expectedMs ? { expectedMs } : {}),
      ...this.looks.learnedAlone(),
      ...this.window.start(),
    };
    try {
      const turn = () =>
        executeChild(nodeWorkflow, {
          workflowId: nodeWorkflowId(target.cluster, target.node),
          args: [{ rollout, direction, target, access, policy, ...learned }],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          staticSummary: `${rollout}: ${target.node}`,
        });
      const outcome = await this.work.run(turn);
      return this.work.consideredCancelled ? stoppedBy(outcome, this.stopReason) : outcome;
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
    await insist(() => this.steps.lastResort.quarantine({ ...ref, holder, reason }), {
      tell: (why) => this.say(`${node} can't be left to a person yet: ${why}`),
    });
    return outcomeWithout(target, 'NeedsAttention', reason);
  }

  private say(why: string): void {
    this.blockedBy = why;
    this.show();
  }

  private pause(reason: string): void {
    this.paused = reason;
    this.show();
  }

  /** Nodes in work go on meanwhile; whoever has waited before begins anew. */
  private async unpaused(): Promise<void> {
    await condition(
      () => this.paused === '' || this.stopReason !== '' || this.waiting.length === 0,
    );
    this.looks.beginAnew();
  }

  private stop(reason: string): void {
    if (this.stopReason === '') this.stopReason = reason;
  }

  /** A person's word; one that ends nodes in work is the reason, whatever was said before. */
  private end(reason: string, mode?: 'Now' | 'AfterWave'): void {
    if (mode === 'AfterWave') {
      this.last = reason;
      return;
    }
    this.stop(reason);
    if (mode !== 'Now') return;
    this.stopReason = reason;
    this.work.cancel();
  }

  /** Nodes that people leave out have their outcome before anything starts. */
  private leaveOut(skipped: Readonly<Record<string, string>>): void {
    for (const [node, reason] of Object.entries(skipped)) {
      const target = this.take(node);
      if (target) this.outcomes.push(outcomeWithout(target, 'Skipped', reason));
    }
  }

  private answer({ id, node, skip }: NodeQuestion): NodeAnswer {
    const waits = this.waiting.some((entry) => entry.node === node);
    if (waits && skip !== undefined) {
      this.leaveOut({ [node]: skip });
      return { id, state: 'Skipped', taken: true };
    }
    if (waits) return { id, state: 'Waiting' };
    const ended = this.outcomes.find((entry) => entry.node === node);
    return { id, state: ended?.outcome ?? 'InWork' };
  }

  private show(): void {
    setCurrentDetails(waveDetails(this.status(), this.input.rollout));
  }

  private status(): WaveStatus {
    const { wave } = this.input;
    const failed = this.outcomes.some((entry) => isFailedNode(entry.outcome));
    const done = this.waiting.length === 0 && this.running.length === 0;
    return {
      wave: wave.name,
      state: failed ? 'Failed' : done ? 'Done' : 'Running',
      workflowId: workflowInfo().workflowId,
      ...(this.paused || this.blockedBy ? { waitingFor: this.paused || this.blockedBy } : {}),
      nodes: wave.nodes.map(({ node }) => {
        const ended = this.outcomes.find((entry) => entry.node === node);
        if (ended) return { node, phase: ended.outcome, reason: ended.reasons.join('; ') };
        const runs = this.running.some((entry) => entry.node === node);
        return { node, phase: runs ? 'Inspecting' : 'Pending' };
      }),
    };
  }
}
