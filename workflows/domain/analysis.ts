/**
 * Judges a canary or a wave by what was measured: patched nodes against nodes that are not yet patched,
 * over the same minutes. Called from an activity only, so that its result is in history and it may
 * change any day; docs/analysis.md says how it decides, and how often it errs.
 */
import type { RankTest } from './analysis-effect.ts';
import { inOrder, soakRounds } from './analysis-series.ts';
import type { Comparison, JudgedIndicator, Judgement, Round } from './analysis-types.ts';
import { judgeIndicator, type Limits } from './analysis-verdict.ts';
import { reasonOf, wholeVerdict } from './analysis-words.ts';

export type { RankTest } from './analysis-effect.ts';

export interface AnalysisInput {
  readonly indicators: readonly JudgedIndicator[];
  readonly limits: Limits;
  /** Of the baselines and of the soak; what belongs to neither is left out. */
  readonly rounds: readonly Round[];
  readonly comparison: Comparison;
  readonly test: RankTest;
}

/** Judges every indicator, and the whole by the worst of them. */
export function judge(input: AnalysisInput): Judgement {
  const { comparison, test } = input;
  const rounds = inOrder(input.rounds, comparison);
  const indicators = input.indicators.map((indicator) =>
    judgeIndicator({ ...input, rounds, indicator }),
  );
  const verdict = wholeVerdict(indicators);
  return {
    verdict,
    reason: reasonOf(verdict, indicators),
    method: test.name,
    comparison,
    soakTo: soakRounds(rounds, comparison).at(-1)?.at ?? comparison.soakFrom,
    indicators,
  };
}
