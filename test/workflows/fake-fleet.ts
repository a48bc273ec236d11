/**
 * A fake fleet: what the activities would do to real nodes, done to plain objects. It stands in
 * for hosts so that every step can be failed, repeated and cancelled at will.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type {
  Hold,
  JobChoice,
  NodeOutcome,
  NodeRef,
  PlanningActivities,
  TidegateActivities,
  VerifyResult,
  VoteCheck,
  VoteProof,
  WindowLook,
  WindowQuestion,
} from '../../workflows/contract.ts';
import type { Baseline } from '../../workflows/domain/baseline.ts';
import type { ContainerFacts, NodeFacts } from '../../workflows/domain/inventory.ts';
import type { Plan, PlannedPackage, PlanResult } from '../../workflows/domain/plan-types.ts';
import type { Rollout } from '../../workflows/domain/spec.ts';
import { FakeAlerts } from './fake-alerts.ts';
import { FakeMeasures } from './fake-measures.ts';
import { FakeRecords } from './fake-records.ts';
import { FakeValidation } from './fake-validation.ts';

export interface FakeNode {
  version: string;
  cordoned: boolean;
  lease: string | undefined;
  staged: boolean;
  attention: string | undefined;
  drained: boolean;
  installs: number;
  bootId: string;
}

export type StepName = Exclude<keyof TidegateActivities, keyof PlanningActivities>;

/** A look at what holds nodes back: at which, and whether recovery counts. */
interface FakeLook {
  readonly nodes: readonly string[];
  readonly recovery: 'Wait' | 'Ignore';
  readonly unhealthyBefore?: readonly string[];
}

/** What goes wrong in a step: before or after its effect, once or always. */
export interface Fault {
  readonly step: StepName;
  readonly node?: string;
  readonly when: 'Before' | 'After';
  readonly times: number;
  readonly type: string;
  readonly retryable: boolean;
  readonly details?: readonly unknown[];
}

export const FROM = '1.6.20~ds1-1+deb12u2';
export const TO = '1.6.20~ds1-1+deb12u3';

