/** The orchestrator itself is updated in the middle of a rollout, and taken back. */
import { startWorker } from '../../../lab/worker.ts';
import type { NodePhase } from '../../../workflows/contract.ts';
import * as blows from '../blows.ts';
import { newerBuild } from '../build.ts';
import { type Fault, fault } from '../fault.ts';

const moment = (phase: NodePhase) => ({ phase, delayMs: [100, 900] }) as const;
const rest = { healed: 'needs none', expect: ['Updated'] } as const;

function newer(id: string, phase: NodePhase): Fault {
  const strike: Fault['strike'] = async () => {
    await startWorker({ build: await newerBuild() });
  };
  return fault(id, 'worker replaced by a newer build (one more step)', moment(phase), strike, rest);
}

export const BUILD_FAULTS: readonly Fault[] = [
  newer('newer-build-in-stage', 'Staging'),
  newer('newer-build-in-apply', 'Applying'),
  newer('newer-build-in-verify', 'Verifying'),
  fault(
    'build-back-before-its-step',
    'worker replaced by a newer build and by the older one, before the new step',
    moment('Staging'),
    async ({ ask }) => {
      const build = await newerBuild();
      await blows.signalPart('worker', 'SIGKILL');
      await startWorker({ build });
      await ask();
      await blows.signalPart('worker', 'SIGKILL');
      await startWorker();
    },
    rest,
  ),
  fault(
    'build-back-after-its-step',
    'worker replaced by a newer build and, after the new step, by the older one',
    moment('Applying'),
    async ({ untilPatched, untilTaskFails }) => {
      const build = await newerBuild();
      await startWorker({ build });
      await untilPatched('one-more-step');
      await blows.replaceWorker('SIGKILL', 0);
      // It cannot know what the newer one did: it does nothing at all, until that is back.
      await untilTaskFails();
      await startWorker({ build });
    },
    { ...rest, healed: 'the newer build comes back' },
  ),
];
