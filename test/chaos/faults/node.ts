/** Something happens to the node itself: its network, its power, its disk, its processes. */
import type { NodePhase } from '../../../workflows/contract.ts';
import * as blows from '../blows.ts';
import { type Fault, fault, type Moment, type Options, STAGED_LAST } from '../fault.ts';

function cut(id: string, seconds: number, phase: NodePhase): Fault {
  const does = `the node's network cut for ${seconds} s`;
  const strike: Fault['strike'] = ({ node }) => blows.cutNetwork(node, seconds * 1000);
  const options = { harmsPods: true, healed: 'plugged in again', heal: blows.plugIn };
  return fault(id, does, { phase, delayMs: [50, 900] }, strike, options);
}

function plug(id: string, phase: NodePhase, delayMs: Moment['delayMs'], rest: Options = {}) {
  const strike: Fault['strike'] = ({ node }) => blows.losePower(node, 2000);
  const healed = 'booted after 2 s';
  const options = { harmsPods: true, powerLost: true, healed, heal: blows.switchOn, ...rest };
  return fault(id, "the node's plug pulled", { phase, delayMs }, strike, options);
}

/** Each step of the way gives up long before the cable is put back: the node is left to a person. */
const impatient = {
  drain: { timeoutSeconds: 10 },
  verification: { timeoutSeconds: 10 },
  undoDeadlineSeconds: 10,
};

/** Not some fixed time: however long a cut lasts, what counts is that it outlasts every deadline. */
const cutBeyondDeadlines = (id: string, phase: NodePhase): Fault =>
  fault(
    id,
    "the node's network cut until every deadline has passed (10 s each)",
    { phase, delayMs: [50, 900] },
    async ({ node, untilPhase }) => {
      await blows.pullOut(node);
      await untilPhase('NeedsAttention', 280_000);
    },
    {
      ...{ harmsPods: true, healed: 'plugged in when the node had been given up' },
      ...{ heal: blows.plugIn, policy: impatient, expect: ['NeedsAttention'] },
      endWithinMs: 300_000,
    },
  );

export const NODE_FAULTS: readonly Fault[] = [
  cut('cut-5s-in-stage', 5, 'Staging'),
  cut('cut-5s-in-apply', 5, 'Applying'),
  cut('cut-60s-in-apply', 60, 'Applying'),
  cut('cut-5s-in-verify', 5, 'Verifying'),
  cut('cut-60s-in-verify', 60, 'Verifying'),
  cutBeyondDeadlines('cut-beyond-deadlines', 'Verifying'),
  plug('plug-in-stage', 'Staging', [100, 900]),
  plug('plug-in-apply', 'Applying', [300, 1800]),
  plug('plug-in-verify', 'Verifying', [50, 900]),
  plug('plug-in-apply-of-two', 'Applying', [300, 1800], { nodes: 2 }),
  fault(
    'corrupt-staged',
    'the staged package changed before it is installed',
    { phase: 'Staging', delayMs: [0, 0] },
    async ({ node, sha256, untilPhase, untilDone }) => {
      await untilDone('baseline');
      await blows.whileApiHangs(async () => {
        await untilPhase('Cordoning');
        await blows.corruptStaged(node, sha256);
      });
    },
    { quick: true, healed: 'never', expect: ['RolledBack'], policy: STAGED_LAST },
  ),
  fault(
    'disk-full',
    'no room where packages are staged, for 12 s',
    { phase: 'Planned', delayMs: [0, 0] },
    async ({ node, meanwhile }) => {
      await blows.fillDisk(node, blows.stagingFolder);
      meanwhile(() => blows.freeDisk(node, blows.stagingFolder), 12_000);
    },
    { healed: 'room made again', heal: (node) => blows.freeDisk(node, blows.stagingFolder) },
  ),
  fault(
    'disk-full-in-apply',
    'no room where dpkg unpacks, from its staging on and for 15 s',
    { phase: 'Staging', delayMs: [0, 200] },
    async ({ node, meanwhile }) => {
      await blows.fillDisk(node, blows.unpackFolder);
      meanwhile(() => blows.freeDisk(node, blows.unpackFolder), 15_000);
    },
    {
      ...{ healed: 'room made again', expect: ['RolledBack', 'NeedsAttention'] },
      heal: (node) => blows.freeDisk(node, blows.unpackFolder),
    },
  ),
  fault(
    'dpkg-locked',
    "dpkg's lock held by another for 8 s",
    { phase: 'Staging', delayMs: [0, 0] },
    ({ node }) => blows.holdDpkgLock(node, 8),
    { quick: true },
  ),
  fault(
    'pause-containerd-in-apply',
    'containerd stopped (STOP) for 8 s',
    { phase: 'Applying', delayMs: [0, 400] },
    ({ node }) => blows.pauseProcess(node, 'containerd', 8),
  ),
  fault(
    'pause-containerd-in-verify',
    'containerd stopped (STOP) for 8 s',
    { phase: 'Verifying', delayMs: [0, 400] },
    ({ node }) => blows.pauseProcess(node, 'containerd', 8),
  ),
  fault(
    'pause-sshd-before-apply',
    'sshd stopped (STOP) for 12 s',
    { phase: 'Staging', delayMs: [0, 200] },
    ({ node }) => blows.pauseProcess(node, 'ssh', 12),
  ),
  fault(
    'pause-node-in-apply',
    'all processes of the node stopped (STOP) for 15 s',
    { phase: 'Applying', delayMs: [100, 1500] },
    ({ node }) => blows.pauseNode(node, 15_000),
    { harmsPods: true, healed: 'woken', heal: blows.wake },
  ),
];
