/** Proves that the node still starts pods: one is pinned to it, timed and removed. */
import { createHash } from 'node:crypto';
import { type ContainerRef, NAMESPACE, PROBE_PREFIX } from '../../workflows/domain/baseline.ts';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import type { Clock } from '../context.ts';
import { type CheckAnswer, TIME_IS_UP } from './poll.ts';

/** Of every pod that Tidegate runs by itself: it is no workload. */
export const PROBE_LABEL = 'tidegate.dev/probe';
const CONTAINER = 'probe';
const POLL_MS = 100;
/** After this the pod is removed and another one is tried. */
const START_TIMEOUT_MS = 30_000;
/** One that is left behind by a worker that died ends by itself. */
const DEADLINE_SECONDS = 300;
/** The user nobody. */
const NOBODY = 65534;
/** What the strictest Pod Security Standard asks of a pod. */
export const AS_NOBODY = {
  runAsNonRoot: true,
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  seccompProfile: { type: 'RuntimeDefault' },
};
/** What it asks of a container. */
export const UNPRIVILEGED = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/** Returns whether a pod is one of our probes. */
export function isProbe(pod: V1Pod): boolean {
  return pod.metadata?.labels?.[PROBE_LABEL] !== undefined;
}

/** Returns the name of a node's probe pod: always the same, so that none is left behind unseen. */
export function probeName(node: string): string {
  const name = `${PROBE_PREFIX}${node}`;
  if (name.length <= 63) return name;
  return `${name.slice(0, 54)}-${createHash('sha256').update(node).digest('hex').slice(0, 8)}`;
}

/** What a probe is made of. */
export interface ProbeInput {
  readonly node: string;
  /** Of the pod; default: the one name of the node's probe. */
  readonly name?: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly clock: Clock;
  /** Ends the probe even where it may outlast the time of the checks. */
  readonly cancelled: AbortSignal;
  /** Asked once the probe runs, or has run: then there is no container any more. */
  readonly whileItRuns?: (container: ContainerRef | undefined) => Promise<ProbeFinding>;
}

/** What was found while a probe ran: wrong with it, or worth knowing. */
export interface ProbeFinding {
  readonly problem?: string;
  readonly note?: string;
}

export interface ProbeProof {
  /** Absent where the node had no place for the probe. */
  readonly tookMs?: number;
  readonly notes: readonly string[];
}

/**
 * Starts a probe pod, waits until it runs and has an address, and removes it whatever happens;
 * passes with the time it took. A probe that its kubelet has not seen when time is up says nothing
 * of the node, e.g. after a restart of the API server: it alone goes on, until its own time is up.
 */
export async function checkProbe(
  kube: KubeAdapter,
  input: ProbeInput,
  signal: AbortSignal,
): Promise<CheckAnswer<ProbeProof>> {
  const name = input.name ?? probeName(input.node);
  const { clock, cancelled } = input;
  const started = clock.now();
  const created = await kube.createPod(NAMESPACE, probePod(name, input));
  if (!created) {
    await kube.deletePod(NAMESPACE, name);
    return { kind: 'Waiting', reasons: [`an older probe pod ${NAMESPACE}/${name} is going away`] };
  }
  const waiting = (what: string) =>
    ({ kind: 'Waiting', reasons: [`probe pod ${NAMESPACE}/${name} ${what}`] }) as const;
  try {
    for (;;) {
      const pod = await kube.getPod(NAMESPACE, name);
      if (!pod) return waiting('was deleted by somebody');
      const phase = pod.status?.phase;
      if (hasRun(pod)) {
        const tookMs = clock.now() - started;
        return await prove(input, { tookMs, notes: [] }, phase === 'Running' ? name : undefined);
      }
      if (hasNoPlace(pod)) {
        return await prove(input, { notes: [`no probe was started: ${describe(pod)}`] }, undefined);
      }
      const goesOn = !signal.aborted || (signal.reason === TIME_IS_UP && isUnseen(pod));
      const late = clock.now() - started >= START_TIMEOUT_MS;
      if (phase === 'Failed' || late || !goesOn || cancelled.aborted) return waiting(describe(pod));
      const until = signal.aborted ? cancelled : signal;
      await clock.sleep(POLL_MS, until).catch((error: unknown) => {
        if (!until.aborted) throw error;
      });
    }
  } finally {
    await kube.deletePod(NAMESPACE, name);
  }
}

/** Passes with what the caller finds while the probe is there. */
async function prove(
  { whileItRuns }: ProbeInput,
  proof: ProbeProof,
  pod: string | undefined,
): Promise<CheckAnswer<ProbeProof>> {
  const container =
    pod === undefined ? undefined : { namespace: NAMESPACE, pod, container: CONTAINER };
  const { problem, note } = (await whileItRuns?.(container)) ?? {};
  if (problem !== undefined) return { kind: 'Waiting', reasons: [problem] };
  const notes = note === undefined ? proof.notes : [...proof.notes, note];
  return { kind: 'Passed', value: { ...proof, notes } };
}

/** Kubelets refuse a pod that they have no place for, e.g. with "OutOfpods": no update has filled the node. */
function hasNoPlace({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' && (status.reason ?? '').startsWith('OutOf');
}

/** The address is what the CNI plugin has given: without one the node runs pods, and nobody reaches them. */
function hasRun(pod: V1Pod): boolean {
  const { phase, podIP } = pod.status ?? {};
  return phase === 'Succeeded' || (phase === 'Running' && podIP !== undefined && podIP !== '');
}

/** Whether no kubelet has begun with a pod. */
function isUnseen(pod: V1Pod): boolean {
  return pod.status?.phase === 'Pending' && (pod.status.containerStatuses ?? []).length === 0;
}

/**
 * The runtime prepares a container inside the pod's cgroup: with a few hundredths of a core it is throttled
 * for a second or more, and what is timed is the limit, not the runtime.
 */
const PROBE_CPU_LIMIT = '1';

/**
 * Made to be admitted everywhere: by the strictest Pod Security Standard, on a cordoned node (it goes past
 * the scheduler), and on one whose room is all requested; a LimitRange would fill in requests left out.
 */
export function probePod(name: string, input: ProbeInput): V1Pod {
  return {
    metadata: {
      name,
      labels: { [PROBE_LABEL]: 'true', 'app.kubernetes.io/managed-by': 'tidegate' },
    },
    spec: {
      nodeName: input.node,
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      securityContext: AS_NOBODY,
      containers: [
        {
          name: CONTAINER,
          image: input.image,
          imagePullPolicy: 'IfNotPresent',
          ...(input.command.length > 0 ? { command: [...input.command] } : {}),
          resources: {
            requests: { cpu: '0', memory: '0' },
            limits: { cpu: PROBE_CPU_LIMIT, memory: '32Mi' },
          },
          securityContext: UNPRIVILEGED,
        },
      ],
    },
  };
}

function describe(pod: V1Pod): string {
  const state = pod.status?.containerStatuses?.[0]?.state;
  const why = state?.waiting ?? state?.terminated;
  const { reason, message } = pod.status ?? {};
  const detail = [why?.reason, why?.message, reason, message].filter(Boolean).join(': ');
  const phase = pod.status?.phase ?? 'not scheduled';
  if (phase === 'Running') return 'is Running and has no address: look at the CNI plugin';
  return `is ${phase}${detail ? ` (${detail.slice(0, 300)})` : ''}`;
}
