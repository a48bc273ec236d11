/** Proves that commands still run inside containers: a new runc has broken exactly that before. */
import type { Baseline, ContainerRef } from '../../workflows/domain/baseline.ts';
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { KubeAdapter, V1Pod } from '../adapters/kube-adapter.ts';
import { isReady } from '../pod-facts.ts';
import type { CheckAnswer } from './poll.ts';
import { isProbe, type ProbeFinding, probeName } from './probe.ts';

const MAX_PODS = 3;

/** What is run, and where. */
export interface ExecInput {
  readonly node: string;
  readonly command: readonly string[];
  readonly containersBefore: readonly ContainerFacts[];
}

/** `Unknown`: no container runs that has such a command, so that it takes another one to know. */
export type ExecFinding =
  | { readonly kind: 'Works'; readonly container: ContainerRef }
  | { readonly kind: 'Fails' | 'Unknown'; readonly reasons: readonly string[] };

/**
 * Runs the command in containers of up to three pods of the node, until it succeeds in one. In the
 * container where it `ran` before, the command is there: it has to be found.
 */
export async function execOnNode(
  kube: KubeAdapter,
  input: ExecInput,
  ran?: ContainerRef,
): Promise<ExecFinding> {
  const targets = chooseTargets(await kube.podsOn(input.node), input.containersBefore, ran);
  const failed: string[] = [];
  const silent: string[] = [];
  for (const container of targets) {
    const finding = await execIn(kube, container, input.command, ran);
    if (finding.kind === 'Works') return finding;
    (finding.kind === 'Fails' ? failed : silent).push(...finding.reasons);
  }
  if (failed.length > 0) return { kind: 'Fails', reasons: failed };
  return { kind: 'Unknown', reasons: silent.length > 0 ? silent : ['no running container'] };
}

/** Runs the command in one container. */
export async function execIn(
  kube: KubeAdapter,
  container: ContainerRef,
  command: readonly string[],
  ran?: ContainerRef,
): Promise<ExecFinding> {
  const answer = await kube.exec({ ...container, command });
  if (answer.ok) return { kind: 'Works', container };
  const silent = saysNothing(answer.message, command) && !(ran && isSame(ran, container));
  const reason = `"${command.join(' ')}" in ${nameOf(container)}: ${answer.message}`;
  return { kind: silent ? 'Unknown' : 'Fails', reasons: [reason] };
}

/**
 * Tells whether a failure says nothing of the node: the container has no such command, as distroless
 * ones, or the API server did not let it through to the node. Runtimes quote the command's name.
 */
function saysNothing(message: string, [program = '']: readonly string[]): boolean {
  if (/unexpected server response: (400|403|404)/i.test(message)) return true;
  if (/exit code 127\b/.test(message)) return true;
  const named = [`"${program}"`, `\`${program}\``].some((word) => message.includes(word));
  return named && /executable file .*not found|no such file or directory/.test(message);
}

/** The check over the containers of a node, and its other half in the probe, where those cannot tell. */
export interface ExecProof {
  ask(): Promise<CheckAnswer<readonly string[]>>;
  inProbe(probe: ContainerRef | undefined): Promise<ProbeFinding>;
}

/** Returns the check that the command runs on the node, in the light of what was possible before. */
export function execProof(
  kube: KubeAdapter,
  input: ExecInput & { readonly baseline?: Baseline; readonly withProbe: boolean },
): ExecProof {
  const { node, command, baseline } = input;
  const before = baseline?.alreadyFailing.exec ?? [];
  const ran = baseline?.execContainer;
  const onlyInProbe = ran?.pod === probeName(node);
  let last: ExecFinding | undefined;
  const look = async (): Promise<ExecFinding> => {
    if (before.length > 0 || onlyInProbe) return { kind: 'Unknown', reasons: before };
    return await execOnNode(kube, input, ran);
  };
  return {
    async ask() {
      last = await look();
      if (last.kind === 'Works') return { kind: 'Passed', value: [] };
      if (last.kind === 'Fails') return { kind: 'Waiting', reasons: last.reasons };
      // The probe gets its say where one is started.
      return { kind: 'Passed', value: input.withProbe ? [] : [leftOut(last.reasons)] };
    },
    async inProbe(probe) {
      last ??= await look();
      if (last.kind !== 'Unknown') return {};
      if (before.length > 0) return { note: leftOut(before) };
      if (!probe) return { note: leftOut([...last.reasons, 'no probe stayed to run it in']) };
      const finding = await execIn(kube, probe, command, ran);
      if (finding.kind === 'Works') return {};
      const why = finding.reasons.join('; ');
      return finding.kind === 'Fails' ? { problem: why } : { note: leftOut(finding.reasons) };
    },
  };
}

function leftOut(reasons: readonly string[]): string {
  return `no command was run in a container: ${reasons.join('; ')}`;
}

function nameOf({ namespace, pod, container }: ContainerRef): string {
  return `${namespace}/${pod}/${container}`;
}

function isSame(one: ContainerRef, other: ContainerRef): boolean {
  return nameOf(one) === nameOf(other);
}

/** First comes where the command ran, then pods of before the change; those not Ready or of the system last. */
export function chooseTargets(
  pods: readonly V1Pod[],
  before: readonly ContainerFacts[],
  ran?: ContainerRef,
): readonly ContainerRef[] {
  const old = new Set(before.map(({ namespace, pod }) => `${namespace}/${pod}`));
  const rank = (pod: V1Pod) =>
    (old.has(`${pod.metadata?.namespace}/${pod.metadata?.name}`) ? 0 : 1) +
    (isReady(pod) ? 0 : 2) +
    (pod.spec?.hostNetwork ? 2 : 0) +
    (pod.metadata?.namespace === 'kube-system' ? 2 : 0);
  const targets = pods
    .filter((pod) => !isProbe(pod) && !pod.metadata?.deletionTimestamp)
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((pod) => {
      const container = pod.status?.containerStatuses?.find((status) => status.state?.running);
      if (pod.status?.phase !== 'Running' || !container) return [];
      const { namespace = '', name = '' } = pod.metadata ?? {};
      return [{ namespace, pod: name, container: container.name }];
    });
  const first = targets.filter((target) => ran && isSame(target, ran));
  return [...first, ...targets.filter((target) => !first.includes(target))].slice(0, MAX_PODS);
}
