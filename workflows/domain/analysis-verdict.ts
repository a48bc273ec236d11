/** Judges one indicator: first what is proven, then what could not be seen, then what is doubtful. */
import { type Answers, answersOf } from './analysis-answers.ts';
import { contrast } from './analysis-contrast.ts';
import {
  type Change,
  changeOf,
  controlShiftOf,
  isScattered,
  type Levels,
  levelsOf,
  pValueOf,
  type RankTest,
  type Scale,
  type Sides,
  toleranceOf,
  worseRounds,
} from './analysis-effect.ts';
import { rankBiserial } from './analysis-numbers.ts';
import { controlSeries, patchedSeries } from './analysis-series.ts';
import type { Analysis } from './analysis-spec.ts';
import type {
  Comparison,
  IndicatorVerdict,
  JudgedIndicator,
  Round,
  Verdict,
} from './analysis-types.ts';
import { sentenceOf } from './analysis-words.ts';

export type Limits = Pick<Analysis, 'minSamples' | 'confidence' | 'maxErrors' | 'baselineRounds'>;

export interface IndicatorInput {
  readonly indicator: JudgedIndicator;
  readonly limits: Limits;
  /** Of the cluster, oldest first. */
  readonly rounds: readonly Round[];
  readonly comparison: Comparison;
  readonly test: RankTest;
}

/** Everything that a verdict and its sentence are made of. */
export interface Known {
  readonly indicator: JudgedIndicator;
  readonly limits: Limits;
  readonly answers: Answers;
  /** Rounds of the soak that count. */
  readonly samples: number;
  readonly tolerance: number;
  readonly against: IndicatorVerdict['against'];
  /** Absent where there is no baseline. */
  readonly levels?: Levels;
  /** How much worse the patched nodes became; absent with too few samples. */
  readonly change?: Change;
  /** 1 where there is no change to be sure of. */
  readonly pValue: number;
  /** What the control nodes became worse by themselves. */
  readonly controlShift: number;
  /** A patched node that surely became worse, whatever the others did. */
  readonly worst?: WorstNode;
  readonly scattered: boolean;
}

export interface WorstNode {
  readonly node: string;
  readonly change: Change;
  readonly pValue: number;
}

/** Why it is what it is; the words go by that. */
export interface Decision {
  readonly verdict: Verdict;
  readonly why:
    | 'Worse'
    | 'NeverMeasured'
    | 'Silent'
    | 'TooFewSamples'
    | 'NoBaseline'
    | 'NothingToCompareWith'
    | 'ControlImproved'
    | 'NotSure'
    | 'FewRounds'
    | 'OneNode'
    | 'Scattered'
    | 'NoWorse';
}

/** Returns the verdict on one indicator, with its sentence. */
export function judgeIndicator(input: IndicatorInput): IndicatorVerdict {
  const known = lookAt(input);
  const decision = decide(known);
  const { indicator, levels, change, pValue, against, samples, tolerance } = known;
  return {
    indicator: indicator.name,
    verdict: decision.verdict,
    sentence: sentenceOf(known, decision),
    unit: indicator.unit,
    ...{ against, samples, tolerance },
    ...(levels ? { baseline: levels.baseline } : {}),
    ...(levels && change ? { patched: levels.patched } : {}),
    ...(levels && change && against === 'Control' ? { control: levels.control } : {}),
    ...(change ? { shift: change.shift, pValue, effect: effectOf(change) } : {}),
  };
}

/** Decides by what is known; what comes first wins. */
export function decide(known: Known): Decision {
  const { answers, limits, samples, levels, change, tolerance, against } = known;
  if (!answers.measured) return { verdict: 'Error', why: 'NeverMeasured' };
  const sure = change && isProven(change, known, 1 - limits.confidence);
  if (sure && against === 'Control') return { verdict: 'Fail', why: 'Worse' };
  if (answers.silence.rounds > limits.maxErrors) return { verdict: 'Error', why: 'Silent' };
  if (samples < limits.minSamples) return { verdict: 'Inconclusive', why: 'TooFewSamples' };
  if (!levels || !change) return { verdict: 'Inconclusive', why: 'NoBaseline' };
  if (change.shift > tolerance) {
    if (against === 'OwnPast') return { verdict: 'Inconclusive', why: 'NothingToCompareWith' };
    if (!exceeds(change, tolerance)) return { verdict: 'Inconclusive', why: 'ControlImproved' };
    return { verdict: 'Inconclusive', why: isLasting(change) ? 'NotSure' : 'FewRounds' };
  }
  if (known.worst) return { verdict: 'Inconclusive', why: 'OneNode' };
  if (known.scattered) return { verdict: 'Inconclusive', why: 'Scattered' };
  return { verdict: 'Pass', why: 'NoWorse' };
}

