/** Tells when the calendar first lets a plan begin. Called from activities only: may change any day. */
import { TURN_MS } from './lifecycle.ts';
import type { Plan } from './plan-types.ts';
import { lookAtWindow } from './window.ts';

/** Returns that moment, after the time that people have to object; undefined where nothing keeps it, or it never comes. */
export function firstOpening({ clusters, waves, policy }: Plan, nowMs: number): string | undefined {
  const [first] = waves;
  const disruption = first?.nodes[0]?.disruption;
  if (!first || !disruption) return undefined;
  const { notices } = policy.spec;
  const region = clusters.find(({ cluster }) => cluster === first.cluster)?.region ?? '';
  const expectedMs = TURN_MS[disruption];
  const question = { policy: policy.spec, region, expectedMs, lifted: [], taken: [] };
  const look = lookAtWindow(nowMs + notices.leadSeconds * 1000, question);
  return look.kind === 'Closed' ? look.until : undefined;
}
