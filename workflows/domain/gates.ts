/** Decides where a rollout waits for people, and what it takes to go on. Called from workflows: replay-visible. */
import type { Plan, PlannedWave } from './plan-types.ts';
import type { GATES, Policy } from './spec.ts';

type Approval = Policy['spec']['approval'];
type GatePoint = (typeof GATES)[number];

/** What it takes to pass one gate. */
export interface GateNeeds {
  readonly quorum: number;
  readonly roles: readonly string[];
  readonly requesterMayApprove: boolean;
  readonly identity: 'Asserted' | 'Attested';
  readonly expirySeconds: number;
}

/** Id of the gate at which a plan waits first. */
export const FIRST_GATE = 'before-canary';
/** Id of the gate that closes an urgent rollout. */
export const REVIEW = 'review';

/** Returns the id of a gate at a point of the rollout. */
export function gateId(at: GatePoint, wave?: Pick<PlannedWave, 'name'>): string {
  switch (at) {
    case 'BeforeCanary':
      return FIRST_GATE;
    case 'AfterCanary':
      return `after-${wave?.name ?? 'canary'}`;
    case 'BeforeWave':
      return `before-${wave?.name ?? 'wave'}`;
    case 'BeforeRollback':
      return 'before-rollback';
  }
}

/** Returns what the gate at this point asks for, or undefined where the policy has none there. */
export function gateAt(
  plan: Pick<Plan, 'policy' | 'urgent'>,
  at: GatePoint,
  wave?: { readonly name: string; readonly canary?: boolean },
): GateNeeds | undefined {
  const { approval } = plan.policy.spec;
  // A canary of a later cluster is no wave unless it is named.
  const early = at === 'BeforeWave' && wave?.canary;
  const rule = approval.gates?.find(
    (gate) => gate.at === at && (gate.waves ? wave && gate.waves.includes(wave.name) : !early),
  );
  const first = at === 'BeforeCanary' && approval.required;
  if (!rule && !first) return undefined;
  const usual = usualNeeds(approval);
  const needs: GateNeeds = {
    quorum: rule?.quorum ?? usual.quorum,
    roles: rule?.roles ?? usual.roles,
    requesterMayApprove: rule?.requesterMayApprove ?? usual.requesterMayApprove,
    identity: rule?.identity ?? usual.identity,
    expirySeconds: rule?.expirySeconds ?? usual.expirySeconds,
  };
  const urgent = plan.urgent ? approval.urgent : undefined;
  return urgent ? { ...needs, quorum: urgent.quorum, roles: urgent.roles } : needs;
}

/** Returns the id of the gate at which people decide about a wave whose measurements decide nothing. */
export function judgementGateId(wave: string): string {
  return `judgement-${wave}`;
}

/** Returns what that gate asks for: what the policy usually does, even where it wants no approval of plans. */
export function judgementNeeds({ policy, urgent }: Pick<Plan, 'policy' | 'urgent'>): GateNeeds {
  const { approval } = policy.spec;
  const usual = usualNeeds(approval);
  const quick = urgent ? approval.urgent : undefined;
  return quick ? { ...usual, quorum: quick.quorum, roles: quick.roles } : usual;
}

/** Returns what the review of an urgent rollout asks for, or undefined for any other rollout. */
export function reviewOf(plan: Pick<Plan, 'policy' | 'urgent'>): GateNeeds | undefined {
  const { approval } = plan.policy.spec;
  if (!plan.urgent || !approval.urgent) return undefined;
  return {
    ...usualNeeds(approval),
    quorum: 1,
    requesterMayApprove: false,
    expirySeconds: approval.urgent.reviewSeconds,
  };
}

/** The approval that a policy has given once for a class of rollouts. */
export interface StandardApproval {
  readonly approvedBy: readonly string[];
  readonly reason: string;
}

/** Returns the standing approval that covers a plan on a day (as "2026-11-25", in UTC), if there is one. */
export function standardApproval(plan: Plan, today: string): StandardApproval | undefined {
  const nodes = plan.waves.flatMap((wave) => wave.nodes);
  if (plan.direction === 'Back') return undefined;
  return plan.policy.spec.approval.standard?.find(
    (known) =>
      known.bundle === plan.bundle.digest &&
      today <= known.until &&
      nodes.length <= (known.maxNodes ?? nodes.length) &&
      nodes.every(
        ({ cluster, disruption }) =>
          (known.clusters?.includes(cluster) ?? true) &&
          (known.disruptions?.includes(disruption) ?? true),
      ),
  );
}

function usualNeeds(approval: Approval): GateNeeds {
  const { quorum, roles, requesterMayApprove, identity, expirySeconds } = approval;
  // Policies of rollouts that started with an older release lack the newer fields.
  return {
    ...{ quorum, requesterMayApprove, expirySeconds },
    roles: roles ?? [],
    identity: identity ?? 'Asserted',
  };
}
