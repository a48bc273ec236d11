/** The worker ends: killed or told to stop, in every phase and in every undo. */
import { startWorker } from '../../../lab/worker.ts';
import type { NodePhase } from '../../../workflows/contract.ts';
import * as blows from '../blows.ts';
import { type Fault, fault, type Moment, type Options, STAGED_LAST } from '../fault.ts';

const healed = 'another one started again';

/** Returns a fault that kills the worker. */
export function killed(
  id: string,
  phase: NodePhase,
  delayMs: Moment['delayMs'],
  options: Options = {},
): Fault {
  const strike = () => blows.replaceWorker('SIGKILL', 800);
  return fault(id, 'worker killed (-9)', { phase, delayMs }, strike, { healed, ...options });
}

/** The API hangs from the phase before, so that the worker dies with its request under way. */
function killedInRequest(
  id: string,
  from: Moment,
  phase: NodePhase,
  { after, ...options }: Options & { readonly after?: string } = {},
): Fault {
  const does = `worker killed (-9) in ${phase}, its request unanswered`;
  const strike: Fault['strike'] = async ({ untilPhase, untilDone }) => {
    if (after) await untilDone(after);
    await blows.whileApiHangs(async () => {
      await untilPhase(phase);
      await blows.signalPart('worker', 'SIGKILL');
    });
    await startWorker();
  };
  return fault(id, does, from, strike, { healed: `${healed}, the API answers`, ...options });
}

function stopped(id: string, phase: NodePhase, delayMs: Moment['delayMs']): Fault {
  const strike = () => blows.replaceWorker('SIGTERM', 0);
  return fault(id, 'worker told to stop (TERM)', { phase, delayMs }, strike, { healed });
}

export const WORKER_FAULTS: readonly Fault[] = [
  killed('kill-in-inspect', 'Inspecting', [0, 200]),
  killedInRequest('kill-in-lease', { phase: 'Inspecting', delayMs: [150, 300] }, 'Leasing'),
  killed('kill-at-stage', 'Staging', [0, 40]),
  killed('kill-in-stage', 'Staging', [300, 1200]),
  killedInRequest('kill-in-cordon', { phase: 'Staging', delayMs: [0, 200] }, 'Cordoning', {
    ...{ quick: true, after: 'baseline', policy: STAGED_LAST },
  }),
  killed('kill-in-baseline', 'Staging', [0, 900], { step: 'baseline' }),
  killed('kill-in-drain', 'Draining', [100, 1500], { bundle: 'Drain' }),
  killed('kill-at-apply', 'Applying', [0, 60]),
  killed('kill-in-apply', 'Applying', [400, 1800], { quick: true }),
  killed('kill-at-verify', 'Verifying', [0, 60]),
  killed('kill-in-verify', 'Verifying', [300, 1200]),
  killed('kill-in-uncordon', 'Uncordoning', [0, 8]),
  killed('kill-in-release', 'Releasing', [0, 8]),
  killed('kill-in-apply-cordoned', 'Applying', [400, 1800], { prepare: 'Cordon' }),
  killed('kill-in-revert', 'Unwinding', [200, 1500], { bundle: 'Bad', step: 'revert' }),
  killed('kill-in-revert-cordoned', 'Unwinding', [200, 1500], {
    ...{ bundle: 'Bad', step: 'revert', prepare: 'Cordon' },
  }),
  killed('kill-in-undo-cordon', 'Unwinding', [0, 8], { bundle: 'Bad', step: 'uncordon' }),
  killed('kill-in-unstage', 'Unwinding', [0, 60], { bundle: 'Bad', step: 'unstage' }),
  killed('kill-in-undo-lease', 'Unwinding', [0, 8], { bundle: 'Bad', step: 'release' }),
  stopped('stop-in-stage', 'Staging', [100, 900]),
  stopped('stop-in-apply', 'Applying', [100, 1800]),
  stopped('stop-in-verify', 'Verifying', [100, 900]),
  killed('kill-in-apply-of-two', 'Applying', [400, 1800], { nodes: 2 }),
];
