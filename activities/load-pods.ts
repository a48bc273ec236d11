/** Pods that load a node: what writes, what serves and reads, and what only comes and goes. Pure. */
import { createHash } from 'node:crypto';
import type { Load } from '../workflows/domain/analysis-spec.ts';
import { PROBE_PREFIX } from '../workflows/domain/baseline.ts';
import type { V1Pod } from './adapters/kube-adapter.ts';
import { AS_NOBODY, PROBE_LABEL, UNPRIVILEGED } from './checks/probe.ts';

export const LOAD_LABEL = 'tidegate.dev/load';
/** A pod of churn that is left behind ends by itself. */
const CHURN_SECONDS = 120;

/** Name of a pod of ours on a node; the same each time, so that a repeat makes no second one. */
export function loadPodName(node: string, what: string): string {
  const name = `${PROBE_PREFIX}load-${what}-${node}`;
  if (name.length <= 63) return name;
  return `${name.slice(0, 54)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

interface Wanted {
  readonly node: string;
  readonly what: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly limitSeconds: number;
  /** Address of the server, for what reads from it. */
  readonly peer?: string;
}

/** Admitted by the strictest Pod Security Standard; ends by itself when its time is up. */
function pod({ node, what, image, command, limitSeconds, peer }: Wanted): V1Pod {
  return {
    metadata: {
      name: loadPodName(node, what),
      labels: {
        [LOAD_LABEL]: 'true',
        // As probes are: what Tidegate runs by itself is no workload.
        [PROBE_LABEL]: 'load',
        'app.kubernetes.io/managed-by': 'tidegate',
      },
    },
    spec: {
      nodeName: node,
      restartPolicy: 'Never',
      activeDeadlineSeconds: limitSeconds,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: AS_NOBODY,
      volumes: [{ name: 'load', emptyDir: {} }],
      containers: [
        {
          ...{ name: 'load', image, command: [...command], imagePullPolicy: 'IfNotPresent' },
          env: peer === undefined ? [] : [{ name: 'TIDEGATE_PEER', value: peer }],
          volumeMounts: [{ name: 'load', mountPath: '/load' }],
          resources: { requests: { cpu: '0', memory: '0' }, limits: { memory: '128Mi' } },
          securityContext: UNPRIVILEGED,
        },
      ],
    },
  };
}

/** Returns the pod that writes to the node's disk. */
export function ioPod(node: string, load: Load, limitSeconds: number): V1Pod {
  return pod({ node, what: 'io', image: load.image, command: load.ioCommand, limitSeconds });
}

/** Returns the pod that serves on the node. */
export function serverPod(node: string, load: Load, limitSeconds: number): V1Pod {
  return pod({
    node,
    what: 'server',
    image: load.image,
    command: load.serverCommand,
    limitSeconds,
  });
}

/** Returns the pod that reads from a server at an address. */
export function clientPod(node: string, load: Load, limitSeconds: number, peer: string): V1Pod {
  const { image, clientCommand: command } = load;
  return pod({ node, what: 'client', image, command, limitSeconds, peer });
}

/** Returns a pod that ends at once. */
export function churnPod(node: string, load: Load, index: number): V1Pod {
  const { image, churnCommand: command } = load;
  return pod({ node, what: `churn-${index}`, image, command, limitSeconds: CHURN_SECONDS });
}
