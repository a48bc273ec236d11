/** Single nodes of a rollout as people steer them: left out, or tried again. */
import { condition, setHandler, uuid4 } from '@temporalio/workflow';
import type { NodeCommand, NodeOutcome } from './contract.ts';
import { judgeCommand } from './domain/approval.ts';
import { isFailedNode, keyOf } from './domain/lifecycle.ts';
import {
  type FoundNode,
  findNode,
  judgeRetry,
  judgeSkip,
  type NodeState,
} from './domain/node-commands.ts';
import type { PlannedWave } from './domain/plan-types.ts';
import { onMessage, refusal } from './messages.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';
import type { WaveHandle } from './rollout-wave.ts';
import { type NodeAnswer, nodeAnswerSignal, nodeSignal } from './wave-nodes.ts';

/** The wave that runs: it alone knows how far its nodes are. */
interface RunningWave {
  readonly wave: PlannedWave;
  readonly handle: WaveHandle;
}

export class RolloutNodes {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  /** By "cluster/node": who leaves it out and why, in words. */
  private readonly skips = new Map<string, string>();
  private readonly again: string[] = [];
  private readonly answers = new Map<string, NodeAnswer>();
  private running: RunningWave | undefined;

  constructor(state: RolloutState, desk: RolloutDesk) {
    this.state = state;
    this.desk = desk;
    onMessage<NodeCommand>({
      name: 'skipNode',
      description:
        'Leave out a node that has not started: {"by": "WHO", "node": "NODE", "reason": "..."}',
      refuse: (command) => this.refuses(command, 'skip'),
      take: (command) => this.skip(command),
      ...state.ledger.ofCommand('skipNode'),
    });
    onMessage<NodeCommand>({
      name: 'retryNode',
      description: 'Try a node again that was put back or left: {"by": "WHO", "node": "NODE"}',
      refuse: (command) => this.refuses(command, 'retry'),
      take: (command) => this.retry(command),
      ...state.ledger.ofCommand('retryNode'),
    });
    setHandler(nodeAnswerSignal, (answer) => void this.answers.set(answer.id, answer), {
      description: 'Sent by a wave that was asked about a node',
    });
  }

  /** Nodes ("cluster/node") that people leave out. */
  get left(): ReadonlySet<string> {
    return new Set(this.skips.keys());
  }

  /** Returns by node what a wave leaves out, and why. */
  leftOutOf(wave: PlannedWave): Readonly<Record<string, string>> {
    return Object.fromEntries(
      wave.nodes.flatMap((target) => {
        const reason = this.skips.get(keyOf(target));
        return reason === undefined ? [] : [[target.node, reason]];
      }),
    );
  }

  /** Tells whether somebody wants nodes to be tried again. */
  pending(): boolean {
    return this.again.length > 0;
  }

  /** Takes the nodes ("cluster/node") that are to be tried again. */
  takePending(): readonly string[] {
    return this.again.splice(0);
  }

  began(wave: PlannedWave, handle: WaveHandle): void {
    this.running = { wave, handle };
  }

  ended(): void {
    this.running = undefined;
  }

  /** What can be said at once: where the answer depends on the running wave, that is asked later. */
  private refuses(command: NodeCommand, verb: 'skip' | 'retry'): readonly string[] {
    const malformed = judgeCommand(command);
    const plan = this.state.planned?.plan;
    if (!plan) return [...malformed, 'there is no plan yet'];
    const found = findNode(plan, command?.node);
    if ('refused' in found) return [...malformed, found.refused];
    const closed = this.closed(verb);
    const why = closed || (this.runs(found) ? '' : this.judge(found, this.known(found), verb));
    return why === '' ? malformed : [...malformed, why];
  }

  /** Why no node can be steered any more; empty while it can. */
  private closed(verb: 'skip' | 'retry'): string {
    const { desk, state } = this;
    if (state.isPhase('RollingBack')) return 'updated nodes are going back; only `stop` ends that';
    if (desk.askedBack !== '') return `it was ${desk.askedBack}; \`reject\` that first`;
    const ends = verb === 'skip' ? desk.endsWave() !== '' : desk.interrupted();
    if (!ends) return '';
    const later = verb === 'skip' ? '' : `; once it has ended, "tidegate retry ${state.name}" does`;
    return `it ends already, ${desk.interruption()}${later}`;
  }

