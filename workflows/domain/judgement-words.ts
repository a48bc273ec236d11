/** What measurements have shown, in words: for gates, details and screens. Called from workflows: replay-visible. */
import type { IndicatorVerdict, RecordedJudgement, ValidationSummary } from './analysis-types.ts';

/** Validations that are shown of one bundle. */
const SHOWN_VALIDATIONS = 3;

/** Returns a wave's verdict and its reason, in one line. */
export function judgementLine(judgement: Omit<RecordedJudgement, 'comparison'>): string {
  const { wave, verdict, reason, extensions } = judgement;
  const times = extensions === 1 ? 'once' : `${extensions} times`;
  const extended = extensions > 0 ? ` (its soak was extended ${times})` : '';
  return `${wave}: ${verdict}${extended}: ${reason}`;
}

/** Returns what was found of the indicators that did not pass, unless the reason says it already. */
export function strikingSentences({
  indicators,
  reason,
}: Pick<RecordedJudgement, 'indicators' | 'reason'>): string[] {
  return indicators
    .filter(({ verdict, sentence }) => verdict !== 'Pass' && !reason.includes(sentence))
    .map(sentenceOf);
}

/** Returns what later gates show of the waves so far: the newest first, and of those before it what did not pass. */
export function judgementEvidence(judgements: readonly RecordedJudgement[]): string[] {
  const newest = judgements.at(-1);
  const shown = judgements.filter((entry) => entry === newest || entry.verdict !== 'Pass');
  const passed = judgements.length - shown.length;
  return [
    ...shown.reverse().flatMap(evidenceOf),
    ...(passed > 0 ? [`measured after earlier waves: ${passed} Pass`] : []),
  ];
}

function evidenceOf(judgement: RecordedJudgement): string[] {
  const of = `measured after ${judgement.wave}`;
  return [
    `measured after ${judgementLine(judgement)}`,
    ...strikingSentences(judgement).map((line) => `${of}: ${line}`),
  ];
}

/** Returns everything that a person has to know who decides on one judgement. */
export function wholeJudgement(judgement: RecordedJudgement): string[] {
  return [`measured after ${judgementLine(judgement)}`, ...judgement.indicators.map(sentenceOf)];
}

/** Returns a line for each of the newest validations of a plan's bundle. */
export function validationLines(validations: readonly ValidationSummary[] | undefined): string[] {
  return (validations ?? []).slice(0, SHOWN_VALIDATIONS).map((known) => {
    const { name, verdict, cluster, node, finishedAt, findings } = known;
    const found = findings.length > 0 ? `: ${findings.join('; ')}` : '';
    return `validation ${name} on ${cluster}/${node}, ${finishedAt}: ${verdict}${found}`;
  });
}

function sentenceOf({ indicator, verdict, sentence }: IndicatorVerdict): string {
  const named = sentence.includes(indicator) ? '' : `${indicator}: `;
  return `${verdict}: ${named}${sentence}`;
}
