/** The activity that looks at updated nodes after their soak. */
import type { ClusterActivities } from '../workflows/contract.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import type { PlannedNode } from '../workflows/domain/plan-types.ts';
import type { KubeAdapter } from './adapters/kube-adapter.ts';
import { judgeDaemonSets, unreadyDaemonSets } from './checks/daemonset-check.ts';
import { judgeHost, judgeNode } from './checks/host-check.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { failureType, messageOf } from './failure.ts';
import { inspectHost } from './host-facts.ts';
import { mapLimited } from './parallel.ts';

type HealthInput = Parameters<ClusterActivities['checkHealth']>[0];

/** sshd refuses handshakes beyond MaxStartups; hosts differ here, but workers have limits as well. */
const PARALLEL_HOSTS = 8;
const POLL_MS = 5000;

/** Returns the activity `checkHealth`. */
export function healthActivities(deps: ActivityDeps): Pick<ClusterActivities, 'checkHealth'> {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads.
     * *Heartbeats*: { healthy, of } every 2 s; hosts are read eight at a time.
     * *Fails with*: KubernetesForbidden, KubeconfigInvalid; KubernetesUnreachable where the API
     * server gives no answer in all that time. Any other thing that cannot be read is a finding.
     */
    async checkHealth(input) {
      let healthy = 0;
      return await withHeartbeats(
        deps.context(),
        () => ({ healthy, of: input.nodes.length }),
        () => untilHealthy(deps, input, (count) => (healthy = count)),
      );
    },
  };
}

/** One bad moment takes no fleet back: what is found is looked at again until the time is up. */
async function untilHealthy(
  deps: ActivityDeps,
  input: HealthInput,
  tell: (healthy: number) => void,
): Promise<readonly string[]> {
  const { clock } = deps;
  const { nodes, timeoutSeconds = 0 } = input;
  const deadline = clock.now() + timeoutSeconds * 1000;
  for (let asked = nodes; ; ) {
    const looks = await mapLimited(asked, PARALLEL_HOSTS, (node) => lookAt(deps, input, node));
    const sick = looks.filter(({ findings }) => findings.length > 0);
    tell(nodes.length - sick.length);
    if (sick.length === 0) return [];
    if (clock.now() + POLL_MS > deadline) return sick.flatMap(say);
    await clock.sleep(POLL_MS, deps.context().signal);
    asked = sick.map(({ node }) => node);
  }
}

interface HealthLook {
  readonly node: PlannedNode;
  /** What is wrong, or the error of whatever could not be read. */
  readonly findings: readonly (string | Error)[];
}

function say({ node, findings }: HealthLook): string[] {
  return findings.map((finding) => {
    if (typeof finding === 'string') return `${node.node}: ${finding}`;
    // Without the API server nothing is known of any node, which is no finding about this one.
    if (failureType(finding) === 'KubernetesUnreachable') throw finding;
    return `${node.node}: ${failureType(finding)}: ${messageOf(finding)}`;
  });
}

async function lookAt(
  deps: ActivityDeps,
  { access, alreadyFailing = {} }: HealthInput,
  node: PlannedNode,
): Promise<HealthLook> {
  const kube = deps.kube(access);
  const before = alreadyFailing[node.node] ?? {};
  const asked = await Promise.all([
    finding(() => nodeObject(kube, node.node, before.node)),
    finding(() => daemonSetPods(kube, node.node, before.DaemonSets)),
    finding(() => hostState(deps, access, node)),
  ]);
  return { node, findings: asked.flat() };
}

/** What cannot be read is a finding; what no retry and no other node can change is an error. */
async function finding(
  ask: () => Promise<readonly string[]>,
): Promise<readonly (string | Error)[]> {
  try {
    return await ask();
  } catch (error) {
    const type = failureType(error);
    if (!type || type === 'KubernetesForbidden' || type === 'KubeconfigInvalid') throw error;
    return [error as Error];
  }
}

async function nodeObject(
  kube: KubeAdapter,
  node: string,
  before: readonly string[] | undefined,
): Promise<readonly string[]> {
  const answer = judgeNode(await kube.getNode(node), before);
  return answer.kind === 'Passed' ? [] : answer.reasons;
}

async function daemonSetPods(
  kube: KubeAdapter,
  node: string,
  before: readonly string[] | undefined,
): Promise<readonly string[]> {
  const answer = judgeDaemonSets(unreadyDaemonSets(await kube.podsOn(node)), before);
  return answer.kind === 'Passed' ? [] : answer.reasons;
}

async function hostState(
  deps: ActivityDeps,
  access: ClusterAccess,
  planned: PlannedNode,
): Promise<readonly string[]> {
  const { node, address, packages } = planned;
  const names = packages.map((entry) => entry.name);
  const found = await withHost(deps, { access, node, address }, (host) =>
    inspectHost(host, node, names),
  );
  const answer = judgeHost(found, { packages, expect: 'To' });
  return answer.kind === 'Passed' ? [] : answer.reasons;
}
