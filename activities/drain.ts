/** The activity that empties a node: Jobs end by themselves first, then evictions that respect budgets. */
import type { DrainResult, NodeActivities } from '../workflows/contract.ts';
import { impactOf, ownerOf, type PodFacts } from '../workflows/domain/eviction.ts';
import type { PodImpact } from '../workflows/domain/inventory.ts';
import type { KubeAdapter, V1Pod } from './adapters/kube-adapter.ts';
import { withHeartbeats } from './context.ts';
import type { ActivityDeps } from './deps.ts';
import { describeBlockers } from './drain-blockers.ts';
import { fail, failureType, messageOf } from './failure.ts';
import { podFacts } from './pod-facts.ts';

type DrainInput = Parameters<NodeActivities['drain']>[0];

/** Between two looks at the node. */
const POLL_MS = 500;
/** Between two evictions of the same pod: budgets change in seconds, the API server is not to be hammered. */
const RETRY_MS = 1500;
const FAILED_RETRY_MS = 5000;

/** What the last heartbeat holds, so that a later attempt goes on from there. */
interface Progress {
  readonly phase: 'WaitingForJobs' | 'Evicting';
  readonly startedAtMs: number;
  /** When no Job was waited for any more; absent before. */
  readonly evictingSinceMs?: number;
  readonly remaining: number;
  readonly evicted: readonly string[];
  readonly jobPodsEvicted: readonly string[];
}

/** Returns the activity `drain`. */
export function drainActivities(deps: ActivityDeps): Pick<NodeActivities, 'drain'> {
  return {
    /**
     * *Effect*: no pod is left on the node but those of DaemonSets, static and finished ones.
     * *Idempotent because*: it looks at what is there; evictions are bound to a pod's uid.
     * *Heartbeats*: progress every 2 s; a later attempt keeps the start and the evicted pods.
     * *Fails with*: JobsRunning, DrainBlocked with every blocker; Kubernetes….
     */
    async drain(input): Promise<DrainResult> {
      const drain = new Drain(deps, input);
      return await withHeartbeats(
        deps.context(),
        () => drain.progress(),
        () => drain.run(),
      );
    },
  };
}

/** A pod that has to go, and what was tried so far. */
interface Leaving {
  readonly pod: PodFacts;
  readonly uid: string;
  readonly effect: PodImpact['effect'];
  readonly reason?: string;
}

class Drain {
  private readonly deps: ActivityDeps;
  private readonly input: DrainInput;
  private readonly kube: KubeAdapter;
  private readonly startedAtMs: number;
  private evictingSinceMs: number | undefined;
  private readonly evicted: Set<string>;
  private readonly jobPodsEvicted: Set<string>;
  /** By uid: what the last try said, and when the next one is due. */
  private readonly tries = new Map<string, { readonly dueMs: number; readonly said: string }>();
  private readonly accepted = new Set<string>();
  private phase: Progress['phase'] = 'WaitingForJobs';
  private remaining = 0;

  constructor(deps: ActivityDeps, input: DrainInput) {
    this.deps = deps;
    this.input = input;
    this.kube = deps.kube(input.access);
    const previous = deps.context().previous as Partial<Progress> | undefined;
    this.startedAtMs = previous?.startedAtMs ?? deps.clock.now();
    this.evictingSinceMs = previous?.evictingSinceMs;
    this.evicted = new Set(previous?.evicted ?? []);
    this.jobPodsEvicted = new Set(previous?.jobPodsEvicted ?? []);
  }

  progress(): Progress {
    const { phase, startedAtMs, evictingSinceMs, remaining } = this;
    return {
      ...{ phase, startedAtMs, remaining },
      ...(evictingSinceMs === undefined ? {} : { evictingSinceMs }),
      evicted: [...this.evicted],
      jobPodsEvicted: [...this.jobPodsEvicted],
    };
  }

  async run(): Promise<DrainResult> {
    const { deps } = this;
    for (;;) {
      const leaving = await this.look();
      if (leaving?.length === 0) break;
      if (leaving) await this.evictDue(leaving);
      if (this.timeIsUp()) await this.giveUp(leaving ?? []);
      await deps.clock.sleep(POLL_MS, deps.context().signal);
    }
    return { evicted: [...this.evicted], jobPodsEvicted: [...this.jobPodsEvicted] };
  }

