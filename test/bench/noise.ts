/** Made-up measurements of container starts, whose true slowdown is known; the same seed gives the same ones. */
import type { Comparison, Round } from '../../workflows/domain/analysis-types.ts';

/** How readings scatter, in milliseconds. */
export interface Noise {
  readonly name: string;
  /** Standard deviation of a node's own noise, which is skewed as latencies are. */
  readonly sd: number;
  /** How much of it lasts until the next round, 0 to 1. */
  readonly lasting: number;
  /** Share of readings that take up to 400 ms longer for no reason. */
  readonly outliers: number;
  /** Standard deviation of what hits all nodes at once. */
  readonly common: number;
  /** Standard deviation of what a node's level changes by with its restart, patch or not. */
  readonly drift: number;
}

export interface Trial {
  readonly noise: Noise;
  readonly patched: number;
  readonly control: number;
  readonly baseline: number;
  readonly soak: number;
  /** What the patch makes slower. */
  readonly slowdown: number;
  /** What makes every node slower from the third part of the soak on. */
  readonly incident: number;
}

const INTERVAL_MS = 30_000;
const START_MS = Date.UTC(2026, 0, 1);
const SHAPE = 0.5;
const SPIKE_MS = 400;

export type Random = () => number;

/** Returns numbers from 0 to 1, always the same ones (xorshift). */
export function seeded(seed: number): Random {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Returns rounds of one trial, and what is to be compared in them. */
export function measurements(
  trial: Trial,
  random: Random,
): { readonly rounds: readonly Round[]; readonly comparison: Comparison } {
  const names = (side: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${side}-${index + 1}`);
  const patched = names('patched', trial.patched);
  const control = names('control', trial.control);
  const total = trial.baseline + trial.soak;
  const common = wander(total, { sd: trial.noise.common, lasting: 0.6, outliers: 0.05 }, random);
  const values = new Map(
    [...patched, ...control].map((node) => [
      node,
      nodeValues(trial, { common, isPatched: patched.includes(node) }, random),
    ]),
  );
  const at = (round: number) => new Date(START_MS + round * INTERVAL_MS).toISOString();
  const rounds = Array.from({ length: total }, (_, round) => ({
    cluster: 'c',
    at: at(round),
    readings: {
      'container-start': [...values].map(([node, list]) => ({ node, value: list[round] ?? 0 })),
    },
  }));
  const patchedAt = Object.fromEntries(patched.map((node) => [node, at(trial.baseline)]));
  return {
    rounds,
    comparison: { cluster: 'c', patched, control, patchedAt, soakFrom: at(trial.baseline) },
  };
}

function nodeValues(
  trial: Trial,
  { common, isPatched }: { readonly common: readonly number[]; readonly isPatched: boolean },
  random: Random,
): number[] {
  const level = 300 + 200 * random();
  const drift = trial.noise.drift * normal(random);
  const incidentFrom = trial.baseline + trial.soak / 3;
  return wander(common.length, trial.noise, random).map((own, round) => {
    const inSoak = round >= trial.baseline;
    const patch = isPatched && inSoak ? trial.slowdown + drift : 0;
    const incident = round >= incidentFrom ? trial.incident : 0;
    return Math.max(50, Math.round(level + own + (common[round] ?? 0) + patch + incident));
  });
}

/** Returns skewed noise around 0, each value of which resembles the one before. */
function wander(
  length: number,
  { sd, lasting, outliers }: Pick<Noise, 'sd' | 'lasting' | 'outliers'>,
  random: Random,
): number[] {
  const centre = Math.exp(SHAPE ** 2 / 2);
  const spread = centre * Math.sqrt(Math.exp(SHAPE ** 2) - 1);
  let state = normal(random);
  return Array.from({ length }, () => {
    state = lasting * state + Math.sqrt(1 - lasting ** 2) * normal(random);
    const spike = random() < outliers ? SPIKE_MS * random() : 0;
    return ((Math.exp(SHAPE * state) - centre) / spread) * sd + spike;
  });
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
