/** What is said of owners and their workloads, and where. Called from workflows and clients: changes nothing that is replayed. */
import type { OwnerImpact, OwnerWave } from './plan-types.ts';
import type { Policy } from './spec.ts';

type Notices = Policy['spec']['notices'];

/** More workloads or waves than this are counted instead of named. */
const NAMED = 5;

/** Returns where an owner is told, by its name or as one of the others. */
export function channelsOf({ owners }: Pick<Notices, 'owners'>, owner: string): readonly string[] {
  if (Object.hasOwn(owners, owner)) return owners[owner] ?? [];
  return owners['*'] ?? [];
}

/** Returns such as "a, b and 3 more". */
export function listed(names: readonly string[], total = names.length, most = NAMED): string {
  const named = names.slice(0, most);
  const more = total - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}

/** Returns an owner's workloads by name, as many as fit. */
export function workloadWords({ workloads, count }: OwnerImpact): string {
  return listed(workloads, count);
}

/** Returns what happens to an owner's pods, and in which waves: "5 pods evicted in canary, wave-1". */
export function disturbanceWords({ waves }: OwnerImpact): string {
  const names = waves.map(({ wave }) => wave);
  return `${podWords(waves)} in ${listed(names)}`;
}

/** Returns counts of pods in words; those of which there are none are left out. */
export function podWords(waves: readonly OwnerWave[]): string {
  const sum = (field: Exclude<keyof OwnerWave, 'wave'>) =>
    waves.reduce((total, wave) => total + wave[field], 0);
  const parts: readonly (readonly [number, string])[] = [
    [sum('evicted'), 'evicted'],
    [sum('waitedFor'), 'waited for'],
    [sum('blocked'), 'in the way of the drain'],
    [sum('restarted'), 'restarted with their node'],
  ];
  const said = parts.filter(([count]) => count > 0);
  const words = said.map(([count, what], index) =>
    index === 0 ? `${counted(count, 'pod')} ${what}` : `${count} ${what}`,
  );
  return words.join(', ') || 'no pods disturbed';
}

/** Returns such as "1 pod" or "2 pods". */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
