/** People interrupt a rollout, or end its workflows, in the worst moments. */
import { ensureControlPlane } from '../../../lab/control-plane.ts';
import { startWorker } from '../../../lab/worker.ts';
import type { NodePhase } from '../../../workflows/contract.ts';
import * as blows from '../blows.ts';
import { type Fault, fault, type Options, type Target } from '../fault.ts';

type Word = Parameters<Target['tell']>[0];
const said = { cancel: 'cancelled', stop: 'stopped', rollback: 'told to go back' } as const;
const ends = (word: Word): Fault['ends'] => (word === 'cancel' ? 'Cancelled' : 'Completed');

function told(word: Word, id: string, phase: NodePhase, options: Options = {}): Fault {
  const strike: Fault['strike'] = ({ tell }) => tell(word);
  const rest = { healed: 'needs none', ends: ends(word), ...options };
  return fault(id, said[word], { phase, delayMs: [100, 1200] }, strike, rest);
}

function whileWorkerIsDead(word: Word, id: string, options: Options = {}): Fault {
  const strike: Fault['strike'] = async ({ tell }) => {
    await blows.signalPart('worker', 'SIGKILL');
    await tell(word);
    await startWorker();
  };
  const rest = { healed: 'another worker started', ends: ends(word), ...options };
  const moment = { phase: 'Applying', delayMs: [100, 1200] } as const;
  return fault(id, `worker killed (-9), then ${said[word]}`, moment, strike, rest);
}

function whileApiIsAway(word: Word, id: string, phase: NodePhase): Fault {
  const strike: Fault['strike'] = async ({ tell }) => {
    await blows.signalPart('kube-apiserver', 'SIGKILL');
    await tell(word);
    await blows.pause(4000);
    await ensureControlPlane();
  };
  const rest = { healed: 'apiserver started again after 4 s', ends: ends(word) };
  return fault(
    id,
    `apiserver killed (-9), then ${said[word]}`,
    { phase, delayMs: [0, 900] },
    strike,
    rest,
  );
}

function whileCut(word: Word, id: string, phase: NodePhase, options: Options = {}): Fault {
  const strike: Fault['strike'] = async ({ node, tell }) => {
    await blows.pullOut(node);
    await tell(word);
    await blows.pause(8000);
    await blows.plugIn(node);
  };
  const rest = { harmsPods: true, heal: blows.plugIn, ends: ends(word), ...options };
  const does = `the node's network cut for 8 s, then ${said[word]}`;
  return fault(id, does, { phase, delayMs: [50, 900] }, strike, {
    healed: 'plugged in again',
    ...rest,
  });
}

/** The cut outlasts the undo's deadline, and a person ends the rollout meanwhile. */
const cancelledBeyondDeadlines = fault(
  'cancel-in-cut-beyond-deadlines',
  "the node's network cut until the undo's deadline (10 s) has passed, cancelled meanwhile",
  { phase: 'Applying', delayMs: [50, 900] },
  async ({ node, tell, untilPhase }) => {
    await blows.pullOut(node);
    await tell('cancel');
    await untilPhase('NeedsAttention', 180_000);
  },
  {
    ...{ harmsPods: true, healed: 'plugged in when the node had been given up' },
    ...{ heal: blows.plugIn, ends: 'Cancelled', expect: ['NeedsAttention'] },
    policy: { verification: { timeoutSeconds: 10 }, undoDeadlineSeconds: 10 },
  },
);

function ended(
  what: 'node' | 'rollout' | 'all',
  id: string,
  phase: NodePhase,
  options: Options,
): Fault {
  const whose = {
    node: "the node's workflow",
    rollout: "the rollout's workflow",
    all: "every workflow of the rollout, the node's included,",
  }[what];
  const strike: Fault['strike'] = ({ terminate }) => terminate(what);
  const healed = options.again ? 'by another rollout' : 'by a person';
  return fault(id, `${whose} terminated`, { phase, delayMs: [100, 1200] }, strike, {
    ...{ healed, ends: what === 'node' ? 'Completed' : 'Terminated' },
    ...options,
  });
}

export const PEOPLE_FAULTS: readonly Fault[] = [
  told('cancel', 'cancel-in-apply', 'Applying', { quick: true, expect: ['RolledBack'] }),
  told('cancel', 'cancel-in-apply-cordoned', 'Applying', {
    ...{ prepare: 'Cordon', expect: ['RolledBack'] },
  }),
  told('stop', 'stop-in-apply-cordoned', 'Applying', { prepare: 'Cordon', expect: ['Updated'] }),
  told('rollback', 'rollback-in-verify', 'Verifying', { expect: ['TakenBack'] }),
  // The cancel and the end of the update race, once a worker is there again; both ends are right.
  whileWorkerIsDead('cancel', 'cancel-while-worker-dead', { expect: ['RolledBack', 'Updated'] }),
  whileWorkerIsDead('cancel', 'cancel-while-worker-dead-cordoned', {
    ...{ prepare: 'Cordon', expect: ['RolledBack', 'Updated'] },
  }),
  whileWorkerIsDead('rollback', 'rollback-while-worker-dead', { expect: ['TakenBack'] }),
  whileApiIsAway('cancel', 'cancel-while-api-away', 'Verifying'),
  whileApiIsAway('cancel', 'cancel-in-stage-api-away', 'Staging'),
  whileCut('stop', 'stop-in-cut', 'Applying', { expect: ['Updated', 'RolledBack'] }),
  whileCut('cancel', 'cancel-in-cut', 'Applying', { expect: ['RolledBack'] }),
  whileCut('rollback', 'rollback-in-cut', 'Verifying', { expect: ['TakenBack', 'RolledBack'] }),
  cancelledBeyondDeadlines,
  ended('node', 'terminate-node-in-apply', 'Applying', { expect: ['NeedsAttention'] }),
  ended('rollout', 'terminate-rollout-in-apply', 'Applying', {
    ...{ again: true, expect: ['Updated', 'AlreadyDone'] },
  }),
  ended('all', 'terminate-all-in-stage', 'Staging', {
    again: true,
    expect: ['Updated', 'AlreadyDone'],
  }),
  ended('all', 'terminate-all-in-apply', 'Applying', {
    again: true,
    expect: ['Updated', 'AlreadyDone'],
  }),
  ended('all', 'terminate-all-in-verify', 'Verifying', {
    again: true,
    expect: ['Updated', 'AlreadyDone'],
  }),
];
