/** Says in one sentence which indicator came to what, by how much, against what. */
import { type Levels, worseRounds } from './analysis-effect.ts';
import type { IndicatorVerdict, Judgement, Verdict } from './analysis-types.ts';
import type { Decision, Known } from './analysis-verdict.ts';

/** Returns a number as a person would write it: whole from 10 on, else with two digits that count. */
export function figure(value: number): string {
  if (Math.abs(value) >= 10) return String(Math.round(value));
  return String(Number(value.toPrecision(2)) + 0);
}

/** Returns such as "408 ms", "1 restart" or "0.25". */
export function quantity(value: number, unit: string): string {
  const words = figure(value);
  if (unit === '') return words;
  return `${words} ${words === '1' && unit.length > 3 ? unit.replace(/s$/, '') : unit}`;
}

/** Returns the sentence of a verdict. */
export function sentenceOf(known: Known, { why }: Decision): string {
  const { indicator, answers, limits, samples } = known;
  const { silence, window } = answers;
  switch (why) {
    case 'NeverMeasured':
      return `${indicator.name}: it was not measured at all`;
    case 'Silent':
      return `${indicator.name}: ${silence.who} in ${silence.rounds} of the last ${rounds(window)}, more than the ${limits.maxErrors} allowed: ${silence.why}`;
    case 'TooFewSamples':
      return `${indicator.name}: ${answered(known)} in ${samples} of ${rounds(answers.rounds)}, ${limits.minSamples} are needed${because(known)}`;
    case 'NoBaseline':
      return `${indicator.name}: there is no baseline: no patched node was measured before its update${known.against === 'Control' ? ' together with a control node' : ''}`;
    default:
      return `${indicator.name}: ${sides(known)}: ${comparedWords(known, why)}`;
  }
}

/** Returns the whole verdict in one line: what decided it, with the first sentence of those. */
export function reasonOf(verdict: Verdict, indicators: readonly IndicatorVerdict[]): string {
  const [first, ...others] = indicators.filter((entry) => entry.verdict === verdict);
  if (!first) return 'the policy names no indicator to judge by';
  if (verdict === 'Pass') {
    const names = indicators.map(({ indicator }) => indicator).join(', ');
    return `nothing became worse than allowed: ${names}`;
  }
  const rest = others.map(({ indicator }) => indicator).join(', ');
  return others.length > 0 ? `${first.sentence}; likewise ${verdict}: ${rest}` : first.sentence;
}

/** Returns what a judgement consists of, by its indicators. */
export function wholeVerdict(indicators: readonly IndicatorVerdict[]): Judgement['verdict'] {
  const order = ['Fail', 'Error', 'Inconclusive'] as const;
  if (indicators.length === 0) return 'Error';
  return order.find((verdict) => indicators.some((entry) => entry.verdict === verdict)) ?? 'Pass';
}

type Compared = Exclude<
  Decision['why'],
  'NeverMeasured' | 'Silent' | 'TooFewSamples' | 'NoBaseline'
>;

function comparedWords(known: Known, why: Compared): string {
  const { limits, indicator, worst } = known;
  const p = chance(known.pValue);
  const alpha = figure(1 - limits.confidence);
  switch (why) {
    case 'Worse':
      return `${worse(known)} (${p})`;
    case 'NotSure':
      return `${worse(known)}, but that may be chance (${p}, the policy asks for ${alpha})`;
    case 'FewRounds': {
      const soak = known.change?.contrast.soak ?? [];
      return `${worse(known)}, but in ${worseRounds(soak)} of ${rounds(soak.length)} alone`;
    }
    case 'ControlImproved':
      return `${worse(known)}, but not worse than before: it is the control nodes that became better`;
    case 'NothingToCompareWith':
      return `${worse(known)}; ${indicator.scope === 'Fleet' ? 'one number for all nodes has' : 'these nodes have'} nothing but the past to be compared with, so that it may be the patch or anything else`;
    case 'OneNode':
      return `${better(known)}, but ${worst?.node} alone became ${amount(known, worst?.change.shift)} worse (${chance(worst?.pValue ?? 1)})`;
    case 'Scattered':
      return `${better(known)}, but the readings are too scattered to rule out ${amount(known, 2 * known.tolerance)}`;
    case 'NoWorse':
      return `${better(known)}${meanwhile(known)}`;
  }
}

function sides(known: Known): string {
  const { indicator, levels, against, samples } = known;
  const { baseline, patched, control, patchedNodes, controlNodes } = levels as Levels;
  const counted = indicator.kind === 'Counter' ? ' a node' : '';
  const was = `${amount(known, baseline)}${counted}`;
  const is = `${amount(known, patched)}${counted}`;
  if (indicator.scope === 'Fleet')
    return `${amount(known, patched)} over ${rounds(samples)}, ${amount(known, baseline)} before`;
  const on = `${is} on ${count(patchedNodes, 'patched node')}`;
  if (against === 'OwnPast') return `${on} over ${rounds(samples)}, ${was} before`;
  const beside = `${amount(known, control)} on ${count(controlNodes, 'control node')}`;
  return `${on}, ${beside} over the same ${rounds(samples)} (baseline ${amount(known, baseline)})`;
}

function worse(known: Known): string {
  const { change, tolerance } = known;
  const limit =
    tolerance === 0
      ? 'where nothing is allowed'
      : `more than the ${amount(known, tolerance)} allowed`;
  return `${amount(known, change?.shift)} worse, ${limit}`;
}

function better(known: Known): string {
  const { change, tolerance } = known;
  const shift = change?.shift ?? 0;
  const limit = tolerance === 0 ? '' : ` (${amount(known, tolerance)} allowed)`;
  if (Number(figure(shift)) <= 0) return `no worse${limit}`;
  return `${amount(known, shift)} worse, within the ${amount(known, tolerance)} allowed`;
}

/** What happened to the control nodes in the same time is said, so that nobody wonders. */
function meanwhile(known: Known): string {
  const { controlShift, tolerance, change } = known;
  if (controlShift <= tolerance) return '';
  const by = amount(known, controlShift);
  return (change?.ownShift ?? 0) > tolerance
    ? `; both sides became about ${by} worse than before, which is not the patch`
    : `; the control nodes became ${by} worse than before`;
}

function answered({ against, indicator }: Known): string {
  if (indicator.scope === 'Fleet') return 'there was a number';
  return against === 'Control' ? 'both sides answered' : 'patched nodes answered';
}

function because({ answers }: Known): string {
  const why = answers.noData ?? (answers.silence.rounds > 0 ? answers.silence.why : undefined);
  return why === undefined ? '' : `: ${why}`;
}

function amount({ indicator }: Known, value = 0): string {
  return quantity(value, indicator.unit);
}

function rounds(number: number): string {
  return count(number, 'round');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function chance(pValue: number): string {
  return pValue < 0.001 ? 'p < 0.001' : `p = ${figure(pValue)}`;
}
