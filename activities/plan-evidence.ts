/** What is known of a plan's bundle, and whether what its policy wants measured answers at all. */
import type { ValidationSummary } from '../workflows/domain/analysis-types.ts';
import { analysisOf, unvalidated } from '../workflows/domain/measuring.ts';
import type { Plan } from '../workflows/domain/plan-types.ts';
import { tooManyRounds } from '../workflows/domain/soak-pace.ts';
import type { ActivityDeps } from './deps.ts';
import { messageOf } from './failure.ts';
import { checkProviders } from './measuring/providers.ts';

export interface KnownValidations {
  /** Newest first. */
  readonly validations: readonly ValidationSummary[];
  /** Why there may be others; absent where there are none. */
  readonly unknown?: string;
}

/** Looks a plan's bundle up in the ledger. One that does not answer is told, and holds up nothing by itself. */
export async function validationsFor(
  { ledger, log }: Pick<ActivityDeps, 'ledger' | 'log'>,
  { bundle, waves }: Pick<Plan, 'bundle' | 'waves'>,
): Promise<KnownValidations> {
  if (!ledger || waves.length === 0) return { validations: [] };
  try {
    return { validations: await ledger.validationsOf(bundle.digest) };
  } catch (error) {
    const why = messageOf(error);
    log.warn({ error: why }, 'the ledger was not asked for validations');
    return {
      validations: [],
      unknown: `the ledger does not answer, so it is not known whether ${bundle.name} was validated: ${why}`,
    };
  }
}

/** Returns why a plan that can be made is refused: a validation that it lacks, or measurements that would get no answer. */
export async function evidenceReasons(
  deps: Pick<ActivityDeps, 'provider' | 'context' | 'ledger'>,
  plan: Plan,
  { validations, unknown }: KnownValidations,
): Promise<readonly string[]> {
  const analysis = plan.waves.length > 0 ? analysisOf(plan) : undefined;
  if (!analysis) return [];
  const missing = unvalidated(plan, analysis, validations);
  const tooMany = tooManyRounds(analysis, plan.waves.length);
  const noLedger = deps.ledger ? [] : ['the worker that plans keeps no ledger to look it up in'];
  return [
    ...(tooMany === '' ? [] : [tooMany]),
    ...missing,
    ...(missing.length > 0 ? [...noLedger, ...(unknown === undefined ? [] : [unknown])] : []),
    ...(await checkProviders(deps, analysis, plan.policy.spec.verification)),
  ];
}
