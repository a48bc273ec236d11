/** Proves that commands still run inside containers: a new runc has broken exactly that before. */
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import type { CheckAnswer } from './poll.ts';
import { isProbe } from './probe.ts';

const MAX_PODS = 3;

/** Where a command is tried. */
interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

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
  if (targets.length === 0) return { kind: 'Passed', value: 'skipped: no running pod' };
  const reasons: string[] = [];
  for (const target of targets) {
    const answer = await kube.exec({ ...target, command: input.command });
    const where = `${target.namespace}/${target.pod}/${target.container}`;
    if (answer.ok) return { kind: 'Passed', value: where };
    reasons.push(`"${input.command.join(' ')}" in ${where}: ${answer.message}`);
  }
  return { kind: 'Waiting', reasons };
}

/** Pods that ran before the change come first, system pods on the host's network last. */
export function chooseTargets(
  pods: readonly V1Pod[],
  before: readonly ContainerFacts[],
): readonly ExecTarget[] {
  const old = new Set(before.map(({ namespace, pod }) => `${namespace}/${pod}`));
  const rank = (pod: V1Pod) =>
    (old.has(`${pod.metadata?.namespace}/${pod.metadata?.name}`) ? 0 : 1) +
    (pod.spec?.hostNetwork ? 2 : 0) +
    (pod.metadata?.namespace === 'kube-system' ? 2 : 0);
  return pods
    .filter((pod) => isRunning(pod) && !isProbe(pod))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MAX_PODS)
    .map((pod) => ({
      namespace: pod.metadata?.namespace ?? '',
      pod: pod.metadata?.name ?? '',
      container: pod.spec?.containers[0]?.name ?? '',
    }));
}

function isRunning(pod: V1Pod): boolean {
  const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  return pod.status?.phase === 'Running' && ready === true && !pod.metadata?.deletionTimestamp;
}