export class FakeFleet {
  readonly nodes = new Map<string, FakeNode>();
  /** What the rollouts have handed to the ledger. */
  readonly records = new FakeRecords();
  /** What nodes say of themselves where a policy wants that measured. */
  readonly measures = new FakeMeasures();
  /** Whose alerts are silenced. */
  readonly alerts = new FakeAlerts();
  readonly validation = new FakeValidation();
  /** Every call as "step node", in order. */
  readonly calls: string[] = [];
  /** Largest number of cordoned nodes seen at once. */
  maxCordoned = 0;
  clusterLease: string | undefined;
  /** What becomes of a signed vote; by default whoever signs is believed. */
  checkVote: (vote: {
    readonly by: string;
    readonly statement: string;
    readonly proof: VoteProof;
  }) => VoteCheck = ({ by, proof }) => ({ kind: 'Attested', signedBy: proof.signer ?? by });
  /** Whether nodes may start now, by the calendar. */
  window: (question: WindowQuestion) => WindowLook | Promise<WindowLook> = () => ({ kind: 'Open' });
  /** Clusters whose Lease can't be given back now, asked at each try. */
  leaseStuck: (cluster: string) => boolean = () => false;
  /** What an inventory finds. */
  found: readonly NodeFacts[] = [];
  /** By name: the rollouts in the worker's folder. */
  readonly standing = new Map<string, Rollout>();
  planned: PlanResult | undefined;
  /** How often a plan was made. */
  plans = 0;
  rollbackPlan: ((plan: Plan, nodes: readonly string[]) => Plan) | undefined;
  planFailure: ApplicationFailure | undefined;
  /** Makes the plan of each request, where there is more than one. */
  planFor: ((request: unknown) => PlanResult) | undefined;
  sick: string[] = [];
  /** Nodes that others have made unavailable. */
  outOfOrder: string[] = [];
  /** Whether the last look was told to ignore unhealthy workloads. */
  recoveryIgnored = false;
  /** What was asked at each look. */
  readonly looks: FakeLook[] = [];
  unhealthy: readonly string[] = [];
  /** What holds nodes back, asked at each look. */
  holdsNow: () => readonly Hold[] = () => [];
  /** Units of other runs that the host still runs, asked at each inspection. */
  transactionsNow: () => readonly string[] = () => [];
  readonly jobChoices: (JobChoice | undefined)[] = [];
  /** What does not pass before anything is done; nothing by default. */
  baselineNow: Baseline = { alreadyFailing: {}, unwellPods: [] };
  /** Nodes that were asked, beside their staging and so not among the calls. */
  readonly baselines: string[] = [];
  baselinesWithProbe = 0;
  /** By node: what the last look after a soak was told to take for known. */
  knownSick: Readonly<Record<string, Baseline['alreadyFailing']>> = {};
  private readonly baselinesTold = new Set<string>();
  readonly probesCleared: string[] = [];
  /** Called in the middle of a look at nodes after their soak. */
  duringHealth: (() => Promise<void>) | undefined;
  /** Called in the middle of a baseline. */
  duringBaseline: ((context: Context) => Promise<void>) | undefined;
  /** What each verification was told of the time before. */
  readonly verifiedWith: (Baseline | undefined)[] = [];
  /** Versions whose daemon does not come up: verification of them fails. */
  readonly broken = new Set<string>();
  private faults: (Fault & { left: number })[] = [];
  private onStep: ((step: StepName, node: string) => Promise<void>) | undefined;

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.nodes.set(name, {
        version: FROM,
        cordoned: false,
        lease: undefined,
        staged: false,
        attention: undefined,
        drained: false,
        installs: 0,
        bootId: 'boot',
      });
    }
  }

  inject(fault: Fault): void {
    this.faults.push({ ...fault, left: fault.times });
  }

  /** Calls `hook` in the middle of every step. */
  during(hook: (step: StepName, node: string) => Promise<void>): void {
    this.onStep = hook;
  }

  node(name: string): FakeNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no fake node ${name}`);
    return node;
  }

  count(step: StepName, node?: string): number {
    return this.calls.filter((call) => call.startsWith(`${step} ${node ?? ''}`)).length;
  }

  activities(): TidegateActivities {
    return {
      ...this.validation.activities(),
      plan: async ({ request }) => {
        this.plans += 1;
        if (this.planFailure) throw this.planFailure;
        if (this.planFor) return this.planFor(request);
        if (!this.planned) throw new Error('no plan was prepared');
        return this.planned;
      },
      planRollback: async ({ plan, nodes }) => {
        if (!this.rollbackPlan) throw new Error('no rollback plan was prepared');
        return this.rollbackPlan(plan, nodes);
      },
      inventory: async () => ({ fleet: 'fake', nodes: this.found }),
      standingRollout: async ({ rollout }) => {
        const document = this.standing.get(String(rollout)) ?? rollout;
        if (typeof document === 'string') {
          throw ApplicationFailure.nonRetryable(`no Rollout "${document}"`, 'UnknownDocument');
        }
        return document as Rollout;
      },
      announceWindows: async ({ policy, channels = [] }) => ({
        lines: [`Next windows of policy ${policy}`],
        channels,
      }),
      inspect: (input) =>
        this.step('inspect', input, (node) => ({
          host: hostFacts(node.version, node.bootId),
          uid: `uid-${input.node}`,
          address: input.address,
          ready: true,
          unschedulable: node.cordoned,
          containers: CONTAINERS,
          runningTransactions: this.transactionsNow(),
          ...(node.lease ? { lease: { ...LEASE, holder: node.lease } } : {}),
        })),
      lease: (input) =>
        this.step('lease', input, (node) => {
          refuseOthers(node, input.holder);
          const cordonedBefore = node.lease === undefined ? node.cordoned : false;
          node.lease = input.holder;
          return { cordonedBefore };
        }),
      release: (input) =>
        this.step('release', input, (node) => {
          if (node.lease === input.holder) node.lease = undefined;
        }),
      stage: (input) =>
        this.step('stage', input, (node) => {
          node.staged = true;
          return {};
        }),
      baseline: async (input) => {
        this.baselines.push(input.node);
        if (input.verification.probeImage) this.baselinesWithProbe += 1;
        await this.duringBaseline?.(Context.current());
        this.break('baseline', input.node, 'Before');
        this.baselinesTold.add(input.node);
        return this.baselineNow;
      },
      clearProbe: async (input) => {
        this.probesCleared.push(input.node);
      },
      unstage: (input) =>
        this.step('unstage', input, (node) => {
          node.staged = false;
        }),
      cordon: (input) =>
        this.step('cordon', input, (node) => {
          node.cordoned = true;
          const cordoned = [...this.nodes.values()].filter((entry) => entry.cordoned).length;
          this.maxCordoned = Math.max(this.maxCordoned, cordoned);
        }),
      uncordon: (input) =>
        this.step('uncordon', input, (node) => {
          refuseOthers(node, input.holder);
          node.cordoned = input.cordonedBefore;
        }),
      drain: (input) => {
        this.jobChoices.push(input.jobChoice);
        return this.step('drain', input, (node) => {
          node.drained = true;
          return { evicted: ['shop/web-1'], jobPodsEvicted: [] };
        });
      },
      apply: (input) =>
        this.step('apply', input, (node) => {
          if (node.version !== to(input.packages)) node.installs += 1;
          node.version = to(input.packages);
          return {};
        }),
      reboot: (input) =>
        this.step('reboot', input, (node) => {
          if (node.bootId === input.bootId) node.bootId = `${node.bootId}+`;
          return { bootId: node.bootId };
        }),
      revert: (input) =>
        this.step('revert', input, (node) => {
          node.version = from(input.packages);
        }),
      verify: (input) =>
        this.step('verify', input, (node): VerifyResult => {
          this.verifiedWith.push(input.baseline);
          const wanted = input.expect === 'To' ? to(input.packages) : from(input.packages);
          if (node.version !== wanted || this.broken.has(node.version)) {
            const message = `${input.node} runs ${node.version}`;
            throw ApplicationFailure.nonRetryable(message, 'VerificationFailed');
          }
          const survived = input.containersBefore.length;
          return {
            packages: packagesOf(node.version),
            containersSurvived: survived,
            containersLost: [],
            ...notesOf(input.baseline),
          };
        }),
      quarantine: (input) =>
        this.step('quarantine', input, (node) => {
          node.cordoned = true;
          node.attention = input.reason;
          node.lease = undefined;
        }),
      acquireClusterLease: async ({ holder }) => {
        if (this.clusterLease !== undefined && this.clusterLease !== holder) {
          throw ApplicationFailure.nonRetryable(`held by ${this.clusterLease}`, 'LeaseHeld');
        }
        this.clusterLease = holder;
      },
      releaseClusterLease: async ({ access: { cluster }, holder }) => {
        if (this.leaseStuck(cluster)) {
          throw ApplicationFailure.nonRetryable(`no right to ${cluster}`, 'KubernetesForbidden');
        }
        if (this.clusterLease === holder) this.clusterLease = undefined;
      },
      sealGate: async (input) => ({
        digest: `sha256:${createHash('sha256').update(JSON.stringify(input)).digest('hex')}`,
      }),
      verifyVote: async ({ by, statement, proof }) => this.checkVote({ by, statement, proof }),
      lookAtWindow: async (question) => await this.window(question),
      unavailableNodes: async () => this.unavailable(),
      lookBeforeStart: async (input) => {
        const { waiting, policy, unhealthyBefore } = input;
        const { recovery } = policy.holds;
        const nodes = waiting.map(({ node }) => node);
        const known = unhealthyBefore ? { unhealthyBefore } : {};
        this.looks.push({ nodes, recovery, ...known });
        return {
          unavailable: this.unavailable(),
          holds: this.holdsFor(recovery),
          unhealthy: this.unhealthy,
        };
      },
      checkHealth: async ({ alreadyFailing = {} }) => {
        this.knownSick = alreadyFailing;
        await this.duringHealth?.();
        return this.sick;
      },
      ...this.measures.activities((name) => this.nodes.get(name)?.version === TO),
      ...this.alerts.activities(),
      ...this.records.activities(),
    };
  }

  private unavailable(): string[] {
    const cordoned = [...this.nodes].filter(([, node]) => node.cordoned).map(([name]) => name);
    return [...cordoned, ...this.outOfOrder];
  }

  private holdsFor(recovery: 'Wait' | 'Ignore'): readonly Hold[] {
    this.recoveryIgnored = recovery === 'Ignore';
    return this.holdsNow();
  }

  private async step<T>(step: StepName, ref: NodeRef, effect: (node: FakeNode) => T): Promise<T> {
    this.calls.push(`${step} ${ref.node}`);
    if (step === 'stage') await this.untilBaselineTold(ref.node);
    this.break(step, ref.node, 'Before');
    const result = effect(this.node(ref.node));
    await this.onStep?.(step, ref.node);
    this.break(step, ref.node, 'After');
    return result;
  }

  /**
   * The test server loses a run in which an activity is cancelled in the very moment in which it ends:
   * what goes wrong in the middle of staging goes wrong when the baseline beside it has been told.
   */
  private async untilBaselineTold(node: string): Promise<void> {
    const calm = !this.onStep && !this.faults.some(({ step }) => step === 'stage');
    if (calm || this.duringBaseline) return;
    for (let i = 0; i < 20 && !this.baselinesTold.has(node); i++) await delay(10);
    await delay(30);
  }

  private break(step: StepName, node: string, when: Fault['when']): void {
    const fault = this.faults.find(
      (entry) =>
        entry.step === step &&
        entry.when === when &&
        entry.left > 0 &&
        (entry.node === undefined || entry.node === node),
    );
    if (!fault) return;
    fault.left -= 1;
    throw ApplicationFailure.create({
      type: fault.type,
      message: `injected into ${step} of ${node}`,
      nonRetryable: !fault.retryable,
      ...(fault.details ? { details: [...fault.details] } : {}),
    });
  }
}

const LEASE = { since: '2026-11-24T22:00:00Z', for: 'earlier (Forward)', cordonedBefore: false };

const CONTAINERS: readonly ContainerFacts[] = ['a', 'b'].map((id) => ({
  id,
  pod: `web-${id}`,
  namespace: 'shop',
  name: 'web',
  startedAt: '2026-01-01T00:00:00Z',
}));

function refuseOthers({ lease }: FakeNode, holder: string): void {
  if (lease === undefined || lease === holder) return;
  throw ApplicationFailure.nonRetryable(`held by ${lease}`, 'LeaseHeld');
}

function notesOf(baseline: Baseline | undefined): { notes?: readonly string[] } {
  const sick = baseline?.alreadyFailing.DaemonSets ?? [];
  return sick.length > 0 ? { notes: sick.map((name) => `was not Ready before: ${name}`) } : {};
}

function hostFacts(version: string, bootId: string) {
  return {
    os: 'debian-12',
    osPrettyName: 'Debian GNU/Linux 12 (bookworm)',
    architecture: 'amd64',
    kernel: '6.1.0',
    bootId,
    cgroupVersion: 2 as const,
    packages: [{ name: 'containerd', version, status: 'install ok installed', held: false }],
    daemons: { containerd: version },
    dpkgInterrupted: false,
    diskFreeBytes: 10 ** 10,
  };
}

function packagesOf(version: string): NodeOutcome['packages'] {
  return [{ name: 'containerd', before: version, after: version, daemon: version }];
}

const to = (packages: readonly PlannedPackage[]) => packages[0]?.to.version ?? '';
const from = (packages: readonly PlannedPackage[]) => packages[0]?.from.version ?? '';
