/** The activity that finds out what of a node's verification would fail without any update. */
import type { NodeActivities } from '../workflows/contract.ts';
import {
  type Baseline,
  type BaselineCheck,
  type ContainerRef,
  NAMESPACE,
} from '../workflows/domain/baseline.ts';
import type { KubeAdapter, V1Node, V1Pod } from './adapters/kube-adapter.ts';
import { daemonSetOf } from './checks/daemonset-check.ts';
import { type ExecFinding, execIn, execOnNode } from './checks/exec-check.ts';
import { nodeProblems } from './checks/host-check.ts';
import { type Check, type CheckAnswer, pollChecks } from './checks/poll.ts';
import {
  checkProbe,
  isProbe,
  type ProbeInput,
  type ProbeProof,
  probeName,
} from './checks/probe.ts';
import { type ActivityDeps, inPhase } from './deps.ts';
import { fail, failureType, messageOf } from './failure.ts';
import { isUnwell } from './pod-facts.ts';

type BaselineInput = Parameters<NodeActivities['baseline']>[0];

/** Returns the activities `baseline` and `clearProbe`. */
export function baselineActivities(
  deps: ActivityDeps,
): Pick<NodeActivities, 'baseline' | 'clearProbe'> {
  return {
    /**
     * *Effect*: none that lasts; a probe pod comes and goes.
     * *Idempotent because*: it only looks, and the probe's name is always the same.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: NodeGone, Kubernetes….
     */
    async baseline(input): Promise<Baseline> {
      return await inPhase(deps, 'Baseline', () => takeBaseline(deps, input));
    },

    /**
     * *Effect*: deletes the node's probe pod.
     * *Idempotent because*: one that is not there is deleted already.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: Kubernetes….
     */
    async clearProbe({ access, node }): Promise<void> {
      await inPhase(deps, 'Baseline', () =>
        deps.kube(access).deletePod(NAMESPACE, probeName(node)),
      );
    },
  };
}

/** Where a command runs; looked for in containers first, and in the probe where it runs in none. */
class ExecSearch {
  private readonly findings: ExecFinding[] = [];
  private readonly kube: KubeAdapter;
  private readonly input: BaselineInput;

  constructor(kube: KubeAdapter, input: BaselineInput) {
    this.kube = kube;
    this.input = input;
  }

  async inContainers(): Promise<ExecFinding> {
    const { node, containersBefore, verification } = this.input;
    const command = verification.execCommand;
    this.findings[0] ??= await execOnNode(this.kube, { node, command, containersBefore });
    return this.findings[0];
  }

  async inProbe(probe: ContainerRef | undefined): Promise<void> {
    if ((await this.inContainers()).kind === 'Works' || !probe) return;
    this.findings[1] = await execIn(this.kube, probe, this.input.verification.execCommand);
  }

  /** A command that no container has is no failure: one that has it may come. */
  result(): Pick<Baseline, 'execContainer'> & { readonly reasons: readonly string[] } {
    const works = this.findings.find((finding) => finding.kind === 'Works');
    if (works) return { execContainer: works.container, reasons: [] };
    if (!this.findings.some(({ kind }) => kind === 'Fails')) return { reasons: [] };
    return { reasons: this.findings.flatMap((entry) => ('reasons' in entry ? entry.reasons : [])) };
  }
}

async function takeBaseline(deps: ActivityDeps, input: BaselineInput): Promise<Baseline> {
  const { node, access, verification } = input;
  const kube = deps.kube(access);
  const exec = new ExecSearch(kube, input);
  const checks = [
    once('node', () => kube.getNode(node)),
    once('DaemonSets', () => kube.podsOn(node)),
    once('exec', () => exec.inContainers()),
    ...probeChecks(deps, kube, input, exec),
  ];
  const { values, reasons } = await pollChecks(checks, {
    clock: deps.clock,
    context: deps.context(),
    timeoutMs: verification.timeoutSeconds * 1000,
  });
  const { probe: late, ...unread } = reasons;
  const [cause] = Object.values(unread);
  if (cause) fail('KubernetesUnreachable', `${node} could not be looked at: ${cause.join('; ')}`);

  const unwell = (values['DaemonSets'] as readonly V1Pod[]).filter(
    (pod) => !isProbe(pod) && pod.status?.phase !== 'Succeeded' && isUnwell(pod, deps.clock.now()),
  );
  const { refused, tookMs } = (values['probe'] ?? {}) as Probed;
  const { execContainer, reasons: unrun } = exec.result();
  const failing: Record<BaselineCheck, readonly string[]> = {
    node: nodeProblems(values['node'] as V1Node).map(({ type }) => type),
    DaemonSets: [...new Set(unwell.flatMap((pod) => daemonSetOf(pod) ?? []))],
    exec: unrun,
    probe:
      refused === undefined
        ? ((late && [late.join('; ') || 'no answer in time']) ?? [])
        : [refused],
  };
  const told = Object.entries(failing).filter(([, found]) => found.length > 0);
  deps.log.info({ node, alreadyFailing: Object.fromEntries(told) }, 'baseline taken');
  return {
    alreadyFailing: Object.fromEntries(told),
    unwellPods: unwell.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
    ...(execContainer ? { execContainer } : {}),
    ...(tookMs === undefined ? {} : { probeMs: tookMs }),
  };
}

/** What the probe came to, or why no retry can help it. */
type Probed = Partial<ProbeProof> & { readonly refused?: string };

/** A check that is content with whatever it sees. */
function once(name: BaselineCheck, look: () => Promise<unknown>): Check {
  return { name, ask: async () => ({ kind: 'Passed', value: await look() }) };
}

function probeChecks(
  { clock, context }: ActivityDeps,
  kube: KubeAdapter,
  { node, verification }: BaselineInput,
  exec: ExecSearch,
): readonly Check[] {
  const { probeImage: image, probeCommand: command } = verification;
  if (image === undefined) return [];
  const probe: ProbeInput = {
    ...{ node, image, command, clock, cancelled: context().signal },
    whileItRuns: async (container) => {
      await exec.inProbe(container);
      return {};
    },
  };
  const ask = async (signal: AbortSignal): Promise<CheckAnswer<Probed>> => {
    try {
      return await checkProbe(kube, probe, signal);
    } catch (error) {
      if (failureType(error) !== 'KubernetesForbidden') throw error;
      return { kind: 'Passed', value: { refused: messageOf(error) } };
    }
  };
  return [{ name: 'probe', ask }];
}
