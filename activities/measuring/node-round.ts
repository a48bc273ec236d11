/** One round of Tidegate's own measurements on one node. */
import type { Analysis, Source } from '../../workflows/domain/analysis-spec.ts';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import type { Policy } from '../../workflows/domain/spec.ts';
import type { V1Node, V1Pod } from '../adapters/kube-adapter.ts';
import { nodeProblems } from '../checks/host-check.ts';
import { isProbe } from '../checks/probe.ts';
import type { ActivityDeps } from '../deps.ts';
import { type Answer, answerOf, type Taken, take } from './answer.ts';
import { runtimeOf } from './daemon-usage.ts';
import { measureHost } from './host-round.ts';
import type { Turns } from './turns.ts';

export type OwnSource = Exclude<Source, 'Query'>;
export type NodeAnswers = Partial<Record<OwnSource, Answer>>;

export interface NodeQuestion {
  readonly deps: ActivityDeps;
  readonly access: ClusterAccess;
  readonly node: string;
  readonly address: string;
  readonly sources: ReadonlySet<OwnSource>;
  readonly pullImage: Analysis['pullImage'];
  /** For what slows other nodes of the round down. */
  readonly turns: Turns;
  readonly verification: Policy['spec']['verification'];
  /** Of the activity: what it ends is no answer. */
  readonly cancelled: AbortSignal;
  /** Of the round: what is not measured by then has no answer. */
  readonly signal: AbortSignal;
}

const DEFAULT_PORT = 10250;

/** Returns an answer for each of the sources, whatever the state of the node. */
export async function measureNode(question: NodeQuestion): Promise<NodeAnswers> {
  const { deps, access, node, sources, cancelled, signal } = question;
  const kube = deps.kube(access);
  const ask = <T>(work: () => Promise<T>) =>
    take(cancelled, async () => {
      signal.throwIfAborted();
      return await work();
    });
  const needsPods = sources.has('PodRestarts') || sources.has('ImagePull');
  const [object, pods] = await Promise.all([
    ask(() => kube.getNode(node)),
    needsPods ? ask(() => kube.podsOn(node)) : none,
  ]);
  const byHost = await measureHost(question, { host: hostOf(object), pods });
  return {
    ...byHost,
    ...(sources.has('NodeConditions')
      ? { NodeConditions: answerOf(object, (it) => ({ value: nodeProblems(it).length })) }
      : {}),
    ...(sources.has('PodRestarts')
      ? { PodRestarts: answerOf(pods, (list) => ({ value: restartsOf(list) })) }
      : {}),
  };
}

const none: Taken<readonly V1Pod[]> = { ok: true, value: [] };

/** What the Node object says of its host. */
export interface HostFactsOfNode {
  readonly runtime: string;
  readonly kubeletPort: number;
}

function hostOf(object: Taken<V1Node>): Taken<HostFactsOfNode> {
  if (!object.ok) return object;
  const { nodeInfo, daemonEndpoints } = object.value.status ?? {};
  const runtime = runtimeOf(nodeInfo?.containerRuntimeVersion);
  const kubeletPort = daemonEndpoints?.kubeletEndpoint?.Port ?? DEFAULT_PORT;
  return { ok: true, value: { runtime, kubeletPort } };
}

/** Restarts of all containers on a node; those of probes are Tidegate's own doing. */
export function restartsOf(pods: readonly V1Pod[]): number {
  const statuses = pods
    .filter((pod) => !isProbe(pod))
    .flatMap(({ status }) => [
      ...(status?.containerStatuses ?? []),
      ...(status?.initContainerStatuses ?? []),
    ]);
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}
