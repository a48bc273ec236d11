/** What Pod objects say, as plain facts. */
import type { LocalVolume, PodFacts } from '../workflows/domain/eviction.ts';
import type {
  BoundVolume,
  KubeAdapter,
  V1Pod,
  V1PodDisruptionBudget,
  V1Volume,
} from './adapters/kube-adapter.ts';
import { budgetFacts } from './budget-facts.ts';
import { isProbe } from './checks/probe.ts';
import { mapLimited } from './parallel.ts';
import { selects } from './selector.ts';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const CORDON_TAINT = 'node.kubernetes.io/unschedulable';
const DEFAULT_GRACE_SECONDS = 30;
const PARALLEL_CALLS = 4;

/** Returns whether a pod is Ready, whatever else it is. */
export function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

/** How a container ended, and how often its pod has begun it anew. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly reason?: string | undefined;
  readonly startedAt?: Date | undefined;
  readonly finishedAt?: Date | undefined;
  readonly restartCount?: number | undefined;
}

/** A restart or two may be of the node; a container that lives longer falls, and does not loop. */
const LOOPS_FROM_RESTARTS = 3;
const SHORT_LIFE_MS = 10 * 60_000;
/** How a container ends that somebody kills: SIGKILL, SIGTERM, and what containerd writes where it does not know. */
const KILLED: readonly number[] = [137, 143, 255];

/** Returns whether a container has crashed by itself, as it has done before, after a short life. */
export function crashedAgain(end: ContainerEnd): boolean {
  const { exitCode, reason, startedAt, finishedAt, restartCount = 0 } = end;
  if (exitCode === 0 || (KILLED.includes(exitCode) && reason !== 'OOMKilled')) return false;
  if (restartCount < LOOPS_FROM_RESTARTS || !startedAt || !finishedAt) return false;
  return new Date(finishedAt).getTime() - new Date(startedAt).getTime() < SHORT_LIFE_MS;
}

/** Returns whether a pod is not Ready, or is so only until its next crash. */
export function isUnwell(pod: V1Pod, nowMs: number): boolean {
  if (!isReady(pod)) return true;
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].some(({ lastState, restartCount }) => {
    const ended = lastState?.terminated;
    if (!ended?.finishedAt) return false;
    const recent = nowMs - new Date(ended.finishedAt).getTime() < SHORT_LIFE_MS;
    return recent && crashedAgain({ ...ended, restartCount });
  });
}

/** Volumes that claims are bound to, by "namespace/claim". */
export type ClaimedVolumes = ReadonlyMap<string, BoundVolume>;

/** Returns the facts of a pod, with the budgets that select it and what its claims are bound to. */
export function podFacts(
  pod: V1Pod,
  budgets: readonly V1PodDisruptionBudget[] = [],
  volumes: ClaimedVolumes = new Map(),
): PodFacts {
  const { metadata, spec, status } = pod;
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller);
  const labels = metadata?.labels ?? {};
  const namespace = metadata?.namespace ?? '';
  const ends = metadata?.deletionTimestamp;
  return {
    namespace,
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    phase: phaseOf(status?.phase),
    ...(owner ? { owner: { kind: owner.kind, name: owner.name } } : {}),
    labels,
    mirror: metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined,
    probe: isProbe(pod),
    terminating: ends !== undefined,
    ready: isReady(pod),
    ...(ends === undefined ? {} : { graceEndsMs: new Date(ends).getTime() }),
    graceSeconds: spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
    finalizers: metadata?.finalizers ?? [],
    claims: claimsOf(pod),
    localVolumes: localVolumesOf(pod, volumes),
    toleratesCordon: toleratesCordon(pod),
    budgets: budgets
      .filter((budget) => budget.spec?.selector && selects(budget.spec.selector, labels))
      .map(budgetFacts),
  };
}

function phaseOf(phase: string | undefined): PodFacts['phase'] {
  switch (phase) {
    case 'Pending':
    case 'Running':
    case 'Succeeded':
    case 'Failed':
      return phase;
    default:
      return 'Unknown';
  }
}

/** A generic ephemeral volume has a claim that is named after pod and volume. */
function claimOf(pod: V1Pod, volume: V1Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata?.name}-${volume.name}` : undefined;
}

function claimsOf(pod: V1Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimOf(pod, volume) ?? []);
}

/** An emptyDir in memory does not count: nobody keeps there what has to outlive anything. */
function localVolumesOf(pod: V1Pod, volumes: ClaimedVolumes): LocalVolume[] {
  return (pod.spec?.volumes ?? []).flatMap((volume): LocalVolume[] => {
    const { name, emptyDir, hostPath } = volume;
    if (emptyDir) return emptyDir.medium === 'Memory' ? [] : [{ name, kind: 'emptyDir' }];
    if (hostPath) return [{ name, kind: 'hostPath' }];
    const claim = claimOf(pod, volume);
    const bound =
      claim === undefined ? undefined : volumes.get(`${pod.metadata?.namespace}/${claim}`);
    return bound?.local ? [{ name, kind: 'local' }] : [];
  });
}

function toleratesCordon(pod: V1Pod): boolean {
  return (pod.spec?.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (key === CORDON_TAINT || (!key && operator === 'Exists')) &&
      (!effect || effect === 'NoSchedule'),
  );
}

/** Adds what the claims of pods are bound to, as far as it is not known yet. */
export async function learnVolumes(
  kube: KubeAdapter,
  pods: readonly V1Pod[],
  known: Map<string, BoundVolume>,
): Promise<void> {
  const claims = pods.flatMap((pod) =>
    claimsOf(pod).map((claim) => ({ namespace: pod.metadata?.namespace ?? '', claim })),
  );
  const news = claims.filter(({ namespace, claim }) => !known.has(`${namespace}/${claim}`));
  await mapLimited(news, PARALLEL_CALLS, async ({ namespace, claim }) => {
    const volume = await kube.volumeOfClaim(namespace, claim);
    if (volume) known.set(`${namespace}/${claim}`, volume);
  });
}
