/** The activity that proves a node to be as it must be, forward or back. */
import type { NodeActivities, VerifyResult } from '../workflows/contract.ts';
import type { ContainerFacts } from '../workflows/domain/inventory.ts';
import type { HostAdapter } from './adapters/host-adapter.ts';
import type { KubeAdapter } from './adapters/kube-adapter.ts';
import { judgeDaemonSets, unreadyDaemonSets } from './checks/daemonset-check.ts';
import { execProof } from './checks/exec-check.ts';
import { judgeHost, judgeNode } from './checks/host-check.ts';
import { type Check, type CheckAnswer, pollChecks } from './checks/poll.ts';
import { checkProbe, type ProbeInput, type ProbeProof } from './checks/probe.ts';
import { describe, judgeMissing, missingContainers } from './checks/survivors.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { fail, failureType, messageOf } from './failure.ts';
import { type HostInspection, inspectHost } from './host-facts.ts';

type VerifyInput = Parameters<NodeActivities['verify']>[0];

/** Returns the activity `verify`. */
export function verifyActivities(deps: ActivityDeps): Pick<NodeActivities, 'verify'> {
  return {
    /**
     * *Effect*: none that lasts; a probe pod comes and goes.
     * *Idempotent because*: it only looks, and the probe's name is always the same.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: VerificationFailed with every check that did not pass; NodeGone, Kubernetes…, Host….
     */
    async verify(input): Promise<VerifyResult> {
      return await withHeartbeats(
        deps.context(),
        () => ({ phase: 'Verifying' }),
        () => withHost(deps, input, (host) => verifyOn(deps, host, input)),
      );
    },
  };
}

async function verifyOn(
  deps: ActivityDeps,
  host: HostAdapter,
  input: VerifyInput,
): Promise<VerifyResult> {
  const { node, verification, expect } = input;
  const { values, failed } = await pollChecks(checksOf(deps, host, input), {
    clock: deps.clock,
    context: deps.context(),
    timeoutMs: verification.timeoutSeconds * 1000,
  });
  if (failed.length > 0) {
    fail(
      'VerificationFailed',
      `${node} is not as it must be (${expect === 'To' ? 'updated' : 'put back'}): ${failed.join(' | ')}`,
      failed,
    );
  }
  const { tookMs, notes: probed = [] } = (values['probe'] ?? {}) as Partial<ProbeProof>;
  const told = ['node', 'DaemonSets', 'exec'].flatMap((name) => values[name] as readonly string[]);
  const notes = [...told, ...probed];
  deps.log.info({ node, expect, probeMs: tookMs, notes }, 'node verified');
  return {
    ...(values['host'] as HostProof),
    ...(tookMs === undefined ? {} : { probeMs: tookMs }),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

type HostProof = Omit<VerifyResult, 'probeMs' | 'notes'>;

/** The host's own state, and what became of the containers that were there before. */
async function checkHost(
  kube: KubeAdapter,
  found: HostInspection,
  input: VerifyInput,
): Promise<CheckAnswer<HostProof>> {
  const before = input.containersBefore;
  // Without an answer from the daemon nothing is known of containers, and that is its reason.
  const silent = Object.keys(found.host.daemons).length === 0;
  const missing = silent ? [] : missingContainers(found.containers, before);
  const host = judgeHost(found, input);
  if (!input.containersMustSurvive) return withLost(host, input, missing);
  const pods = missing.length > 0 ? await kube.podsOn(input.node) : [];
  const { lost, unclear } = judgeMissing(missing, pods, input.baseline?.unwellPods);
  // An undo brings no container back: that the node is as it was is what counts.
  if (input.expect === 'From') return withLost(host, input, [...lost, ...unclear]);
  const reasons = [
    ...(host.kind === 'Passed' ? [] : host.reasons),
    ...(lost.length > 0 ? [`did not survive: ${lost.slice(0, 10).join(', ')}`] : []),
    ...(unclear.length > 0 ? [`not running any more: ${unclear.slice(0, 10).join(', ')}`] : []),
  ];
  if (host.kind === 'Passed' && reasons.length === 0) return withLost(host, input, []);
  return { kind: host.kind === 'Failed' || lost.length > 0 ? 'Failed' : 'Waiting', reasons };
}

/** Passes with the host; containers that are gone are told, and no reason to fail. */
function withLost(
  host: CheckAnswer<VerifyResult['packages']>,
  { containersBefore }: VerifyInput,
  lost: readonly (ContainerFacts | string)[],
): CheckAnswer<HostProof> {
  if (host.kind !== 'Passed') return host;
  const containersLost = lost.map((entry) => (typeof entry === 'string' ? entry : describe(entry)));
  const containersSurvived = containersBefore.length - lost.length;
  return { kind: 'Passed', value: { packages: host.value, containersSurvived, containersLost } };
}

/** After a reboot the Node object may be gone for a while; its kubelet brings it back. */
async function checkNode(
  kube: KubeAdapter,
  { node, baseline, mayRejoin }: VerifyInput,
): Promise<CheckAnswer<readonly string[]>> {
  try {
    return judgeNode(await kube.getNode(node), baseline?.alreadyFailing.node);
  } catch (error) {
    if (!mayRejoin || failureType(error) !== 'NodeGone') throw error;
    return { kind: 'Waiting', reasons: [messageOf(error)] };
  }
}

/** Statuses of pods are compared with what the host runs: after a reboot they are of before for a while. */
async function checkDaemonSets(
  kube: KubeAdapter,
  host: HostAdapter,
  { node, baseline }: VerifyInput,
): Promise<CheckAnswer<readonly string[]>> {
  const [pods, found] = await Promise.all([kube.podsOn(node), inspectHost(host, node, [])]);
  const tells = Object.keys(found.host.daemons).length > 0;
  const problems = unreadyDaemonSets(pods, tells ? found.containers : undefined);
  return judgeDaemonSets(problems, baseline?.alreadyFailing.DaemonSets);
}

function checksOf(deps: ActivityDeps, host: HostAdapter, input: VerifyInput): readonly Check[] {
  const { node, verification, packages, containersBefore, baseline } = input;
  const kube = deps.kube(input.access);
  const names = packages.map((entry) => entry.name);
  const { probeImage: image, execCommand: command } = verification;
  const exec = execProof(kube, {
    ...{ node, command, containersBefore, withProbe: image !== undefined },
    ...(baseline ? { baseline } : {}),
  });
  const checks: Check[] = [
    {
      name: 'host',
      ask: async () => await checkHost(kube, await inspectHost(host, node, names), input),
    },
    { name: 'node', ask: () => checkNode(kube, input) },
    { name: 'DaemonSets', ask: () => checkDaemonSets(kube, host, input) },
    { name: 'exec', ask: () => exec.ask() },
  ];
  if (image) {
    const probe: ProbeInput = {
      ...{ node, image, command: verification.probeCommand, clock: deps.clock },
      cancelled: deps.context().signal,
      whileItRuns: (container) => exec.inProbe(container),
    };
    checks.push({ name: 'probe', ask: (signal) => checkProbe(kube, probe, signal) });
  }
  return checks;
}