  /** Pods arrive late and go by themselves: the list is taken anew each time. Undefined: ask again. */
  private async look(): Promise<readonly Leaving[] | undefined> {
    let pods: readonly V1Pod[];
    try {
      pods = await this.kube.podsOn(this.input.node);
    } catch (error) {
      if (failureType(error) !== 'KubernetesUnreachable') throw error;
      this.deps.log.warn({ node: this.input.node, error: messageOf(error) }, 'drain cannot look');
      return undefined;
    }
    const facts = pods.map((pod) => podFacts(pod));
    const impacts = impactOf(facts, { disruption: 'Drain', jobs: this.jobRule() });
    const leaving = pods.flatMap((pod, index): Leaving[] => {
      const [impact, fact] = [impacts[index], facts[index]];
      if (!impact || !fact || impact.effect === 'Stays') return [];
      const { effect, reason } = impact;
      return [{ pod: fact, uid: pod.metadata?.uid ?? '', effect, ...(reason && { reason }) }];
    });
    this.remaining = leaving.length;
    return leaving;
  }

  /** Services are evicted only once no Job is waited for: if Jobs block, nothing was disturbed. */
  private async evictDue(leaving: readonly Leaving[]): Promise<void> {
    if (leaving.some((entry) => entry.effect === 'WaitedFor')) return;
    const now = this.deps.clock.now();
    this.phase = 'Evicting';
    this.evictingSinceMs ??= now;
    const due = leaving.filter(
      ({ pod, uid, effect }) =>
        effect === 'Evicted' && !pod.terminating && (this.tries.get(uid)?.dueMs ?? 0) <= now,
    );
    for (const entry of due) await this.evict(entry);
  }

  private async evict({ pod, uid }: Leaving): Promise<void> {
    const { namespace, name } = pod;
    const answer = await this.kube.evict({ namespace, name, uid });
    const now = this.deps.clock.now();
    switch (answer.kind) {
      case 'Accepted': {
        this.accepted.add(uid);
        this.evicted.add(`${namespace}/${name}`);
        if (pod.owner?.kind === 'Job') this.jobPodsEvicted.add(`${namespace}/${name}`);
        this.tries.set(uid, { dueMs: now + FAILED_RETRY_MS, said: 'is terminating' });
        return;
      }
      case 'Gone':
        return;
      case 'BudgetRefused':
      case 'TryLater':
        this.tries.set(uid, { dueMs: now + RETRY_MS, said: answer.message });
        return;
      case 'Failed':
        this.tries.set(uid, { dueMs: now + FAILED_RETRY_MS, said: answer.message });
        return;
    }
  }

  /** Jobs that have outlasted their time are evicted like any other pod where the policy says so. */
  private jobRule(): 'Wait' | 'Evict' {
    const { jobs, jobsAtTimeout } = this.input.policy;
    const late = this.deps.clock.now() >= this.jobDeadlineMs();
    return late && jobsAtTimeout === 'Evict' ? 'Evict' : jobs;
  }

  private jobDeadlineMs(): number {
    const { timeoutSeconds, jobTimeoutSeconds } = this.input.policy;
    return this.startedAtMs + (jobTimeoutSeconds ?? timeoutSeconds) * 1000;
  }

  private timeIsUp(): boolean {
    const evictionMs = this.input.policy.timeoutSeconds * 1000;
    const begun = this.evictingSinceMs;
    if (begun !== undefined) return this.deps.clock.now() >= begun + evictionMs;
    const patienceMs = this.jobRule() === 'Wait' ? 0 : evictionMs;
    return this.deps.clock.now() >= this.jobDeadlineMs() + patienceMs;
  }

  private async giveUp(leaving: readonly Leaving[]): Promise<never> {
    const jobs = leaving.filter((entry) => entry.effect === 'WaitedFor').map(({ pod }) => pod);
    if (jobs.length === 0 || this.input.policy.jobsAtTimeout !== 'Later') {
      return await this.blocked(leaving);
    }
    const names = jobs.map((pod) => `${pod.namespace}/${pod.name} (owner ${ownerOf(pod)})`);
    return fail(
      'JobsRunning',
      `${this.input.node} still runs ${names.join(', ')}; nothing was evicted, the node is left for later`,
    );
  }

  private async blocked(leaving: readonly Leaving[]): Promise<never> {
    const { node } = this.input;
    const blockers = await describeBlockers(
      this.kube,
      leaving.map(({ pod, uid, effect, reason }) => ({
        pod,
        said:
          effect === 'WaitedFor'
            ? 'is a running Job (policy: Wait)'
            : pod.terminating || this.accepted.has(uid)
              ? 'was evicted but has not terminated'
              : (this.tries.get(uid)?.said ??
                reason ??
                'was not evicted yet: Jobs were waited for'),
      })),
    );
    const seconds = Math.round((this.deps.clock.now() - this.startedAtMs) / 1000);
    const list = blockers.length > 0 ? blockers.join('; ') : 'the API server did not answer';
    return fail(
      'DrainBlocked',
      `${node} is not drained after ${seconds} s; ${this.evicted.size} pod(s) were evicted. Blocked by: ${list}`,
      leaving.map(({ pod }) => ({ pod: `${pod.namespace}/${pod.name}`, owner: ownerOf(pod) })),
    );
  }
}
