/** Faults in a drain, where what must not happen is the harm. */
import { ensureControlPlane } from '../../../lab/control-plane.ts';
import * as blows from '../blows.ts';
import { type Fault, fault } from '../fault.ts';
import { killed } from './worker.ts';

const JOBS_LATER = { jobTimeoutSeconds: 8, jobsAtTimeout: 'Later' } as const;
const SHORT_DRAIN = { timeoutSeconds: 12 } as const;

export const DRAIN_FAULTS: readonly Fault[] = [
  killed('kill-in-drain-of-jobs', 'Draining', [200, 3000], {
    ...{ bundle: 'Drain', jobs: 'Kept', quick: true },
    ...{ policy: { drain: JOBS_LATER }, expect: ['Deferred'] },
  }),
  fault(
    'api-away-in-drain',
    'apiserver killed (-9)',
    { phase: 'Draining', delayMs: [100, 1500] },
    () => blows.restartControlPlane('apiserver', 5000),
    { bundle: 'Drain', healed: 'started again after 5 s' },
  ),
  fault(
    'api-away-in-drain-of-jobs',
    'apiserver killed (-9)',
    { phase: 'Draining', delayMs: [100, 1500] },
    () => blows.restartControlPlane('apiserver', 5000),
    {
      ...{ bundle: 'Drain', jobs: 'Kept', healed: 'started again after 5 s' },
      ...{ policy: { drain: JOBS_LATER }, expect: ['Deferred'] },
    },
  ),
  killed('kill-with-budget-exhausted', 'Draining', [500, 3000], {
    ...{ bundle: 'Drain', prepare: 'ExhaustBudget' },
    ...{ policy: { drain: SHORT_DRAIN }, expect: ['RolledBack'] },
  }),
  fault(
    'budget-exhausted-quarantine',
    'a disruption budget that allows nothing; policy: Quarantine',
    { phase: 'Draining', delayMs: [0, 0] },
    async () => undefined,
    {
      ...{ bundle: 'Drain', prepare: 'ExhaustBudget', healed: 'never', expect: ['NeedsAttention'] },
      policy: { drain: { ...SHORT_DRAIN, atTimeout: 'Quarantine' } },
    },
  ),
  fault(
    'cancel-in-drain-api-away',
    'cancelled while the apiserver was away',
    { phase: 'Draining', delayMs: [100, 1500] },
    async ({ tell }) => {
      await blows.signalPart('kube-apiserver', 'SIGKILL');
      await tell('cancel');
      await blows.pause(4000);
      await ensureControlPlane();
    },
    { bundle: 'Drain', healed: 'started again after 4 s', ends: 'Cancelled' },
  ),
];
