/** When a rollout may start nodes: its first opening, those that its regions have had, freezes that people lift. */
import { defineSignal, log, setHandler } from '@temporalio/workflow';
import type { FreezeOverride, WaveCalendar, WaveOutcome } from './contract.ts';
import { hasCalendar, judgeOverride } from './domain/freezes.ts';
import { TURN_MS } from './domain/lifecycle.ts';
import { onMessage } from './messages.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';
import type { WaveHandle } from './rollout-wave.ts';
import { liftSignal, type WaveClosed, waveClosedSignal } from './wave-window.ts';
import { WindowWatch } from './window-watch.ts';

export class RolloutWindows {
  private readonly state: RolloutState;
  private readonly desk: RolloutDesk;
  /** By region: openings in which its nodes have started. */
  private readonly had: Record<string, readonly string[]> = {};
  /** What asks for the first opening, while it does. */
  private watch: WindowWatch | undefined;
  /** The wave that runs, where it minds the calendar. */
  private wave: { readonly name: string; handle?: WaveHandle } | undefined;

  constructor(state: RolloutState, desk: RolloutDesk) {
    this.state = state;
    this.desk = desk;
    onMessage<FreezeOverride>({
      name: 'overrideFreeze',
      description:
        'Start nodes in spite of a freeze: {"by": "WHO", "freeze": "NAME", "reason": "..."}',
      refuse: (command) => this.refuse(command),
      take: (command) => this.take(command),
      ...state.ledger.ofCommand('overrideFreeze'),
    });
    setHandler(defineSignal<[WaveClosed]>(waveClosedSignal.name), (told) => this.waveTold(told), {
      description: 'Sent by a wave that sleeps until its window opens',
    });
  }

  /** Waits until a first node may start; returns who ended the rollout before, or an empty string. */
  async first(): Promise<string> {
    const { state, desk } = this;
    const { policy, waves, bundle, clusters } = state.plan;
    if (!hasCalendar(policy.spec)) return '';
    const region = clusters.find(({ cluster }) => cluster === waves[0]?.cluster)?.region ?? '';
    const watch = new WindowWatch({ policy: policy.spec, region, ...this.calendarFor(region) });
    this.watch = watch;
    for (;;) {
      await desk.unpaused();
      if (desk.interrupted()) return desk.interruption();
      const closed = await watch.closed(TURN_MS[bundle.disruption]);
      if (!closed) break;
      state.freeze = closed.freeze ?? '';
      state.enter('AwaitingWindow', closed.reason);
      await watch.sleep(closed, () => desk.interrupted() || desk.paused !== '');
      state.freeze = '';
    }
    this.watch = undefined;
    state.wait('');
    return '';
  }

  /** What a wave that is to start has to know of the calendar; nothing where its policy has none. */
  forWave(name: string, region: string): { readonly calendar?: WaveCalendar } {
    if (!hasCalendar(this.state.plan.policy.spec)) return {};
    this.wave = { name };
    return { calendar: this.calendarFor(region) };
  }

  /** The wave has started: from now on it hears which freezes are lifted. */
  began(handle: WaveHandle, told: WaveCalendar | undefined): void {
    if (!told || !this.wave) return;
    this.wave.handle = handle;
    for (const freeze of this.lifted()) if (!told.lifted.includes(freeze)) this.tell(freeze);
  }

  /** A wave has ended: other regions keep out of the openings in which its nodes have started. */
  ended(region: string, { openings = [] }: WaveOutcome): void {
    this.wave = undefined;
    this.state.freeze = '';
    this.had[region] = [...new Set([...(this.had[region] ?? []), ...openings])];
  }

  /** Who has lifted which freeze and why, for those who read how the rollout ended. */
  told(): readonly string[] {
    return this.state.overrides.map(
      ({ freeze, by, reason }) => `freeze "${freeze}" was lifted by ${by}: ${reason}`,
    );
  }

  private calendarFor(region: string): WaveCalendar {
    const others = Object.entries(this.had).filter(([name]) => name !== region);
    return { taken: others.flatMap(([, openings]) => openings), lifted: this.lifted() };
  }

  private lifted(): readonly string[] {
    return this.state.overrides.map(({ freeze }) => freeze);
  }

  private refuse(command: FreezeOverride): readonly string[] {
    const { planned } = this.state;
    return judgeOverride(command, {
      ...(planned ? { policy: planned.plan.policy.spec } : {}),
      requestedBy: planned?.plan.requestedBy ?? '',
      lifted: this.lifted(),
    });
  }

  private take({ by, freeze, reason = '', via }: FreezeOverride): string {
    const at = new Date(Date.now()).toISOString();
    this.state.override({ by, freeze, reason, at, ...(via ? { via } : {}) });
    this.watch?.lift(freeze);
    this.tell(freeze);
    return `freeze "${freeze}" does not count for this rollout any more; windows and hours on call still do`;
  }

  private tell(freeze: string): void {
    this.wave?.handle?.signal(liftSignal, { freeze }).catch((error: unknown) => {
      // It has ended just before; the next one is told when it starts.
      log.info('no wave to tell of a lifted freeze', { freeze, error: String(error) });
    });
  }

  /** A wave that is awake again tells nothing. */
  private waveTold({ wave, reason, freeze = '' }: WaveClosed): void {
    if (this.wave?.name !== wave) return;
    this.state.freeze = freeze;
    this.state.wait(reason);
  }
}
