/** The activity that reads everything a validation works with. */
import type { PreparedValidation, ValidationActivities } from '../workflows/contract.ts';
import { keyOf } from '../workflows/domain/lifecycle.ts';
import type { Plan, PlannedNode } from '../workflows/domain/plan-types.ts';
import { API_VERSION, type Policy, type Rollout } from '../workflows/domain/spec.ts';
import { readDocuments, resolveDocument } from './adapters/documents.ts';
import { withHeartbeats } from './context.ts';
import type { ActivityDeps } from './deps.ts';
import { fail } from './failure.ts';
import { checkProviders } from './measuring/providers.ts';
import { planningActivities } from './planning.ts';

type Input = Parameters<ValidationActivities['prepareValidation']>[0];

/** Returns the activity `prepareValidation`. */
export function validationActivities(deps: ActivityDeps): ValidationActivities {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads; what it has read is recorded with the validation.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: InvalidDocument, UnknownDocument, PlanRefused, Kube….
     */
    prepareValidation: (input) =>
      withHeartbeats(
        deps.context(),
        () => ({ phase: 'Preparing' }),
        () => prepare(deps, input),
      ),
  };
}

async function prepare(deps: ActivityDeps, input: Input): Promise<PreparedValidation> {
  const folder = await readDocuments(deps.configFolder);
  const fleet = await resolveDocument('Fleet', input.fleet, folder);
  const bundle = await resolveDocument('Bundle', input.bundle, folder);
  const policy = await resolveDocument('Policy', input.policy, folder);
  const { analysis, ...spec } = policy.spec;
  if (!analysis) {
    refuse(`Policy ${policy.metadata.name} has no spec.analysis, which says what is measured.`);
  }
  const problems = await checkProviders(deps, analysis, spec.verification);
  if (problems.length > 0) refuse(problems.join('; '));
  const rollout = rolloutOf(input, { fleet, bundle, policy: { ...policy, spec } });
  const { target, control, plan } = await planned(deps, input, rollout);
  const access = plan.clusters.find(({ cluster }) => cluster === target.cluster);
  if (!access) throw new Error(`the plan has no access to cluster ${target.cluster}`);
  return {
    bundle: bundle.metadata.name,
    bundleDigest: plan.bundle.digest,
    ...{ access, analysis, target },
    ...(control ? { control } : {}),
    verification: spec.verification,
    rollout,
  };
}

/** Plans the node and its control node together: both have to be fit for the same update. */
async function planned(
  deps: ActivityDeps,
  { node, control: beside }: Input,
  rollout: Rollout,
): Promise<{ target: PlannedNode; control: PlannedNode | undefined; plan: Plan }> {
  const nodes = beside ? [node, beside] : [node];
  const targets = { ...rollout.spec.targets, nodes };
  const request: Rollout = { ...rollout, spec: { ...rollout.spec, targets } };
  const { plan } = await planningActivities(deps).plan({ request });
  const target = called(plan, node);
  const control = beside ? called(plan, beside) : undefined;
  if (control && control.cluster !== target.cluster) {
    refuse(
      `${keyOf(control)} is of another cluster than ${keyOf(target)}: choose one of the same.`,
    );
  }
  return { target, control, plan };
}

function called({ waves, alreadyDone, excluded }: Plan, name: string): PlannedNode {
  const is = (entry: { cluster: string; node: string }) =>
    entry.node === name || keyOf(entry) === name;
  const found = waves.flatMap((wave) => wave.nodes).find(is);
  if (found) return found;
  const why = [...alreadyDone, ...excluded].find(is)?.reason ?? 'it is not in the plan';
  return refuse(`Node ${name} can't take part in a validation: ${why}.`);
}

/** Its rollout measures nothing by itself: that would disturb what is measured here. */
function rolloutOf(
  { name, node, requestedBy, reason }: Input,
  documents: Pick<Rollout['spec'], 'fleet' | 'bundle'> & { readonly policy: Policy },
): Rollout {
  return {
    apiVersion: API_VERSION,
    kind: 'Rollout',
    metadata: { name },
    spec: {
      ...{ requestedBy, reason, direction: 'Forward' as const, ...documents },
      targets: { nodes: [node] },
      strategy: {
        canary: { count: 1, soakSeconds: 0 },
        waves: { size: 1, soakSeconds: 0 },
        ...{ maxUnavailable: 1, maxPerFailureDomain: 1, failureBudget: 0 },
        ...{ onFailure: 'Rollback', onUnreachable: 'Refuse' },
      },
    },
  };
}

function refuse(message: string): never {
  return fail('PlanRefused', message, [message]);
}
