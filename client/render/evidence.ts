/** Shows what was measured: a line for each wave, what did not pass, and what a plan will have measured. */
import type { RecordedJudgement } from '../../workflows/domain/analysis-types.ts';
import { indicatorsOf } from '../../workflows/domain/indicators.ts';
import { strikingSentences, validationLines } from '../../workflows/domain/judgement-words.ts';
import { analysisOf } from '../../workflows/domain/measuring.ts';
import type { Plan, PlanResult } from '../../workflows/domain/plan-types.ts';
import { counted, indent, type Look, paint, toneOf } from './look.ts';
import { duration } from './time.ts';

/** Returns a line for each wave that was judged, each followed by what did not pass. */
export function judgementLines(
  judgements: readonly RecordedJudgement[] | undefined,
  look: Look,
): string[] {
  return (judgements ?? []).flatMap((judgement) => {
    const { wave, verdict, extensions, reason } = judgement;
    const extended = extensions > 0 ? ` after ${counted(extensions, 'extension')}` : '';
    const head = `${wave} ${paint(verdict, toneOf(verdict), look)}${extended}: ${reason}`;
    return [head, ...strikingSentences(judgement).map((line) => indent(line))];
  });
}

/** Returns the same as a part of a screen; nothing where nothing was judged. */
export function renderJudgements(
  judgements: readonly RecordedJudgement[] | undefined,
  look: Look,
): string[] {
  const lines = judgementLines(judgements, look);
  return lines.length > 0
    ? [`${paint('Measured', 'bold', look)}\n${indent(lines.join('\n'))}`]
    : [];
}

/** Returns "label, value" pairs about what is measured of a plan's waves, and what becomes of the verdicts. */
export function measuringRules(plan: Plan): [string, string][] {
  const analysis = analysisOf(plan);
  if (!analysis) return [];
  const { baselineRounds, minSamples, intervalSeconds, extendSeconds, maxExtensions } = analysis;
  const names = indicatorsOf(analysis).map(({ name }) => name);
  const every = `${duration(intervalSeconds * 1000)} apart`;
  const longer =
    maxExtensions > 0
      ? `soaks ${duration(extendSeconds * 1000)} longer, ${counted(maxExtensions, 'time')} at most; then somebody decides`
      : 'is decided by somebody';
  return [
    ['Measured', names.join(', ')],
    ['', `${baselineRounds} rounds before each wave and at least ${minSamples} after it, ${every}`],
    [
      '',
      `what is worse than on nodes not yet updated fails the wave; what stays unclear ${longer}`,
    ],
  ];
}

/** Returns the validations of a plan's bundle; nothing where there are none. */
export function renderValidations({ validations }: PlanResult, look: Look): string[] {
  const lines = validationLines(validations);
  return lines.length > 0
    ? [`${paint('Validated', 'bold', look)}\n${indent(lines.join('\n'))}`]
    : [];
}
