/** State of one node's run: its phase, what people see of it, and what becomes its outcome. */
import {
  defineQuery,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { actedOnBy, keyword, ofRollout, waitsFor } from './attributes.ts';
import {
  type NodeInput,
  type NodeOutcome,
  type NodeOutcomeKind,
  type NodePhase,
  type NodeStatus,
  SEARCH_ATTRIBUTES,
  type StepReport,
  type VerifyResult,
} from './contract.ts';
import type { Baseline } from './domain/baseline.ts';
import { nodeDetails } from './domain/details.ts';
import { counted } from './metrics.ts';

/** Outcomes of 200 nodes travel in one payload: what each lists has an end. By default a kubelet runs 110 pods. */
const LISTED_PODS = 110;
const LISTED_NOTES = 20;
const LONGEST_TEXT = 1000;

const CLUSTER = keyword(SEARCH_ATTRIBUTES.cluster);
const NODE = keyword(SEARCH_ATTRIBUTES.node);

/** Facts that steps add to the outcome as they learn them. */
export interface Learned {
  containersBefore: number;
  evicted: readonly string[];
  jobPodsLost: readonly string[];
  proof?: VerifyResult;
  alreadyFailing?: Baseline['alreadyFailing'];
  readonly notes: string[];
}

export class NodeRun {
  readonly learned: Learned = { containersBefore: 0, evicted: [], jobPodsLost: [], notes: [] };
  private phase: NodePhase = 'Pending';
  private detail = '';
  private asks = '';
  private since = Date.now();
  private readonly startedAt = Date.now();
  /** Time in which the node waited for others, which says nothing of how long its turn takes. */
  private waitedMs = 0;
  private waitsSince: number | undefined;
  private readonly phasesMs: Partial<Record<NodePhase, number>> = {};
  private readonly input: NodeInput;

  constructor(input: NodeInput) {
    this.input = input;
    const { cluster, node } = input.target;
    setHandler(
      defineQuery<NodeStatus>('status'),
      () => ({
        cluster,
        node,
        phase: this.phase,
        detail: this.detail,
        sinceMs: Date.now() - this.since,
        ...(this.asks === '' ? {} : { asks: this.asks }),
      }),
      { description: 'Phase of this node and since when' },
    );
    upsertSearchAttributes([
      ofRollout(input.rollout),
      { key: CLUSTER, value: cluster },
      { key: NODE, value: node },
    ]);
  }

  /** Runs one step of the saga under its phase, and keeps what it met on the way. */
  async step<T>(phase: NodePhase, work: () => Promise<T>): Promise<T> {
    this.enter(phase);
    const result = await work();
    this.note(result);
    return result;
  }

  /** How long the node is in work already, other than waiting for people, Jobs' schedules or tools. */
  elapsedMs(): number {
    return Date.now() - this.startedAt - this.waitedMs;
  }

  /** Keeps the notes of a step's report, if it has any. */
  note(report: unknown): void {
    const { notes } = this.learned;
    for (const note of (report as StepReport | undefined)?.notes ?? []) {
      if (!notes.includes(note)) notes.push(note);
    }
  }

  /** Shows that the node waits for a person; an empty question takes that back. */
  ask(question: string): void {
    this.asks = question;
    this.detail = question;
    this.waits(question !== '');
    upsertSearchAttributes([waitsFor(question), actedOnBy(question === '' ? undefined : [])]);
    this.show();
  }

  /** Shows why the node waits in its phase. */
  wait(reason: string): void {
    this.detail = reason;
    this.waits(reason !== '');
    this.show();
  }

  private waits(begins: boolean): void {
    const now = Date.now();
    this.waitedMs += now - (this.waitsSince ?? now);
    this.waitsSince = begins ? now : undefined;
  }

  /** Enters a phase and shows it to whoever looks. */
  enter(phase: NodePhase, detail = ''): void {
    const now = Date.now();
    const [ended, tookMs] = [this.phase, now - this.since];
    this.phasesMs[ended] = (this.phasesMs[ended] ?? 0) + tookMs;
    if (ended !== 'Pending') counted((metrics) => metrics.stepEnded(ended, tookMs / 1000));
    this.phase = phase;
    this.detail = detail;
    this.since = now;
    this.show();
  }

  private show(): void {
    const { input, learned, phase, detail, asks } = this;
    const { cluster, node } = input.target;
    const since = new Date(this.since).toISOString();
    const status = { cluster, node, phase, detail, since, ...(asks === '' ? {} : { asks }) };
    setCurrentDetails(nodeDetails(status, input, learned));
  }

  /** Ends the run with the given outcome. */
  finish(outcome: NodeOutcomeKind, given: readonly string[]): NodeOutcome {
    const { target } = this.input;
    const { proof, evicted, jobPodsLost, alreadyFailing = {} } = this.learned;
    const reasons = given.map(shortened);
    this.enter(outcome, reasons.join('; '));
    const gone = { podsEvicted: evicted.length, jobPodsLost: jobPodsLost.length };
    const { direction } = this.input;
    counted((to) => to.nodeEnded({ cluster: target.cluster, outcome, direction, ...gone }));
    const notes = [
      ...this.learned.notes.slice(0, LISTED_NOTES).map(shortened),
      ...andMore(this.learned.notes, LISTED_NOTES, 'notes'),
      ...andMore(evicted, LISTED_PODS, 'evicted pods'),
      ...andMore(jobPodsLost, LISTED_PODS, 'lost Job pods'),
    ];
    const before = new Map(target.packages.map((entry) => [entry.name, entry.from.version]));
    return {
      cluster: target.cluster,
      node: target.node,
      outcome,
      reasons,
      packages: (proof?.packages ?? unproven(this.input, outcome)).map((entry) => ({
        ...entry,
        before: before.get(entry.name) ?? entry.before,
      })),
      durationMs: Date.now() - this.startedAt,
      ...(this.waitedMs > 0 ? { waitedMs: this.waitedMs } : {}),
      phasesMs: this.phasesMs,
      containersBefore: this.learned.containersBefore,
      containersSurvived: proof?.containersSurvived ?? 0,
      podsEvicted: evicted.slice(0, LISTED_PODS),
      jobPodsLost: jobPodsLost.slice(0, LISTED_PODS),
      ...(proof?.probeMs === undefined ? {} : { probeMs: proof.probeMs }),
      ...(notes.length === 0 ? {} : { notes }),
      ...(Object.keys(alreadyFailing).length === 0 ? {} : { alreadyFailing }),
    };
  }
}

function andMore(list: readonly string[], limit: number, what: string): string[] {
  return list.length > limit ? [`and ${list.length - limit} more ${what}`] : [];
}

function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** Versions of a node that was left alone; where nothing was proved the version is "unknown". */
function unproven(input: NodeInput, outcome: NodeOutcomeKind): NodeOutcome['packages'] {
  return input.target.packages.map((entry) => {
    const after = outcome === 'AlreadyDone' ? entry.to.version : 'unknown';
    return { name: entry.name, before: entry.from.version, after };
  });
}
