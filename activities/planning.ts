/** Activities that plan and look: documents and facts in, a plan or an inventory out. */
import type { PlanningActivities } from '../workflows/contract.ts';
import { drainWarnings } from '../workflows/domain/drain-warnings.ts';
import { impactOf } from '../workflows/domain/eviction.ts';
import { planEvidence } from '../workflows/domain/evidence.ts';
import { exceptionWarnings } from '../workflows/domain/exceptions.ts';
import { firstOpening } from '../workflows/domain/first-opening.ts';
import { FIRST_GATE } from '../workflows/domain/gates.ts';
import { ownersOf } from '../workflows/domain/owners.ts';
import { invertPlan, makePlan } from '../workflows/domain/plan.ts';
import type { NodeImpact, Plan, PlannedNode, PlanResult } from '../workflows/domain/plan-types.ts';
import { planWarnings } from '../workflows/domain/plan-warnings.ts';
import { windowWarnings } from '../workflows/domain/window-warnings.ts';
import { readDocuments, resolveDocument } from './adapters/documents.ts';
import { withHeartbeats } from './context.ts';
import type { ActivityDeps } from './deps.ts';
import { digestOf, sha256 } from './digest.ts';
import { type FleetFacts, gatherFacts, unavailableNow } from './facts.ts';
import { fail } from './failure.ts';
import { evidenceReasons, validationsFor } from './plan-evidence.ts';
import { fitting, withFittingDetail } from './plan-size.ts';
import { standingActivities } from './standing.ts';
import { drainsOf, type Occupancy, readOccupancy } from './wave-drains.ts';

/** Packages that an inventory tells of, where they are installed. */
const RUNTIME_PACKAGES = ['containerd', 'containerd.io', 'runc', 'crun', 'cri-o', 'kubelet'];

/** Returns the activities that plan and look. */
export function planningActivities(deps: ActivityDeps): PlanningActivities {
  return {
    ...standingActivities(deps),

    /**
     * *Effect*: none; package lists are read into a folder that is removed again.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: { phase, done, total } every 2 s.
     * *Fails with*: InvalidDocument, UnknownDocument, PlanRefused, PlanTooLarge, Kube….
     */
    plan: (input) => withProgress(deps, (report) => plan(deps, input.request, report)),

    /**
     * *Effect*: none.
     * *Idempotent because*: it computes.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: nothing.
     */
    planRollback: async (input) =>
      invertPlan({ plan: input.plan, nodes: input.nodes, hash: sha256 }),

    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: { phase, done, total } every 2 s.
     * *Fails with*: InvalidDocument, UnknownDocument, PlanTooLarge, Kube….
     */
    inventory: (input) =>
      withProgress(deps, async (report) => {
        const folder = await readDocuments(deps.configFolder);
        const fleet = await resolveDocument('Fleet', input.fleet, folder);
        const { facts } = await gatherFacts(deps, {
          fleet,
          packages: RUNTIME_PACKAGES,
          offers: false,
          onProgress: report,
        });
        return fitting({ fleet: fleet.metadata.name, nodes: facts.map(withoutAbsentPackages) });
      }),
  };
}

type Report = (progress: { readonly done: number; readonly total: number }) => void;

async function withProgress<T>(
  deps: ActivityDeps,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  let progress = { phase: 'Reading', done: 0, total: 0 };
  const report: Report = (now) => {
    progress = { phase: 'Reading', ...now };
  };
  return await withHeartbeats(
    deps.context(),
    () => progress,
    () => work(report),
  );
}

async function plan(deps: ActivityDeps, request: unknown, onProgress: Report): Promise<PlanResult> {
  const folder = await readDocuments(deps.configFolder);
  const rollout = await resolveDocument('Rollout', request, folder);
  const { spec } = rollout;
  const fleet = await resolveDocument('Fleet', spec.fleet, folder);
  const bundle = await resolveDocument('Bundle', spec.bundle, folder);
  const policy = await resolveDocument('Policy', spec.policy, folder);
  const names = bundle.spec.releases.flatMap(({ packages }) => packages.map(({ name }) => name));
  const packages = [...new Set(names)];
  const { targets } = spec;
  const found = await gatherFacts(deps, { fleet, targets, packages, offers: true, onProgress });
  const { facts, offered } = found;
  const today = new Date(deps.clock.now()).toISOString().slice(0, 10);
  const documents = { rollout, fleet, bundle, policy };
  const answer = makePlan({ ...documents, facts, offered, hash: sha256, today });
  if (answer.kind === 'Refused') return refuse(rollout.metadata.name, answer.reasons);
  const made = answer.plan;
  const known = await validationsFor(deps, made);
  const unmeasured = await evidenceReasons(deps, made, known);
  if (unmeasured.length > 0) return refuse(rollout.metadata.name, unmeasured);
  const occupancy = await readOccupancy(deps, made);
  const nodes = made.waves.flatMap((wave) => wave.nodes);
  const impact = nodes.map((node) => impactOn(node, made, found, occupancy));
  const drains = await drainsOf(deps, made, occupancy);
  const warnings = [
    ...planWarnings(made, await unavailableNow(deps, made.clusters)),
    ...windowWarnings(made, deps.clock.now()),
    ...drainWarnings(made, occupancy.podsOf),
    ...exceptionWarnings(made, today),
    ...(known.unknown === undefined ? [] : [known.unknown]),
    ...occupancy.warnings,
  ];
  const owners = ownersOf(made, occupancy.podsOf);
  const opens = firstOpening(made, deps.clock.now());
  return withWhatIsApproved(
    withFittingDetail({
      plan: made,
      impact,
      ...(drains.length > 0 ? { drains } : {}),
      ...(warnings.length > 0 ? { warnings } : {}),
      ...(owners.length > 0 ? { owners } : {}),
      ...(opens === undefined ? {} : { firstOpening: opens }),
      ...(known.validations.length > 0 ? { validations: known.validations } : {}),
    }),
  );
}

function refuse(rollout: string, reasons: readonly string[]): never {
  const list = reasons.map((reason) => `  ${reason}`).join('\n');
  return fail('PlanRefused', `Rollout ${rollout} is refused:\n${list}`, reasons);
}

/** An approval before the canary is bound to what is said beside the plan as well. */
function withWhatIsApproved(planned: PlanResult): PlanResult {
  const evidence = planEvidence(planned);
  if (evidence.length === 0) return planned;
  const { digest } = planned.plan;
  return { ...planned, approve: digestOf({ plan: digest, gate: FIRST_GATE, evidence }) };
}

function impactOn(
  node: PlannedNode,
  made: Plan,
  found: FleetFacts,
  occupancy: Occupancy,
): NodeImpact {
  const { disruption } = node;
  return {
    cluster: node.cluster,
    node: node.node,
    containersThatMustSurvive: mustSurvive(node, found),
    pods: impactOf(occupancy.podsOf(node), { ...made.policy.spec.drain, disruption }),
  };
}

function mustSurvive(node: PlannedNode, found: FleetFacts): number {
  if (node.disruption === 'Drain' || node.disruption === 'Reboot') return 0;
  return found.containers[`${node.cluster}/${node.node}`]?.length ?? 0;
}

function withoutAbsentPackages<T extends FleetFacts['facts'][number]>(facts: T): T {
  if (!facts.host) return facts;
  const packages = facts.host.packages.filter((entry) => entry.version !== undefined);
  return { ...facts, host: { ...facts.host, packages } };
}