function lookAt(input: IndicatorInput): Known {
  const { indicator, limits, comparison, test } = input;
  const answers = answersOf({ ...input, ...limits });
  const series = { ...input, baselineRounds: limits.baselineRounds };
  const alone = indicator.scope === 'Fleet' || comparison.control.length === 0;
  const all = patchedSeries(series);
  const control = alone ? undefined : controlSeries(series);
  const seen = contrast(indicator.kind, all, control);
  const patched = all.filter(({ node }) => seen.nodes.includes(node));
  const sides: Sides = { indicator, patched, control };
  const levels = patched.length > 0 ? levelsOf(sides, seen) : undefined;
  const tolerance = toleranceOf(indicator, levels);
  // A counter's rounds are one more than the times between them.
  const compared = indicator.kind === 'Level' && levels ? seen.soak.length : answers.both;
  const samples = Math.min(answers.both, compared);
  const enough = levels !== undefined && samples >= limits.minSamples;
  const scale = { indicator, tolerance, test };
  return {
    ...{ indicator, limits, answers, samples, tolerance },
    against: alone ? 'OwnPast' : 'Control',
    ...(levels ? { levels } : {}),
    ...(enough ? changes(sides, scale, limits) : { pValue: 1, controlShift: 0, scattered: false }),
  };
}

type Changes = Pick<Known, 'change' | 'pValue' | 'controlShift' | 'worst' | 'scattered'>;

/** What could spoil a pass is looked at only where there is one. */
function changes(sides: Sides, scale: Scale, { confidence }: Limits): Changes {
  const change = changeOf(sides);
  const within = change.shift <= scale.tolerance;
  const worst = within ? worstNode(sides, scale, 1 - confidence) : undefined;
  return {
    change,
    pValue: pValueOf(scale, change),
    controlShift: controlShiftOf(sides),
    ...(worst ? { worst } : {}),
    scattered: within && isScattered(scale, change),
  };
}

/**
 * Tells whether nodes are worse than allowed against the control nodes, and clearly worse than their
 * own past: control nodes that became better prove nothing against the patch.
 */
function exceeds({ shift, ownShift }: Change, tolerance: number): boolean {
  return shift > tolerance && ownShift > tolerance / 2;
}

/**
 * Tells whether it is worse in most rounds, where it is nearly always zero. The library's p is an
 * approximation that is too small where most values are equal: 0.0099 for 6 of 12 rounds, exactly 0.024.
 */
function isLasting({ contrast: { soak, mostlyZero } }: Change): boolean {
  return !mostlyZero || worseRounds(soak) * 2 > soak.length;
}

function isProven(
  change: Change,
  { tolerance, pValue }: Pick<Known, 'tolerance' | 'pValue'>,
  alpha: number,
): boolean {
  return exceeds(change, tolerance) && pValue <= alpha && isLasting(change);
}

/** Looks at each patched node alone, as strictly as their number asks: a median hides one of several. */
function worstNode(sides: Sides, scale: Scale, alpha: number): WorstNode | undefined {
  const { patched } = sides;
  const { tolerance } = scale;
  if (patched.length < 2) return undefined;
  return patched
    .map((node) => ({ node: node.node, change: changeOf({ ...sides, patched: [node] }) }))
    .filter(({ change }) => exceeds(change, tolerance))
    .map((found) => ({ ...found, pValue: pValueOf(scale, found.change) }))
    .filter(({ change, pValue }) => isProven(change, { tolerance, pValue }, alpha / patched.length))
    .sort((a, b) => b.change.shift - a.change.shift)[0];
}

function effectOf({ contrast: { before, soak } }: Change): number {
  return rankBiserial(soak, before);
}
