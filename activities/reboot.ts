/** The activity that reboots a node and waits until it is back. */
import type { NodeActivities } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { fail } from './failure.ts';

/** Returns the activity `reboot`. */
export function rebootActivities(_deps: ActivityDeps): Pick<NodeActivities, 'reboot'> {
  return {
    async reboot(input) {
      return fail('NodeNotBack', `${input.node}: reboots are not built yet`);
    },
  };
}
