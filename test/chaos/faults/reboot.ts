/** Faults in a reboot, which looks like a fault itself. */
import { kubectl } from '../../../lab/control-plane.ts';
import { powerOff } from '../../../lab/node.ts';
import { run } from '../../../lab/run.ts';
import * as blows from '../blows.ts';
import { type Fault, fault } from '../fault.ts';
import { killed } from './worker.ts';

/** A reboot ends the node's pods: drained before, but those of DaemonSets. */
const reboot = { bundle: 'Reboot', harmsPods: true, powerLost: true } as const;

export const REBOOT_FAULTS: readonly Fault[] = [
  killed('kill-in-reboot', 'Rebooting', [0, 4000], { ...reboot, expect: ['Updated'] }),
  fault(
    'temporal-in-reboot',
    'temporal killed (-9)',
    { phase: 'Rebooting', delayMs: [0, 3000] },
    () => blows.restartTemporal(2000),
    { ...reboot, healed: 'started again after 2 s', expect: ['Updated'] },
  ),
  fault(
    'plug-in-reboot',
    "the node's plug pulled while it reboots",
    { phase: 'Rebooting', delayMs: [500, 4000] },
    ({ node }) => blows.losePower(node, 2000),
    { ...reboot, healed: 'booted after 2 s', heal: blows.switchOn },
  ),
  fault(
    'node-deleted-in-reboot',
    'the Node object deleted while the node reboots',
    { phase: 'Rebooting', delayMs: [0, 1000] },
    async ({ node }) => void (await run(kubectl('delete', 'node', node.name))),
    { ...reboot, healed: 'it joins again' },
  ),
  fault(
    'never-back-from-reboot',
    'the node stays off after its reboot',
    { phase: 'Rebooting', delayMs: [0, 1500] },
    async ({ node, untilPhase }) => {
      await powerOff(node, 'plug');
      await untilPhase('NeedsAttention', 200_000);
    },
    {
      ...{ ...reboot, healed: 'booted when the node had been given up', heal: blows.switchOn },
      ...{ expect: ['NeedsAttention'], endWithinMs: 260_000 },
      policy: {
        ...{ reboot: { timeoutSeconds: 20 }, verification: { timeoutSeconds: 10 } },
        undoDeadlineSeconds: 10,
      },
    },
  ),
];
