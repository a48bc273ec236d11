/** Shows whose workloads a plan disturbs, and who of them is told where. */
import { channelsOf, disturbanceWords, workloadWords } from '../../workflows/domain/owner-words.ts';
import type { OwnerImpact, PlanResult } from '../../workflows/domain/plan-types.ts';
import { counted } from './look.ts';

/** Returns a line for each owner; none where nobody has named one. */
export function ownerLines({ plan, owners = [] }: PlanResult): string[] {
  const { notices } = plan.policy.spec;
  if (!notices || owners.every(({ owner }) => owner === undefined)) return [];
  return owners.map((impact) => {
    const workloads = workloadWords(impact);
    if (impact.owner === undefined) {
      return `nobody is named for ${counted(impact.count, 'workload')}: ${workloads} (${notices.ownerKeys.join(', ')})`;
    }
    const line = `${impact.owner}: ${workloads}: ${disturbanceWords(impact)}`;
    return `${line}; ${toldAt(impact, notices)}`;
  });
}

type Notices = PlanResult['plan']['policy']['spec']['notices'];

function toldAt({ owner = '' }: OwnerImpact, notices: Notices): string {
  const channels = channelsOf(notices, owner);
  return channels.length > 0 ? `told at ${channels.join(', ')}` : 'has no channel in the policy';
}
