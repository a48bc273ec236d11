/** Has a node pull an image that it was made to forget. Nothing of that image is ever run. */
import { NAMESPACE } from '../../workflows/domain/baseline.ts';
import type { HostAdapter } from '../adapters/host-adapter.ts';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import { isProbe, probePod } from '../checks/probe.ts';
import type { Clock } from '../context.ts';
import { fieldsOf, runRecords } from '../records.ts';
import { FORGET_IMAGE_SCRIPT } from '../scripts/forget-image.ts';
import { NoData } from './answer.ts';
import { measurePodName, untilFree } from './start.ts';

const POLL_MS = 100;
const PULL_TIMEOUT_MS = 30_000;
const FORGET_TIMEOUT_MS = 40_000;

/** A ConfigMap that nobody has: the container that needs it is not created, and its image pulled all the same. */
const NO_CONFIG_MAP = 'tidegate-has-none-of-this-name';
const PULLED = 'CreateContainerConfigError';

export interface PullInput {
  readonly node: string;
  readonly image: string;
  /** As the Node object names it. */
  readonly runtime: string;
  readonly pods: readonly V1Pod[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Removes the image from the node, unless something needs it. */
export async function forgetImage(host: HostAdapter, input: PullInput): Promise<void> {
  const { node, image, runtime, pods } = input;
  if (runtime !== 'containerd') {
    throw new NoData(`${node} runs "${runtime}": an image is only removed from containerd`);
  }
  const reference = fullReference(image);
  const user = pods.find((pod) => !isProbe(pod) && imagesOf(pod).includes(reference));
  if (user) {
    const { namespace, name } = user.metadata ?? {};
    throw new NoData(
      `pod ${namespace}/${name} uses ${image}: name an image that nothing else uses`,
    );
  }
  const records = await runRecords(host, node, {
    what: `removing the image ${image}`,
    script: FORGET_IMAGE_SCRIPT,
    args: [reference],
    options: { timeoutMs: FORGET_TIMEOUT_MS, limitBytes: 1024 * 1024 },
  });
  const [other] = fieldsOf(records, 'kept')[0] ?? [];
  if (other !== undefined) {
    throw new NoData(`${other} on ${node} is the same image as ${image}, which was left there`);
  }
}

/** Returns an image's reference as containerd has it: with its registry, and a tag or a digest. */
export function fullReference(image: string): string {
  const [named = '', digest] = image.split('@');
  const [first = '', ...rest] = named.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = hasRegistry ? first : 'docker.io';
  const path = hasRegistry ? rest.join('/') : rest.length > 0 ? named : `library/${named}`;
  const [repository = '', tag = 'latest'] = path.split(':');
  return `${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}

function imagesOf({ spec }: V1Pod): string[] {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return containers.flatMap(({ image }) => (image ? [fullReference(image)] : []));
}

/** Starts a pod that needs the image, waits until it is there, and removes the pod whatever happens. */
export async function pullOnNode(kube: KubeAdapter, input: PullInput): Promise<void> {
  const name = measurePodName('pull', input.node);
  await untilFree(kube, name, input);
  if (!(await kube.createPod(NAMESPACE, pullPod(name, input)))) {
    throw new Error(`an older pod ${NAMESPACE}/${name} is going away`);
  }
  try {
    await untilPulled(kube, name, input);
  } finally {
    await kube.deletePod(NAMESPACE, name);
  }
}

async function untilPulled(kube: KubeAdapter, name: string, input: PullInput): Promise<void> {
  const { clock, signal } = input;
  const deadline = clock.now() + PULL_TIMEOUT_MS;
  for (;;) {
    const pod = await kube.getPod(NAMESPACE, name);
    if (!pod) throw new Error(`pod ${NAMESPACE}/${name} was deleted by somebody`);
    const state = pod.status?.containerStatuses?.[0]?.state;
    if (state?.waiting?.reason === PULLED) return;
    const why = state?.waiting ?? pod.status ?? {};
    const told = [why.reason, why.message].filter(Boolean).join(': ');
    if (pod.status?.phase === 'Failed') {
      // Kubelets refuse a pod that they have no place for.
      const Kind = pod.status.reason?.startsWith('OutOf') ? NoData : Error;
      throw new Kind(`no pod was taken on ${input.node}: ${told}`);
    }
    if (/Image|Registry/.test(state?.waiting?.reason ?? '')) throw new Error(told);
    if (clock.now() >= deadline) {
      throw new Error(`${input.image} was not pulled in ${PULL_TIMEOUT_MS / 1000} s: ${told}`);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

function pullPod(name: string, { node, image, clock, signal }: PullInput): V1Pod {
  const pod = probePod(name, { node, image, command: [], clock, cancelled: signal });
  const [container] = pod.spec?.containers ?? [];
  if (!pod.spec || !container) throw new Error('a probe has one container');
  const pulling = {
    // A kubelet tries again at once what has failed, and "Always" would have it pull each time.
    ...{ ...container, imagePullPolicy: 'IfNotPresent' },
    envFrom: [{ configMapRef: { name: NO_CONFIG_MAP } }],
  };
  return { ...pod, spec: { ...pod.spec, containers: [pulling] } };
}
