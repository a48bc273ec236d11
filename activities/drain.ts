/** The activity that empties a node: Jobs end by themselves first, then evictions that respect budgets. */
import { CancelledFailure } from '@temporalio/common';
import type { DrainResult, NodeActivities } from '../workflows/contract.ts';
import { ownerOf } from '../workflows/domain/eviction.ts';
import { drainLimitSeconds } from '../workflows/domain/workload-rules.ts';
import type { BoundVolume, KubeAdapter } from './adapters/kube-adapter.ts';
import { byAdmission } from './adapters/kube-errors.ts';
import { withHeartbeats } from './context.ts';
import type { ActivityDeps } from './deps.ts';
import { describeBlockers } from './drain-blockers.ts';
import { DrainLedger, keyOf, named, type Progress } from './drain-ledger.ts';
import { Detaching, type Leaving, type Look, lookAtNode } from './drain-look.ts';
import { Returns } from './drain-returns.ts';
import {
  HOW_TO_ALLOW_FORCE,
  noteOfForce,
  notesOfEviction,
  saidOfTerminating,
  saidOfWait,
} from './drain-words.ts';
import { fail, failureType, messageOf } from './failure.ts';

type DrainInput = Parameters<NodeActivities['drain']>[0];

/** Between two looks at the node. */
const POLL_MS = 500;
/** Between two evictions of the same pod: budgets change in seconds, the API server is not to be hammered. */
const RETRY_MS = 1500;
const FAILED_RETRY_MS = 5000;
/** What a pod that was deleted by force gets beyond its grace period. */
const FORCE_MARGIN_SECONDS = 30;

/** Returns the activity `drain`. */
export function drainActivities(deps: ActivityDeps): Pick<NodeActivities, 'drain'> {
  return {
    /**
     * *Effect*: no pod is left on the node but those of DaemonSets, static and finished ones, and
     * those that the policy leaves there; no volume of a pod that went is attached any more.
     * *Idempotent because*: it looks at what is there; evictions are bound to a pod's uid.
     * *Heartbeats*: progress every 2 s and before each eviction; a later attempt goes on from there.
     * *Fails with*: JobsRunning, JobsUndecided, DrainBlocked with every blocker; Kubernetes….
     * Each of the first three has a list of pods and what was done until then as details; a
     * cancelled drain has the latter.
     */
    async drain(input): Promise<DrainResult> {
      const drain = new Drain(deps, input);
      return await withHeartbeats(
        deps.context(),
        () => drain.progress(),
        () => drain.run().catch((error: unknown) => drain.interrupted(error)),
      );
    },
  };
}

class Drain {
  private readonly deps: ActivityDeps;
  private readonly input: DrainInput;
  private readonly kube: KubeAdapter;
  private readonly ledger: DrainLedger;
  private readonly returns: Returns;
  private readonly detaching: Detaching;
  private readonly volumes = new Map<string, BoundVolume>();
  /** By uid: what the last try said, and when the next one is due. */
  private readonly tries = new Map<string, { readonly dueMs: number; readonly said: string }>();
  private readonly startedAtMs: number;
  private evictingSinceMs: number | undefined;
  private forcingSinceMs: number | undefined;
  private forceUntilMs = 0;
  private mayNotForce = false;
  /** Whether evictions were asked for whose answer is not known. */
  private unsettled = true;
  private phase: Progress['phase'] = 'WaitingForJobs';
  private remaining = 0;

  constructor(deps: ActivityDeps, input: DrainInput) {
    this.deps = deps;
    this.input = input;
    this.kube = deps.kube(input.access);
    const previous = deps.context().previous as Partial<Progress> | undefined;
    this.startedAtMs = previous?.startedAtMs ?? deps.clock.now();
    this.evictingSinceMs = previous?.evictingSinceMs;
    this.forcingSinceMs = previous?.forcingSinceMs;
    this.ledger = new DrainLedger(previous);
    this.returns = new Returns(previous?.returns, previous?.seen);
    this.forceUntilMs = previous?.forceUntilMs ?? 0;
    this.detaching = new Detaching(previous?.volumes);
  }

  progress(): Progress {
    const { phase, startedAtMs, evictingSinceMs, forcingSinceMs, remaining } = this;
    return {
      ...{ phase, startedAtMs, remaining },
      ...(evictingSinceMs === undefined ? {} : { evictingSinceMs }),
      ...(forcingSinceMs === undefined ? {} : { forcingSinceMs, forceUntilMs: this.forceUntilMs }),
      ...this.ledger.progress(),
      volumes: this.detaching.progress(),
      ...this.returns.progress(),
    };
  }

  async run(): Promise<DrainResult> {
    const { deps } = this;
    for (;;) {
      const look = await this.ask(() => this.look());
      const attached = look && (await this.ask(() => this.advance(look)));
      if (look?.leaving.length === 0 && attached?.length === 0)
        return this.ledger.report(look.notes);
      await this.judgeTime(look, attached ?? []);
      await deps.clock.sleep(POLL_MS, deps.context().signal);
    }
  }

