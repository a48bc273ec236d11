/** What a person should know of a plan's calendar before approving it. Called from activities only: may change any day. */
import { words } from './duration-words.ts';
import { TURN_MS } from './lifecycle.ts';
import type { Plan } from './plan-types.ts';
import { lookAtWindow } from './window.ts';

/** Returns in which regions no node would ever start: the rollout would wait without an end. */
export function windowWarnings({ clusters, bundle, policy }: Plan, nowMs: number): string[] {
  const expectedMs = TURN_MS[bundle.disruption];
  const regions = [...new Set(clusters.map(({ region = '' }) => region))];
  return regions.flatMap((region) => {
    const question = { policy: policy.spec, region, expectedMs, lifted: [], taken: [] };
    const look = lookAtWindow(nowMs, question);
    if (look.kind === 'Open' || look.until !== undefined) return [];
    return [
      `region ${region}: no node will ever start, and the rollout waits for it: ${look.reason} (a node of disruption ${bundle.disruption} takes about ${words(expectedMs)})`,
    ];
  });
}
