/** The catalogue of faults as rows of the table in docs/faults.md. */
import type { Fault } from './fault.ts';

/** Returns the cells of one row for each fault. */
export function catalogueRows(faults: readonly Fault[]): readonly (readonly string[])[] {
  return faults.map((fault) => [
    `\`${fault.id}\`${fault.quick ? ' *' : ''}`,
    rolledOut(fault),
    [fault.moment.phase, fault.moment.step].filter(Boolean).join(' '),
    fault.does,
    fault.healed,
    fault.expect?.join(' or ') ?? 'well, in any way',
  ]);
}

function rolledOut({ bundle, nodes, jobs, prepare, again }: Fault): string {
  return [
    { Patch: 'patch', Drain: 'patch, drained', Reboot: 'patch, rebooted', Bad: 'bad package' }[
      bundle
    ],
    ...(nodes === 2 ? ['two nodes at once'] : []),
    ...(jobs === 'Kept' ? ['Jobs run on'] : []),
    ...(prepare === 'Cordon' ? ['cordoned by hand before'] : []),
    ...(prepare === 'ExhaustBudget' ? ['no disruption allowed'] : []),
    ...(again ? ['then another rollout'] : []),
  ].join(', ');
}