  /** Pods that were evicted until a cancellation are told as well. */
  interrupted(error: unknown): never {
    if (!(error instanceof CancelledFailure)) throw error;
    throw new CancelledFailure(error.message, [this.ledger.report()]);
  }

  /** An API server that does not answer is asked again, until the time is up. */
  private async ask<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (failureType(error) !== 'KubernetesUnreachable') throw error;
      this.deps.log.warn({ node: this.input.node, error: messageOf(error) }, 'drain cannot go on');
      this.unsettled = true;
      return undefined;
    }
  }

  private async look(): Promise<Look> {
    const nowMs = this.deps.clock.now();
    const times = { nowMs, waitedSeconds: (nowMs - this.startedAtMs) / 1000 };
    const look = await lookAtNode(this.kube, this.input, this.volumes, times);
    if (this.unsettled) this.ledger.settle(look.pods);
    this.unsettled = false;
    this.returns.see(look.pods);
    this.detaching.see(look.leaving, this.volumes);
    this.remaining = look.leaving.length;
    return look;
  }

  /** Does what is due; once no pod is left, returns what is still attached. */
  private async advance({ leaving, staying }: Look): Promise<readonly string[]> {
    if (leaving.length === 0) {
      this.evictingSinceMs ??= this.deps.clock.now();
      this.phase = 'Detaching';
      return await this.detaching.attached(this.kube, this.input.node, staying, this.volumes);
    }
    const waits = leaving.filter((entry) => entry.effect === 'WaitedFor');
    // Services are evicted only once nobody is waited for: if Jobs block, nothing was disturbed.
    if (waits.length > 0) {
      await this.judgeWaits(waits, leaving);
      return [];
    }
    this.evictingSinceMs ??= this.deps.clock.now();
    this.phase = this.forcingSinceMs === undefined ? 'Evicting' : 'Forcing';
    const turn = Math.min(...leaving.map((entry) => entry.turn));
    await this.evictDue(leaving.filter((entry) => entry.turn === turn));
    return [];
  }

  /** Each eviction is told one look before it is asked for: a worker that dies meanwhile hides none. */
  private async evictDue(current: readonly Leaving[]): Promise<void> {
    const now = this.deps.clock.now();
    const dueBy = (ms: number, { uid }: Leaving) => (this.tries.get(uid)?.dueMs ?? 0) <= ms;
    const able = current.filter((entry) => this.mayEvict(entry));
    const told = able.filter(({ uid }) => this.ledger.isIntended(uid));
    const soon = able.filter((entry) => !told.includes(entry) && dueBy(now + POLL_MS, entry));
    for (const entry of told) await this.evict(entry);
    for (const entry of soon) this.ledger.intend(entry.pod, notesOfEviction(entry, this.input));
    if (soon.length > 0) this.deps.context().heartbeat(this.progress());
  }

  private mayEvict({ pod, effect }: Leaving): boolean {
    if (pod.terminating || this.returns.reason(pod)) return false;
    return effect === 'Evicted' || this.forcingSinceMs !== undefined;
  }

  private async evict(entry: Leaving): Promise<void> {
    const { pod, uid, effect, reason } = entry;
    const { namespace, name } = pod;
    const answer = await this.kube.evict({ namespace, name, uid });
    switch (answer.kind) {
      case 'Accepted':
        return this.accepted(entry, ...(effect === 'Blocks' ? [this.forced(entry, reason)] : []));
      case 'Gone':
        return this.ledger.forget(uid);
      case 'TryLater':
        return this.later(
          uid,
          Math.max(RETRY_MS, (answer.retryAfterSeconds ?? 0) * 1000),
          answer.message,
        );
      case 'BudgetRefused':
      case 'Failed':
        if (this.forcingSinceMs !== undefined) return await this.force(entry, answer.message);
        return this.later(
          uid,
          answer.kind === 'Failed' ? FAILED_RETRY_MS : RETRY_MS,
          answer.message,
        );
    }
  }

  private accepted({ pod, uid }: Leaving, ...notes: readonly string[]): void {
    const now = this.deps.clock.now();
    this.ledger.count(uid, ...notes);
    this.returns.evicted(pod);
    // Whatever accepts an eviction and does not delete the pod is not asked in a hot loop.
    this.tries.set(uid, { dueMs: now + FAILED_RETRY_MS, said: 'was evicted' });
    const ends = now + ((pod.graceSeconds ?? 0) + FORCE_MARGIN_SECONDS) * 1000;
    this.forceUntilMs = Math.max(this.forceUntilMs, ends);
  }

  private later(uid: string, ms: number, said: string): void {
    this.ledger.forget(uid);
    this.tries.set(uid, { dueMs: this.deps.clock.now() + ms, said });
  }

  /** Deletes a pod whose eviction is refused; its grace period is kept. */
  private async force(entry: Leaving, why: string): Promise<void> {
    const { pod, uid } = entry;
    try {
      await this.kube.deletePod(pod.namespace, pod.name, uid);
    } catch (error) {
      if (failureType(error) !== 'KubernetesForbidden') throw error;
      const said = messageOf(error);
      this.mayNotForce ||= !byAdmission(said);
      return this.later(uid, FAILED_RETRY_MS, byAdmission(said) ? said : HOW_TO_ALLOW_FORCE);
    }
    this.accepted(entry, this.forced(entry, why));
  }

  private forced({ pod }: Leaving, why = ''): string {
    return noteOfForce(pod, this.input.policy.timeoutSeconds, why);
  }

  /** Before anything is evicted, each pod that is waited for has a time of its own. */
  private async judgeWaits(waits: readonly Leaving[], leaving: readonly Leaving[]): Promise<void> {
    if (this.evictingSinceMs !== undefined) return;
    const waitedMs = this.deps.clock.now() - this.startedAtMs;
    const over = waits.filter(
      ({ wait }) => wait && wait.atTimeout !== 'Evict' && waitedMs >= wait.seconds * 1000,
    );
    if (over.length > 0) await this.giveUpWaiting(over, leaving);
  }

  private async judgeTime(look: Look | undefined, attached: readonly string[]): Promise<void> {
    const { policy } = this.input;
    const now = this.deps.clock.now();
    const leaving = look?.leaving ?? [];
    if (this.forcingSinceMs !== undefined) {
      this.forceUntilMs ||= now + FORCE_MARGIN_SECONDS * 1000;
      const goesOn = now < this.forceUntilMs && !this.mayNotForce;
      return goesOn ? undefined : await this.blocked(leaving, attached);
    }
    const end =
      this.evictingSinceMs === undefined
        ? this.startedAtMs + drainLimitSeconds(policy) * 1000
        : this.evictingSinceMs + policy.timeoutSeconds * 1000;
    if (now < end) return;
    const waits = leaving.filter((entry) => entry.effect === 'WaitedFor');
    if (waits.length > 0) await this.giveUpWaiting(waits, leaving);
    if (policy.atTimeout !== 'Force' || !look) return await this.blocked(leaving, attached);
    this.forcingSinceMs = now;
    const graces = leaving.map(({ pod }) => pod.graceSeconds ?? 0);
    this.forceUntilMs = now + (Math.max(0, ...graces) + FORCE_MARGIN_SECONDS) * 1000;
  }

  private async giveUpWaiting(
    over: readonly Leaving[],
    leaving: readonly Leaving[],
  ): Promise<never> {
    const says = over.map(({ wait }) => wait?.atTimeout);
    const asks = says.includes('Ask');
    if (says.includes('Fail') || !(asks || says.includes('Later'))) {
      return await this.blocked(leaving, []);
    }
    const { evictions } = this.ledger;
    return fail(
      asks ? 'JobsUndecided' : 'JobsRunning',
      [
        `${this.input.node} still runs ${over.map(({ pod }) => named(pod)).join(', ')} after ${this.seconds()} s`,
        evictions === 0 ? 'nothing was evicted' : `${evictions} pod(s) were evicted`,
        asks
          ? 'a person is asked: wait once more, leave the node for later, or evict them'
          : 'the node is left for later',
      ].join('; '),
      over.map(({ pod }) => ({ pod: keyOf(pod), owner: ownerOf(pod) })),
      this.ledger.report(),
    );
  }

  private async blocked(leaving: readonly Leaving[], attached: readonly string[]): Promise<never> {
    const { node } = this.input;
    const pods = leaving.map((entry) => ({ pod: entry.pod, said: this.said(entry, leaving) }));
    const blockers = [...(await describeBlockers(this.kube, pods)), ...attached];
    const list = blockers.length > 0 ? blockers.join('; ') : 'the API server did not answer';
    return fail(
      'DrainBlocked',
      `${node} is not drained after ${this.seconds()} s; ${this.ledger.evictions} pod(s) were evicted. Blocked by: ${list}`,
      leaving.map(({ pod }) => ({ pod: keyOf(pod), owner: ownerOf(pod) })),
      this.ledger.report(),
    );
  }

  private said(entry: Leaving, leaving: readonly Leaving[]): string {
    const { pod, uid, effect, reason } = entry;
    if (effect === 'WaitedFor') return saidOfWait(entry);
    const evicted = this.ledger.wasEvicted(uid);
    if (pod.terminating || evicted) {
      return saidOfTerminating(pod, evicted, this.deps.clock.now());
    }
    const known = this.returns.reason(pod) ?? this.tries.get(uid)?.said;
    if (known) return known;
    if (effect === 'Blocks' && reason) return reason;
    const waits = leaving.some((other) => other.effect === 'WaitedFor');
    return `was not evicted yet: ${waits ? 'Jobs were waited for' : 'others go first'}`;
  }

  private seconds(): number {
    return Math.round((this.deps.clock.now() - this.startedAtMs) / 1000);
  }
}
