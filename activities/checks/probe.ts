/** Proves that the node still starts pods: one is pinned to it, timed and removed. */
import { createHash } from 'node:crypto';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import type { Clock } from '../context.ts';
import type { CheckAnswer } from './poll.ts';

/** Namespace of everything Tidegate creates; must match deploy/rbac.yaml. */
export const NAMESPACE = 'tidegate';
const PROBE_LABEL = 'tidegate.dev/probe';
const POLL_MS = 100;
/** After this the pod is removed and another one is tried. */
const START_TIMEOUT_MS = 30_000;

/** Returns whether a pod is one of our probes. */
export function isProbe(pod: V1Pod): boolean {
  return pod.metadata?.labels?.[PROBE_LABEL] !== undefined;
}

/** Returns the name of a node's probe pod: always the same, so that none is left behind unseen. */
export function probeName(node: string): string {
  const name = `probe-${node}`;
  if (name.length <= 63) return name;
  return `${name.slice(0, 54)}-${createHash('sha256').update(node).digest('hex').slice(0, 8)}`;
}

/** Starts a probe pod, waits until it runs, and removes it whatever happens; passes with the time it took. */
export async function checkProbe(
  kube: KubeAdapter,
  input: {
    readonly node: string;
    readonly image: string;
    readonly command: readonly string[];
    readonly clock: Clock;
  },
  signal: AbortSignal,
): Promise<CheckAnswer<number>> {
  const name = probeName(input.node);
  const { clock } = input;
  const started = clock.now();
  const created = await kube.createPod(NAMESPACE, probePod(name, input));
  if (!created) {
    await kube.deletePod(NAMESPACE, name);
    return { kind: 'Waiting', reasons: [`an older probe pod ${NAMESPACE}/${name} is going away`] };
  }
  try {
    let last = 'was not looked at';
    while (!signal.aborted && clock.now() - started < START_TIMEOUT_MS) {
      const pod = await kube.getPod(NAMESPACE, name);
      const phase = pod?.status?.phase;
      if (phase === 'Running' || phase === 'Succeeded') {
        return { kind: 'Passed', value: clock.now() - started };
      }
      last = pod ? describe(pod) : 'was deleted by somebody';
      if (phase === 'Failed' || !pod) break;
      await clock.sleep(POLL_MS, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    return { kind: 'Waiting', reasons: [`probe pod ${NAMESPACE}/${name} ${last}`] };
  } finally {
    await kube.deletePod(NAMESPACE, name);
  }
}

function probePod(
  name: string,
  input: { readonly node: string; readonly image: string; readonly command: readonly string[] },
): V1Pod {
  return {
    metadata: {
      name,
      labels: { [PROBE_LABEL]: 'true', 'app.kubernetes.io/managed-by': 'tidegate' },
    },
    spec: {
      nodeName: input.node,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'probe',
          image: input.image,
          imagePullPolicy: 'IfNotPresent',
          ...(input.command.length > 0 ? { command: [...input.command] } : {}),
          resources: { limits: { cpu: '50m', memory: '32Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            runAsNonRoot: true,
            runAsUser: 65534,
          },
        },
      ],
    },
  };
}

function describe(pod: V1Pod): string {
  const state = pod.status?.containerStatuses?.[0]?.state;
  const why = state?.waiting ?? state?.terminated;
  const detail = [why?.reason, why?.message, pod.status?.message].filter(Boolean).join(': ');
  return `is ${pod.status?.phase ?? 'not scheduled'}${detail ? ` (${detail.slice(0, 300)})` : ''}`;
}
