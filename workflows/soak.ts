/** The soak of one wave while it is measured: how long it lasts, and when each round begins. */
import { condition } from '@temporalio/workflow';
import type { Analysis } from './domain/analysis-spec.ts';
import type { Round } from './domain/analysis-types.ts';
import type { PlannedWave } from './domain/plan-types.ts';
import { extensionPace, type Pace, soakPace } from './domain/soak-pace.ts';
import type { RolloutDesk } from './rollout-desk.ts';
import type { RolloutState } from './rollout-state.ts';

const SECOND = 1000;

interface Parts {
  readonly wave: PlannedWave;
  readonly analysis: Analysis;
  readonly state: RolloutState;
  readonly desk: RolloutDesk;
}

export class Soak {
  private readonly parts: Parts;
  /** RFC 3339, of its beginning. */
  readonly from: string;
  /** How often it was extended. */
  extensions = 0;
  measured = 0;
  private untilMs: number;
  /** How many rounds there have to be, whatever the time is. */
  private least: number;
  private pace: Pace;
  private why = '';

  constructor(parts: Parts) {
    const { wave, analysis, state } = parts;
    this.parts = parts;
    const now = Date.now();
    this.from = new Date(now).toISOString();
    this.untilMs = now + wave.soakSeconds * SECOND;
    this.least = analysis.minSamples;
    this.pace = soakPace(analysis, wave.soakSeconds, state.plan.waves.length);
  }

  /** Measures until its time is up and there are rounds enough, or people end it. */
  async run(measure: () => Promise<Round | undefined>): Promise<void> {
    const { desk, state, wave } = this.parts;
    const ends = () => desk.endsWave() !== '';
    const summary = `soak of ${wave.name}`;
    state.enter('Soaking', this.told(Date.now()));
    while (!ends() && (this.measured < this.least || Date.now() < this.untilMs)) {
      const begunMs = Date.now();
      if (!(await measure())) return;
      this.measured += 1;
      const nextMs = this.nextMs(begunMs);
      state.progress(this.told(nextMs));
      const leftMs = nextMs - Date.now();
      if (leftMs > 0) await condition(ends, leftMs, { summary });
    }
  }

  /** Adds to its time, because it has come to nothing so far; returns whether the policy allows that once more. */
  extend(why: string): boolean {
    const { extendSeconds, maxExtensions } = this.parts.analysis;
    if (this.extensions >= maxExtensions) return false;
    this.pace = extensionPace(this.parts.analysis, this);
    this.extensions += 1;
    this.why = why;
    this.untilMs = Date.now() + extendSeconds * SECOND;
    this.least = this.measured + 1;
    return true;
  }

  /** When the next round begins, or the soak ends. */
  private nextMs(begunMs: number): number {
    const next = begunMs + this.pace.intervalMs;
    return this.measured < this.least ? next : Math.min(next, this.untilMs);
  }

  /** What is waited for, where the next round begins at a time or right now. */
  private told(nextMs: number): string {
    const { wave, analysis } = this.parts;
    const { intervalMs } = this.pace;
    const fromMs = Math.max(nextMs, Date.now());
    const lacking = Math.max(0, this.least - this.measured);
    const more = Math.max(lacking, Math.ceil((this.untilMs - fromMs) / intervalMs));
    const lastMs = fromMs + Math.max(0, lacking - 1) * intervalMs;
    const until = new Date(Math.max(this.untilMs, lastMs)).toISOString();
    const rounds = `${this.measured} of ${this.measured + more} rounds measured`;
    const times = `extended ${this.extensions} of ${analysis.maxExtensions} times`;
    const extended = this.extensions > 0 ? `; ${times}, since it was ${this.why}` : '';
    return `the soak of ${wave.name} to end at ${until} at the earliest (${rounds}${extended})`;
  }
}
