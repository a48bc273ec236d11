/** Activities about people and time: what a gate asks for, who has signed, whether a window is open. */
import type { PeopleActivities } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { digestOf } from './digest.ts';
import { verifyVote } from './votes.ts';
import { lookAtWindow } from './windows.ts';

/** Returns the activities about people and time. */
export function peopleActivities(deps: ActivityDeps): PeopleActivities {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it computes.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: nothing.
     */
    sealGate: async (input) => ({ digest: digestOf(input) }),

    /**
     * *Effect*: none; a signature lies in a folder of its own while it is checked.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: no; a few short processes.
     * *Fails with*: nothing; what can't be checked is refused.
     */
    verifyVote: (input) => verifyVote(deps, input),

    /**
     * *Effect*: none.
     * *Idempotent because*: it computes, from the worker's clock.
     * *Heartbeats*: no; it takes milliseconds.
     * *Fails with*: nothing.
     */
    lookAtWindow: async (input) => lookAtWindow(deps.clock.now(), input),
  };
}
