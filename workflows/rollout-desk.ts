/** Where people steer a rollout: takes commands, and remembers what was decided. Votes are taken by gates.ts. */
import { CancellationScope, condition, isCancellation, patched } from '@temporalio/workflow';
import { type Command, MESSAGES, type StopCommand } from './contract.ts';
import { judgeCommand } from './domain/approval.ts';
import {
  type AskedInterruption,
  describeInterruption,
  type Interruption,
  interruptionAfter,
  interruptionAnswer,
  judgeInterruption,
  type Standing,
  type StopMode,
} from './domain/control.ts';
import { onMessage } from './messages.ts';
import type { RolloutState } from './rollout-state.ts';
import { RolloutWindows } from './rollout-windows.ts';

export class RolloutDesk {
  private readonly state: RolloutState;
  readonly windows: RolloutWindows;
  private interruptedBy: Interruption | undefined;
  private goingBack = false;
  /** Who wants updated nodes to go back, in words; empty where nobody has asked for it. */
  askedBack = '';
  /** Who has paused the rollout and why, in words; empty while it is not. */
  paused = '';

  constructor(state: RolloutState) {
    this.state = state;
    this.windows = new RolloutWindows(state, this);
    onMessage<Command>({
      name: 'pause',
      description: 'Start no further node until it is resumed: {"by": "WHO", "reason": "..."}',
      refuse: (command) => [
        ...judgeCommand(command),
        ...(this.paused ? [`it is ${this.paused} already`] : []),
        ...(this.interrupted() ? [`it ends already, ${this.interruption()}`] : []),
      ],
      take: (command) => this.pause(command),
      ...state.ledger.ofCommand('pause'),
    });
    onMessage<Command>({
      name: 'resume',
      description: 'Go on with a rollout that was paused: {"by": "WHO"}',
      refuse: (command) => [...judgeCommand(command), ...(this.paused ? [] : ['it is not paused'])],
      take: () => this.resume(),
      ...state.ledger.ofCommand('resume'),
    });
    for (const kind of MESSAGES.filter((name) => name === 'stop' || name === 'rollback')) {
      onMessage<StopCommand>({
        name: kind,
        description:
          kind === 'stop'
            ? 'Stop now, after the nodes in work or after their wave: {"by": "WHO", "reason": "...", "mode": "Now|AfterNode|AfterWave"}'
            : 'Stop after the nodes in work and take updated nodes back: {"by": "WHO"}',
        refuse: (command) => [
          ...judgeCommand(command),
          ...judgeInterruption({ ...command, kind }, this.standing()),
        ],
        take: (command) => this.interrupt({ ...command, kind }),
        ...state.ledger.ofCommand(kind),
      });
    }
  }

  /** From here on nodes go back, and a new `stop` ends that. */
  beginBack(): void {
    this.goingBack = true;
    this.askedBack = this.wantsBack() ? this.interruption() : '';
    this.interruptedBy = undefined;
  }

  /** Nodes that are tried again have made good what was to be taken back. */
  goForward(): void {
    this.goingBack = false;
  }

  /**
   * Runs work that touches no node, unless a person ends it; returns undefined then. `ends` says
   * which word of a person does; by default any.
   */
  async unlessEnded<T>(
    work: () => Promise<T>,
    ends = () => this.interrupted(),
  ): Promise<T | undefined> {
    const scope = new CancellationScope();
    const watch = new CancellationScope();
    watch
      .run(async () => {
        await condition(ends);
        if (patched('ended-at-once')) scope.cancel();
      })
      .catch((error) => {
        if (!isCancellation(error)) throw error;
      });
    try {
      return await scope.run(work);
    } catch (error) {
      const ended = scope.consideredCancelled && isCancellation(error);
      if (!ended || CancellationScope.current().consideredCancelled) throw error;
      return undefined;
    } finally {
      watch.cancel();
    }
  }

  interrupted(): boolean {
    return this.interruptedBy !== undefined;
  }

  /** In which mode the rollout is to end; empty while nobody wants it to. */
  mode(): '' | StopMode {
    return this.interruptedBy?.mode ?? '';
  }

  /** How a wave that runs is to end; empty while it is to be finished, with its soak. */
  endsWave(): '' | 'AfterNode' | 'Now' {
    const mode = this.mode();
    return mode === 'AfterWave' ? '' : mode;
  }

  /** Returns who interrupted the rollout and why, in words. */
  interruption(): string {
    return this.interruptedBy ? describeInterruption(this.interruptedBy) : '';
  }

  wantsBack(): boolean {
    return this.interruptedBy?.kind === 'rollback';
  }

  /** Who has interrupted the rollout; undefined where nobody has. */
  interrupter(): string | undefined {
    return this.interruptedBy?.by;
  }

  /** Returns once nobody keeps the rollout paused, or it is to end. */
  async unpaused(): Promise<void> {
    await condition(() => this.paused === '' || this.interrupted());
  }

  private pause({ by, reason = '' }: Command): string {
    this.paused = `paused by ${by}${reason ? `: ${reason}` : ''}`;
    this.state.pause(this.paused);
    return 'no further node starts until it is resumed; the nodes in work are finished first';
  }

  private resume(): string {
    this.paused = '';
    this.state.pause('');
    return 'it goes on';
  }

  private standing(): Standing {
    const { interruptedBy: current, goingBack } = this;
    return { current, goingBack, paused: this.paused !== '' };
  }

  private interrupt(asked: AskedInterruption): string {
    const standing = this.standing();
    this.interruptedBy = interruptionAfter(asked, standing);
    if (standing.paused) this.resume();
    return interruptionAnswer(asked, standing);
  }
}
