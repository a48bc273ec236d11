/** Writes entries as a rollout does, for tests of reports: typed by the contract, chained as the ledger chains. */
import { createHash } from 'node:crypto';
import { chained, GENESIS, type StoredEntry } from '../../ledger/chain.ts';
import type {
  LedgerBodies,
  LedgerEntry,
  LedgerKind,
  NodeOutcome,
  PlannedBody,
} from '../../workflows/contract.ts';
import type {
  IndicatorVerdict,
  Reading,
  RecordedJudgement,
} from '../../workflows/domain/analysis-types.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';

export const CLUSTER = 'east';
export const CVE = 'CVE-2025-64329';
export const RULES = {
  quorum: 1,
  roles: ['sre'],
  requesterMayApprove: false,
  identity: 'Attested',
  expirySeconds: 86_400,
} as const;

/** Returns the digest of a name, in the place of whatever bears it. */
export function digestOf(name: string): string {
  return `sha256:${createHash('sha256').update(name).digest('hex')}`;
}

/** Returns numbers between 0 and 1 that look like chance and are the same in every run. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface About {
  readonly subject?: string;
  readonly actor?: string;
}

/** The diary of one run: a clock that only goes on, and what was noted meanwhile. */
export class Diary {
  readonly rollout: string;
  readonly run: string;
  readonly entries: LedgerEntry[] = [];
  private nowMs: number;
  private noted = 0;
  private readonly chance: () => number;

  constructor(args: { rollout: string; run: string; from: string; seed?: number }) {
    this.rollout = args.rollout;
    this.run = args.run;
    this.nowMs = Date.parse(args.from);
    this.chance = dice(args.seed ?? 7);
  }

  get now(): string {
    return new Date(this.nowMs).toISOString();
  }

  /** Lets seconds go by. */
  wait(seconds: number): this {
    this.nowMs += seconds * 1000;
    return this;
  }

  /** Notes what the rollout itself does. */
  note<K extends LedgerKind>(kind: K, body: LedgerBodies[K], about: About = {}): this {
    this.noted += 1;
    this.push({ id: `rollout/${this.rollout}/${this.run}/${this.noted}`, kind, body, ...about });
    return this;
  }

  /** Notes an attempt of a step on a node, which takes the given time. */
  step(node: string, activity: string, change: Partial<LedgerBodies['Step']> = {}): this {
    const durationMs = change.durationMs ?? 700;
    this.nowMs += durationMs;
    const workflowId = `node/${CLUSTER}/${node}`;
    const body: LedgerBodies['Step'] = {
      ...{ activity, workflowId, attempt: 1, ended: 'Completed', durationMs },
      worker: '4711@worker-1',
      ...{ commands: [], changes: [] },
      ...change,
    };
    const id = `${workflowId}/${this.run}-${node}/${this.entries.length}/${body.attempt}`;
    this.push({ id, kind: 'Step', subject: `${CLUSTER}/${node}`, body });
    return this;
  }

  /** Notes every step that an update takes, with a command each. */
  update(node: string): this {
    this.step(node, 'inspect', { commands: [command('inspect.sh', 180)], durationMs: 420 });
    this.step(node, 'lease', { changes: [`patch node ${node}: lease`], durationMs: 60 });
    this.step(node, 'stage', { commands: [command('stage.sh containerd', 900)], durationMs: 1300 });
    this.step(node, 'baseline', { durationMs: 640 });
    this.step(node, 'cordon', { changes: [`cordon ${node}`], durationMs: 50 });
    const apply = [command('systemd-run apt-get install', 2400), command('transaction.sh', 90)];
    this.step(node, 'apply', { commands: apply, durationMs: 2900 });
    this.step(node, 'verify', { commands: [command('inspect.sh', 170)], durationMs: 1900 });
    this.step(node, 'uncordon', { changes: [`uncordon ${node}`], durationMs: 60 });
    return this.step(node, 'release', { changes: [`patch node ${node}: lease`], durationMs: 40 });
  }

  /** Measures nodes now, around the usual values; `slower` adds milliseconds to container starts. */
  measure(nodes: readonly string[], slower: (node: string) => number = () => 0): this {
    const reading = (of: (node: string) => number): Reading[] =>
      nodes.map((node) => ({ node, value: Math.round(of(node) * 100) / 100 }));
    return this.note('Measured', {
      ...{ cluster: CLUSTER, at: this.now },
      readings: {
        'container-start': reading((node) => 410 + 60 * this.chance() + slower(node)),
        'daemon-memory': reading(() => 74 + 6 * this.chance()),
        'pod-restarts': reading(() => 3),
        'image-pull': nodes.map((node) =>
          this.chance() > 0.6
            ? { node, noData: 'nothing was pulled' }
            : { node, value: Math.round(820 + 200 * this.chance()) },
        ),
      },
    });
  }

