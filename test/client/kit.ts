/** A terminal made of strings, and short ways to make what the client shows. */

import { runProgram } from '../../client/program.ts';
import { type Look, PLAIN } from '../../client/render/look.ts';
import type { RolloutClient } from '../../client/rollout-client.ts';
import type { Terminal } from '../../client/terminal.ts';
import type { RolloutView } from '../../client/view.ts';
import type {
  GateStatus,
  NodeOutcome,
  RolloutOutcome,
  RolloutStatus,
} from '../../workflows/contract.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';

/** The present of tests. */
export const NOW = Date.parse('2026-11-24T22:10:00Z');
/** A terminal without colours. */
export const TTY: Look = { aligned: true, colour: false, width: 100, height: 30 };

/** What a command wrote and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a command is given in a test. */
export interface RunOptions {
  readonly stdin?: string;
  /** By path: what stands in files. */
  readonly files?: Readonly<Record<string, string>>;
  readonly look?: Look;
  readonly client?: RolloutClient;
}

/** Runs one command in this process; without a client it must not try to connect. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const written = { out: '', err: '' };
  const look = options.look ?? PLAIN;
  const terminal: Terminal = {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    look,
    errLook: look,
    readStdin: async () => Buffer.from(options.stdin ?? '', 'latin1'),
    readFile: async (path) => {
      const text = options.files?.[path];
      if (text !== undefined) return Buffer.from(text);
      throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    },
    now: () => NOW,
  };
  const connect = async () => {
    if (!options.client) throw new Error('this command must not connect');
    return options.client;
  };
  const code = await runProgram(argv, { terminal, connect });
  return { code, ...written };
}

/** Returns the outcome of one node. */
export function nodeOutcome(node: string, change: Partial<NodeOutcome> = {}): NodeOutcome {
  return {
    cluster: 'east',
    node,
    outcome: 'Updated',
    reasons: [],
    packages: [{ name: 'containerd', before: FROM, after: TO, daemon: TO }],
    durationMs: 6240,
    phasesMs: {},
    containersBefore: 9,
    containersSurvived: 9,
    podsEvicted: [],
    jobPodsLost: [],
    ...change,
  };
}

/** Returns a rollout's outcome. */
export function outcomeOf(change: Partial<RolloutOutcome> = {}): RolloutOutcome {
  return {
    rollout: 'patch',
    outcome: 'Succeeded',
    reasons: [],
    digest: 'sha256:1',
    nodes: [],
    untouched: [],
    rolledBack: [],
    needsAttention: [],
    startedAt: '2026-11-24T22:00:00Z',
    finishedAt: '2026-11-24T22:01:02Z',
    ...change,
  };
}

/** Returns the status of a rollout in its canary. */
export function statusOf(change: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    rollout: 'patch',
    phase: 'Canary',
    waitingFor: '',
    digest: 'sha256:1',
    requestedBy: 'platform-oncall',
    votes: [],
    refusedVotes: [],
    waves: [
      {
        wave: 'canary',
        state: 'Running',
        workflowId: 'rollout/patch/wave/canary',
        nodes: [{ node: 'east-1', phase: 'Applying' }],
      },
      {
        wave: 'wave-1',
        state: 'Pending',
        workflowId: 'rollout/patch/wave/wave-1',
        nodes: [
          { node: 'east-2', phase: 'Pending' },
          { node: 'east-3', phase: 'Pending' },
        ],
      },
    ],
    next: ['tidegate watch patch', 'tidegate stop patch --as WHO'],
    ...change,
  };
}

/** Returns the first gate of a rollout. */
export function gateOf(change: Partial<GateStatus> = {}): GateStatus {
  return {
    id: 'before-canary',
    digest: `sha256:${'a'.repeat(64)}`,
    evidence: [],
    openedAt: '2026-11-24T22:00:00Z',
    expiresAt: '2026-12-01T22:00:00Z',
    rules: {
      quorum: 1,
      roles: [],
      requesterMayApprove: false,
      identity: 'Asserted',
      expirySeconds: 7 * 24 * 3600,
    },
    approvedBy: [],
    run: 'run-1',
    ...change,
  };
}

/** Returns a view of a running rollout. */
export function viewOf(change: Partial<RolloutView> = {}): RolloutView {
  return {
    rollout: 'patch',
    workflowId: 'rollout/patch',
    runId: 'run-1',
    state: 'Running',
    startedAt: '2026-11-24T22:00:00Z',
    since: '2026-11-24T22:09:30Z',
    indexed: { phase: 'Canary', waitingFor: '' },
    live: [],
    status: statusOf(),
    ...change,
  };
}
