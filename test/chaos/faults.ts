/** The catalogue of faults: each with what it does, in which moment, and how it is healed. */

import type { LabNode } from '../../lab/settings.ts';
import { startWorker } from '../../lab/worker.ts';
import type { NodePhase } from '../../workflows/contract.ts';
import * as blows from './blows.ts';

/** What a fault knows of the run that it strikes. */
export interface Target {
  readonly node: LabNode;
  /** Digest of the package that the rollout installs. */
  readonly sha256: string;
  /** Waits until the node's workflow is in a phase. */
  untilPhase(phase: NodePhase): Promise<void>;
  /** Does something some milliseconds later, while the rollout goes on. */
  meanwhile(work: () => Promise<void>, ms: number): void;
}

/** When a fault strikes: some random milliseconds after the node's workflow entered a phase. */
export interface Moment {
  /** "Planned": before any node is in work. */
  readonly phase: NodePhase | 'Planned';
  /** First word of the phase's detail, where one phase has several steps. */
  readonly step?: string;
  readonly delayMs: readonly [number, number];
}

export interface Fault {
  readonly id: string;
  readonly does: string;
  readonly healed: string;
  readonly moment: Moment;
  /** What is rolled out: a patch, a patch after a drain, or the package that fails its node. */
  readonly bundle: 'Patch' | 'Drain' | 'Bad';
  /** Part of the quick set. */
  readonly quick: boolean;
  /** Whether the fault itself may harm pods, so that their harm says nothing of Tidegate. */
  readonly harmsPods: boolean;
  /** Made before the rollout, and part of how the node is found. */
  readonly prepare?: 'Cordon';
  /** Strikes, and heals in its own time. */
  readonly strike: (target: Target) => Promise<void>;
  /** Takes back whatever a strike that went wrong left; does nothing where there is nothing. */
  readonly heal?: (node: LabNode) => Promise<void>;
}

type Options = Partial<Pick<Fault, 'bundle' | 'quick' | 'prepare' | 'healed' | 'heal'>>;
const plain = { bundle: 'Patch', quick: false, harmsPods: false } as const;
const again = 'started again';

function killed(
  id: string,
  phase: NodePhase,
  delayMs: Moment['delayMs'],
  { step, ...rest }: Options & { readonly step?: string } = {},
): Fault {
  return {
    ...{ ...plain, id, does: 'worker killed (-9)', healed: `another one ${again}` },
    ...{ moment: { phase, delayMs, ...(step ? { step } : {}) }, ...rest },
    strike: () => blows.replaceWorker('SIGKILL', 800),
  };
}

/** The API hangs from the phase before, so that the worker dies with its request under way. */
function killedInRequest(id: string, from: Moment, phase: NodePhase, rest: Options = {}): Fault {
  return {
    ...{ ...plain, id, does: `worker killed (-9) in ${phase}, its request unanswered` },
    ...{ healed: `another one ${again}, the API answers`, moment: from, ...rest },
    strike: async ({ untilPhase }) => {
      await blows.whileApiHangs(async () => {
        await untilPhase(phase);
        await blows.signalPart('worker', 'SIGKILL');
      });
      await startWorker();
    },
  };
}

function stopped(id: string, phase: NodePhase, delayMs: Moment['delayMs']): Fault {
  return {
    ...{ ...plain, id, does: 'worker told to stop (TERM)', healed: `another one ${again}` },
    moment: { phase, delayMs },
    strike: () => blows.replaceWorker('SIGTERM', 0),
  };
}

function server(
  what: 'temporal' | 'etcd' | 'apiserver',
  id: string,
  phase: NodePhase,
  delayMs: Moment['delayMs'],
  options: Options & { readonly downMs?: number } = {},
): Fault {
  const { downMs = 2000, ...rest } = options;
  return {
    ...{ ...plain, id, does: `${what} killed (-9)`, healed: `${again} after ${downMs / 1000} s` },
    ...{ moment: { phase, delayMs }, ...rest },
    strike: () =>
      what === 'temporal' ? blows.restartTemporal(downMs) : blows.restartControlPlane(what, downMs),
  };
}

/** Something happens to the node itself. */
function onNode(
  id: string,
  does: string,
  moment: Moment,
  strike: Fault['strike'],
  rest: Options & Partial<Pick<Fault, 'harmsPods'>> = {},
): Fault {
  return { ...plain, id, does, healed: 'by itself', moment, strike, ...rest };
}

function cut(id: string, seconds: number, phase: NodePhase): Fault {
  const does = `the node's network cut for ${seconds} s`;
  const strike = ({ node }: Target) => blows.cutNetwork(node, seconds * 1000);
  const options = { harmsPods: true, healed: 'plugged in again', heal: blows.plugIn };
  return onNode(id, does, { phase, delayMs: [50, 900] }, strike, options);
}

function plug(id: string, phase: NodePhase, delayMs: Moment['delayMs']): Fault {
  const strike = ({ node }: Target) => blows.losePower(node, 2000);
  const options = { harmsPods: true, healed: 'booted after 2 s', heal: blows.switchOn };
  return onNode(id, "the node's plug pulled", { phase, delayMs }, strike, options);
}