  /** Measures every 30 s, so many times. */
  rounds(count: number, nodes: readonly string[], slower?: (node: string) => number): this {
    for (let round = 0; round < count; round += 1) this.measure(nodes, slower).wait(30);
    return this;
  }

  private push(entry: Omit<LedgerEntry, 'at' | 'rollout'>): void {
    this.entries.push({ ...entry, at: this.now, rollout: this.rollout });
  }
}

/** Returns the entries as a ledger would hold them. */
export function stored(...diaries: readonly Diary[]): readonly StoredEntry[] {
  const entries = diaries.flatMap((diary) => diary.entries);
  return chained(entries, { head: GENESIS, recordedAt: '2026-11-25T06:00:00.000Z' });
}

/** Returns the text of an export: a line for each entry. */
export function exported(entries: readonly object[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

export function command(
  line: string,
  durationMs: number,
  exitCode = 0,
): LedgerBodies['Step']['commands'][number] {
  const outputSha256 = digestOf(line).replace('sha256:', '');
  return { command: line, exitCode, durationMs, outputSha256, outputBytes: 120 + line.length };
}

/** Returns the outcome of a node as its entry has it. */
export function nodeBody(
  node: string,
  wave: string,
  change: Partial<LedgerBodies['Node']> = {},
): LedgerBodies['Node'] {
  const outcome: NodeOutcome = {
    ...{ cluster: CLUSTER, node, outcome: 'Updated', reasons: [] },
    packages: [{ name: 'containerd', before: FROM, after: TO, daemon: TO }],
    durationMs: 7370,
    phasesMs: { Inspecting: 420, Staging: 1940, Cordoning: 50, Applying: 2900, Verifying: 1900 },
    ...{ containersBefore: 9, containersSurvived: 9, podsEvicted: [], jobPodsLost: [] },
    probeMs: 640,
  };
  return { ...outcome, wave, direction: 'Forward', ...change };
}

/** Returns a plan over the given waves. */
export function planBody(
  waves: Readonly<Record<string, readonly string[]>>,
  change: Partial<PlannedBody> = {},
): PlannedBody {
  return {
    digest: digestOf('plan'),
    direction: 'Forward',
    requestedBy: 'platform-oncall',
    reason: 'Debian 12 update of containerd, before the change freeze',
    bundle: {
      ...{ name: 'containerd-deb12u3', digest: digestOf('bundle') },
      reason: 'Debian 12 update of containerd',
      fixes: [CVE],
      expectedChanges: ['CRI Attach no longer leaks goroutines when a client goes away'],
      disruption: 'Restart',
      published: '2026-11-18',
    },
    policy: 'production',
    strategy: { failureBudget: 1, onFailure: 'Rollback' },
    waves: Object.entries(waves).map(([name, nodes]) => ({
      ...{ name, canary: name === 'canary', cluster: CLUSTER, soakSeconds: 300 },
      nodes: nodes.map((node) => `${CLUSTER}/${node}`),
    })),
    ...{ alreadyDone: [], excluded: [], warnings: [], owners: [], validations: [] },
    ...change,
  };
}

/** Returns what was found of container starts. */
export function startVerdict(change: Partial<IndicatorVerdict> = {}): IndicatorVerdict {
  return {
    indicator: 'container-start',
    verdict: 'Pass',
    sentence:
      'container-start is 3 ms slower than on control nodes (441 ms against 438 ms), within the 150 ms that it may be',
    ...{ unit: 'ms', against: 'Control', samples: 10, tolerance: 150 },
    ...{ baseline: 440, patched: 441, control: 438, shift: 3, pValue: 0.42, effect: 0.05 },
    ...change,
  };
}

/** Returns a judgement of a wave. */
export function judgement(
  wave: string,
  at: string,
  change: Partial<RecordedJudgement> & Pick<RecordedJudgement, 'comparison'>,
): RecordedJudgement {
  return {
    ...{ wave, at, extensions: 0, verdict: 'Pass' },
    reason: 'no indicator is worse than it may be',
    method: 'one-sided Wilcoxon rank-sum test',
    soakTo: at,
    indicators: [startVerdict()],
    ...change,
  };
}
