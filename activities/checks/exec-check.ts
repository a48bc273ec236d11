/** Proves that commands still run inside containers: a new runc has broken exactly that before. */
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import { isReady } from '../pod-facts.ts';
import type { CheckAnswer } from './poll.ts';
import { type ContainerRef, isProbe } from './probe.ts';

const MAX_PODS = 3;

/** Runs the command in a container of the node, in up to three pods; passes at the first success. */
export async function checkExec(
  kube: KubeAdapter,
  input: {
    readonly node: string;
    readonly command: readonly string[];
    readonly containersBefore: readonly ContainerFacts[];
  },
): Promise<CheckAnswer<string>> {
  const targets = chooseTargets(await kube.podsOn(input.node), input.containersBefore);
  if (targets.length === 0) return { kind: 'Passed', value: 'skipped: no running container' };
  const reasons: string[] = [];
  for (const target of targets) {
    const problem = await tryExec(kube, target, input.command);
    if (!problem) return { kind: 'Passed', value: nameOf(target) };
    reasons.push(problem);
  }
  return { kind: 'Waiting', reasons };
}

/** Runs the command in a probe, where the node has no other container to run it in. */
export async function execInProbe(
  kube: KubeAdapter,
  input: { readonly node: string; readonly command: readonly string[] },
  probe: ContainerRef,
): Promise<string | undefined> {
  const others = chooseTargets(await kube.podsOn(input.node), []);
  return others.length > 0 ? undefined : await tryExec(kube, probe, input.command);
}

/** Returns what went wrong, or undefined. */
async function tryExec(
  kube: KubeAdapter,
  target: ContainerRef,
  command: readonly string[],
): Promise<string | undefined> {
  const answer = await kube.exec({ ...target, command });
  return answer.ok ? undefined : `"${command.join(' ')}" in ${nameOf(target)}: ${answer.message}`;
}

function nameOf({ namespace, pod, container }: ContainerRef): string {
  return `${namespace}/${pod}/${container}`;
}

/** Pods that ran before the change come first, those not Ready or of the system last. */
export function chooseTargets(
  pods: readonly V1Pod[],
  before: readonly ContainerFacts[],
): readonly ContainerRef[] {
  const old = new Set(before.map(({ namespace, pod }) => `${namespace}/${pod}`));
  const rank = (pod: V1Pod) =>
    (old.has(`${pod.metadata?.namespace}/${pod.metadata?.name}`) ? 0 : 1) +
    (isReady(pod) ? 0 : 2) +
    (pod.spec?.hostNetwork ? 2 : 0) +
    (pod.metadata?.namespace === 'kube-system' ? 2 : 0);
  return pods
    .filter((pod) => !isProbe(pod) && !pod.metadata?.deletionTimestamp)
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((pod) => {
      const container = pod.status?.containerStatuses?.find((status) => status.state?.running);
      if (pod.status?.phase !== 'Running' || !container) return [];
      const { namespace = '', name = '' } = pod.metadata ?? {};
      return [{ namespace, pod: name, container: container.name }];
    })
    .slice(0, MAX_PODS);
}
