/** Decides who may lift a freeze, and what counts of a policy's calendar. Called from workflows and their validators: synchronous, replay-visible. */
import { judgeCommand, samePerson } from './approval.ts';
import type { Policy } from './spec.ts';

type Spec = Policy['spec'];

/** Tells whether a policy says when nodes may start; those of before say nothing. */
export function hasCalendar(policy: Partial<Spec>): boolean {
  const { windows, onCall, freezes } = policy;
  return [windows, onCall, freezes].some((list) => (list?.length ?? 0) > 0);
}

/** What a person asks for. */
export interface AskedOverride {
  readonly by: string;
  readonly freeze: string;
  readonly reason?: string;
}

/** Where the rollout stands when a person does. */
export interface OverrideStanding {
  /** Absent while there is no plan. */
  readonly policy?: Partial<Spec>;
  readonly requestedBy: string;
  /** Freezes that were lifted before. */
  readonly lifted: readonly string[];
}

/** Returns why a freeze is not lifted; empty where it is. */
export function judgeOverride(asked: AskedOverride, standing: OverrideStanding): readonly string[] {
  const { policy, requestedBy, lifted } = standing;
  const wrong = judgeCommand(asked);
  if (wrong.length > 0) return wrong;
  if (!policy) return ['there is no plan yet'];
  const { freezes = [], people = [], approval } = policy;
  const freeze = freezes.find(({ name }) => name === asked.freeze);
  const reasons: string[] = [];
  if (!freeze) {
    const known = freezes.map(({ name }) => `"${name}"`).join(', ');
    reasons.push(
      `the policy has no freeze "${asked.freeze}"${known ? `; its freezes are ${known}` : ''}`,
    );
  }
  if (typeof asked.reason !== 'string' || asked.reason.trim() === '') {
    reasons.push('"reason" must say why the freeze does not count for this rollout');
  }
  const held = people.find(({ name }) => samePerson(name, asked.by))?.roles ?? [];
  const wanted = freeze?.overrideRoles ?? [];
  if (wanted.length > 0 && !held.some((role) => wanted.includes(role))) {
    const has = held.length > 0 ? `the roles ${held.join(', ')}` : 'no role';
    reasons.push(
      `${asked.by} has ${has} in the policy, and this takes one of ${wanted.join(', ')}`,
    );
  }
  if (samePerson(asked.by, requestedBy) && !approval?.requesterMayApprove) {
    reasons.push(`${asked.by} requested this rollout, and the policy asks for somebody else`);
  }
  if (lifted.includes(asked.freeze)) {
    reasons.push(`freeze "${asked.freeze}" is lifted already`);
  }
  return reasons;
}

/**
 * Returns how much of its turn a node still needs right before it is disturbed, in milliseconds.
 * One that was quick so far is where it was expected to be; one that has waited needs half a turn.
 */
export function restOfTurnMs(turnMs: number, elapsedMs: number): number {
  return Math.max(turnMs - elapsedMs, Math.ceil(turnMs / 2));
}