export const FAULTS: readonly Fault[] = [
  killed('kill-in-inspect', 'Inspecting', [0, 200]),
  killedInRequest('kill-in-lease', { phase: 'Inspecting', delayMs: [150, 300] }, 'Leasing'),
  killed('kill-at-stage', 'Staging', [0, 40]),
  killed('kill-in-stage', 'Staging', [300, 1200]),
  killedInRequest('kill-in-cordon', { phase: 'Staging', delayMs: [0, 200] }, 'Cordoning', {
    quick: true,
  }),
  killed('kill-in-drain', 'Draining', [100, 1500], { bundle: 'Drain' }),
  killed('kill-at-apply', 'Applying', [0, 60]),
  killed('kill-in-apply', 'Applying', [400, 1800], { quick: true }),
  killed('kill-at-verify', 'Verifying', [0, 60]),
  killed('kill-in-verify', 'Verifying', [300, 1200]),
  killed('kill-in-uncordon', 'Uncordoning', [0, 8]),
  killed('kill-in-release', 'Releasing', [0, 8]),
  killed('kill-in-apply-cordoned', 'Applying', [400, 1800], { prepare: 'Cordon' }),
  killed('kill-in-revert', 'Unwinding', [200, 1500], { bundle: 'Bad', step: 'revert' }),
  killed('kill-in-undo-cordon', 'Unwinding', [0, 8], { bundle: 'Bad', step: 'uncordon' }),
  killed('kill-in-unstage', 'Unwinding', [0, 60], { bundle: 'Bad', step: 'unstage' }),
  killed('kill-in-undo-lease', 'Unwinding', [0, 8], { bundle: 'Bad', step: 'release' }),
  stopped('stop-in-stage', 'Staging', [100, 900]),
  stopped('stop-in-apply', 'Applying', [100, 1800]),
  stopped('stop-in-verify', 'Verifying', [100, 900]),
  server('temporal', 'temporal-in-stage', 'Staging', [0, 900]),
  server('temporal', 'temporal-in-apply', 'Applying', [100, 1500], { quick: true }),
  server('temporal', 'temporal-in-verify', 'Verifying', [50, 900]),
  server('temporal', 'temporal-in-revert', 'Unwinding', [100, 900], { bundle: 'Bad' }),
  server('etcd', 'etcd-in-apply', 'Applying', [100, 1500]),
  server('etcd', 'etcd-in-verify', 'Verifying', [50, 900]),
  server('apiserver', 'api-before-cordon', 'Staging', [0, 300], { downMs: 6000 }),
  server('apiserver', 'api-in-apply', 'Applying', [100, 1500]),
  server('apiserver', 'api-in-verify', 'Verifying', [50, 900]),
  server('apiserver', 'api-at-verify-30s', 'Verifying', [0, 100], { downMs: 30_000 }),
  cut('cut-5s-in-stage', 5, 'Staging'),
  cut('cut-5s-in-apply', 5, 'Applying'),
  cut('cut-60s-in-apply', 60, 'Applying'),
  cut('cut-5s-in-verify', 5, 'Verifying'),
  cut('cut-60s-in-verify', 60, 'Verifying'),
  plug('plug-in-stage', 'Staging', [100, 900]),
  plug('plug-in-apply', 'Applying', [300, 1800]),
  plug('plug-in-verify', 'Verifying', [50, 900]),
  onNode(
    'corrupt-staged',
    'the staged package changed before it is installed',
    { phase: 'Staging', delayMs: [0, 0] },
    ({ node, sha256, untilPhase }) =>
      blows.whileApiHangs(async () => {
        await untilPhase('Cordoning');
        await blows.corruptStaged(node, sha256);
      }),
    { quick: true, healed: 'never' },
  ),
  onNode(
    'disk-full',
    'no room where packages are staged, for 12 s',
    { phase: 'Planned', delayMs: [0, 0] },
    async ({ node, meanwhile }) => {
      await blows.fillStagingDisk(node);
      meanwhile(() => blows.freeStagingDisk(node), 12_000);
    },
    { healed: 'room made again', heal: blows.freeStagingDisk },
  ),
  onNode(
    'dpkg-locked',
    "dpkg's lock held by another for 8 s",
    { phase: 'Staging', delayMs: [0, 0] },
    ({ node }) => blows.holdDpkgLock(node, 8),
    { quick: true },
  ),
  onNode(
    'pause-containerd-in-apply',
    'containerd stopped (STOP) for 8 s',
    { phase: 'Applying', delayMs: [0, 400] },
    ({ node }) => blows.pauseProcess(node, 'containerd', 8),
  ),
  onNode(
    'pause-containerd-in-verify',
    'containerd stopped (STOP) for 8 s',
    { phase: 'Verifying', delayMs: [0, 400] },
    ({ node }) => blows.pauseProcess(node, 'containerd', 8),
  ),
  onNode(
    'pause-sshd-before-apply',
    'sshd stopped (STOP) for 12 s',
    { phase: 'Staging', delayMs: [0, 200] },
    ({ node }) => blows.pauseProcess(node, 'ssh', 12),
  ),
  onNode(
    'pause-node-in-apply',
    'all processes of the node stopped (STOP) for 15 s',
    { phase: 'Applying', delayMs: [100, 1500] },
    ({ node }) => blows.pauseNode(node, 15_000),
    { harmsPods: true, healed: 'woken', heal: blows.wake },
  ),
];
