/** Whether a rollout measures, and whether what it asks answers at all. Called from workflows: replay-visible. */
import type { Analysis } from './analysis-spec.ts';
import type { Reading, Round, ValidationSummary } from './analysis-types.ts';
import type { Plan } from './plan-types.ts';

/**
 * Returns what the policy wants measured, or undefined where nothing is: by policies that don't say, and
 * on a way back, which neither a baseline nor a provider that is down may hold up.
 */
export function analysisOf(plan: Pick<Plan, 'direction' | 'policy'>): Analysis | undefined {
  return plan.direction === 'Forward' ? plan.policy.spec.analysis : undefined;
}

/** Returns which indicators have got no answer in any of these rounds, in words; where there is no data, somebody answers. */
export function unanswered(rounds: readonly Round[], analysis: Analysis): string[] {
  const names = new Set(rounds.flatMap(({ readings }) => Object.keys(readings)));
  return [...names].flatMap((name) => {
    const readings = rounds.flatMap((round) => round.readings[name] ?? []);
    const errors = readings.flatMap(errorOf);
    if (readings.length === 0 || errors.length < readings.length) return [];
    const provider = analysis.indicators.find((known) => known.name === name)?.provider;
    const whose = provider === undefined ? '' : ` of provider ${provider}`;
    const where = provider === undefined ? '' : '; look at the provider, or take the indicator out';
    return [`indicator ${name}${whose}: ${errors.at(-1)}${where}`];
  });
}

/** Returns what is missing where a policy wants a bundle validated before it is rolled out; empty where nothing is. */
export function unvalidated(
  { bundle, policy }: Pick<Plan, 'bundle' | 'policy'>,
  { validation }: Analysis,
  validations: readonly ValidationSummary[],
): string[] {
  if (validation !== 'Require' || validations.some(({ verdict }) => verdict === 'Pass')) return [];
  const [newest] = validations;
  const so = newest ? `its newest, ${newest.name}, came to ${newest.verdict}` : 'it has none';
  return [
    `policy ${policy.name} wants a passed validation of bundle ${bundle.name} (${bundle.digest}), and ${so}: run "tidegate validate ${bundle.name}" first, or say analysis.validation: Optional`,
  ];
}

function errorOf(reading: Reading): string[] {
  return 'error' in reading ? [reading.error] : [];
}