  private async skip(command: NodeCommand): Promise<string> {
    const { by, reason } = command;
    const found = this.find(command);
    const key = keyOf(found.target);
    const why = `skipped by ${by}${reason ? `: ${reason}` : ''}`;
    const ask = this.runs(found) && !this.skips.has(key);
    // Said before the wave has answered: two of a canary must not be left out at once.
    const verdict = this.judge(found, ask ? 'Waiting' : this.known(found), 'skip');
    if (verdict !== '') {
      const state = ask ? (await this.ask(found))?.state : undefined;
      throw refusal([state ? this.judge(found, state, 'skip') : verdict]);
    }
    this.skips.set(key, why);
    const answer = ask ? await this.ask(found, why) : undefined;
    if (ask && !answer?.taken && !this.leftOut(found, why)) {
      this.skips.delete(key);
      throw refusal([this.judge(found, answer?.state ?? this.known(found), 'skip')]);
    }
    this.show(found, why);
    return `${found.target.node} is left out; "tidegate retry ${this.state.name} --node ${found.target.node}" takes it in again`;
  }

  private async retry(command: NodeCommand): Promise<string> {
    const found = this.find(command);
    const key = keyOf(found.target);
    const { node } = found.target;
    const state = this.runs(found) ? (await this.ask(found))?.state : undefined;
    const now = state ?? this.known(found);
    const verdict = this.closed('retry') || this.judge(found, now, 'retry');
    if (verdict !== '') throw refusal([verdict]);
    this.skips.delete(key);
    if (now === 'Waiting') {
      this.show(found);
      return `${node} is taken in again: its turn comes with ${found.wave.name}`;
    }
    this.again.push(key);
    const after = this.running ? `after ${this.running.wave.name}` : 'next';
    return `${node} is tried again ${after}, by the same plan`;
  }

  private judge(found: FoundNode, state: NodeState, verb: 'skip' | 'retry'): string {
    const key = keyOf(found.target);
    const skipped = this.skips.has(key);
    const { node } = found.target;
    return verb === 'skip'
      ? judgeSkip({ found, state, skipped, left: this.left })
      : judgeRetry({ node, state, skipped, queued: this.again.includes(key) });
  }

  private find({ node }: NodeCommand): FoundNode {
    const found = findNode(this.state.plan, node);
    if ('refused' in found) throw refusal([found.refused]);
    return found;
  }

  private runs({ target }: FoundNode): boolean {
    return this.running?.wave.nodes.some((entry) => keyOf(entry) === keyOf(target)) ?? false;
  }

  /** What waves that have ended say of it. */
  private known({ target }: FoundNode): NodeState {
    return this.outcomeOf(target)?.outcome ?? 'Waiting';
  }

  private outcomeOf(target: FoundNode['target']): NodeOutcome | undefined {
    return this.state.updated.find((entry) => keyOf(entry) === keyOf(target));
  }

  /** The wave may have ended before its answer came: then its outcome says so. */
  private leftOut({ target }: FoundNode, why: string): boolean {
    return this.outcomeOf(target)?.reasons[0] === why;
  }

  /** Returns nothing where the wave ended meanwhile. */
  private async ask({ target }: FoundNode, skip?: string): Promise<NodeAnswer | undefined> {
    const asked = this.running;
    if (!asked) return undefined;
    const id = uuid4();
    const question = { id, node: target.node, ...(skip === undefined ? {} : { skip }) };
    const sent = await asked.handle.signal(nodeSignal, question).then(
      () => true,
      () => false,
    );
    await condition(() => this.answers.has(id) || this.running !== asked || !sent);
    const answer = this.answers.get(id);
    this.answers.delete(id);
    // Not told, it is about to end: what it has come to is known in a moment.
    if (!answer) await condition(() => this.running !== asked);
    return answer;
  }

  /** Shows what becomes of a node whose wave is still to come. */
  private show({ target, wave }: FoundNode, reason?: string): void {
    const phase = reason === undefined ? 'Pending' : 'Skipped';
    this.state.showNode(wave.name, { node: target.node, phase, ...(reason ? { reason } : {}) });
  }
}

/** Nodes whose failures a new attempt does not count: those of the wave itself. */
export function failedElsewhere(outcomes: readonly NodeOutcome[], wave: PlannedWave): number {
  const own = new Set(wave.nodes.map(keyOf));
  return outcomes.filter((entry) => isFailedNode(entry.outcome) && !own.has(keyOf(entry))).length;
}
