/** What a validation comes to, and how it is shown. */
import type {
  PreparedValidation,
  RolloutOutcome,
  RolloutOutcomeKind,
  ValidationInput,
  ValidationStatus,
} from '../contract.ts';
import type { RecordedJudgement, ValidationSummary, Verdict } from './analysis-types.ts';

/** From the best to the worst: the whole is as good as its worst part. */
const ORDER: readonly Verdict[] = ['Pass', 'Inconclusive', 'Error', 'Fail'];

export interface ValidationFacts {
  readonly name: string;
  readonly prepared: Pick<PreparedValidation, 'bundle' | 'bundleDigest' | 'target' | 'analysis'>;
  /** Of idle and peak; none where the update did not succeed. */
  readonly judgements: readonly RecordedJudgement[];
  readonly update: Pick<RolloutOutcome, 'outcome' | 'reasons'>;
  readonly putBack?: RolloutOutcomeKind;
  readonly finishedAt: string;
}

/** Returns the verdict on a bundle with its findings, a sentence each. */
export function summarise(facts: ValidationFacts): ValidationSummary {
  const { name, prepared, judgements, update, putBack, finishedAt } = facts;
  const verdicts = [updateVerdict(update.outcome), ...judgements.map(({ verdict }) => verdict)];
  const worst = Math.max(...verdicts.map((verdict) => ORDER.indexOf(verdict)));
  const findings = [
    ...(update.outcome === 'Succeeded'
      ? ['the update itself succeeded']
      : [`the update ended as ${update.outcome}: ${update.reasons.join('; ')}`]),
    ...judgements.map(({ wave, verdict, reason }) => `${wave}: ${verdict}, ${reason}`),
    ...(prepared.analysis.load ? [] : ['no peak: the policy has no analysis.load']),
    ...(putBack === undefined || putBack === 'Succeeded'
      ? []
      : [`the node could not be put back: its rollout ended as ${putBack}`]),
  ];
  return {
    name,
    bundle: prepared.bundle,
    bundleDigest: prepared.bundleDigest,
    cluster: prepared.target.cluster,
    node: prepared.target.node,
    verdict: ORDER[worst] ?? 'Error',
    findings,
    finishedAt,
  };
}

/** One that people have stopped or rejected says nothing of the bundle. */
function updateVerdict(outcome: RolloutOutcomeKind): Verdict {
  switch (outcome) {
    case 'Succeeded':
      return 'Pass';
    case 'RolledBack':
      return 'Fail';
    case 'Halted':
    case 'Rejected':
      return 'Error';
  }
}

/** Returns what Temporal's UI shows of a validation. */
export function validationDetails(
  { phase, detail }: ValidationStatus,
  { node, control, requestedBy, reason }: ValidationInput,
): string {
  const beside = control ? `, beside ${control}` : '';
  return [
    `**${phase}**: ${detail}`,
    `Validation on ${node}${beside}, for ${requestedBy}: ${reason}`,
  ].join('\n\n');
}
