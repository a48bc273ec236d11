/** Shows whose workloads a plan disturbs, when it may, and who is told where. */
import { calendarWords } from '../../workflows/domain/notice-words.ts';
import { channelsOf, disturbanceWords, workloadWords } from '../../workflows/domain/owner-words.ts';
import type { OwnerImpact, PlanResult } from '../../workflows/domain/plan-types.ts';
import { counted } from './look.ts';
import { duration } from './time.ts';

/** Returns "label, value" pairs about when nodes may start, and who is told of it before. */
export function timeRules({ plan, firstOpening }: PlanResult): [string, string][] {
  const { spec } = plan.policy;
  const calendar = calendarWords(spec);
  const first = firstOpening === undefined ? [] : [`first at ${firstOpening}`];
  const { leadSeconds = 0, channels = [] } = spec.notices ?? {};
  const told = channels.length > 0 ? channels.join(', ') : 'nobody but owners';
  const lead = `; the first node starts ${duration(leadSeconds * 1000)} after that or later`;
  return [
    ...(calendar.length > 0
      ? [['Nodes start', [...calendar, ...first].join('; ')] as [string, string]]
      : []),
    ...(channels.length > 0 || leadSeconds > 0
      ? [['Told', `${told}${leadSeconds > 0 ? lead : ''}`] as [string, string]]
      : []),
  ];
}

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
