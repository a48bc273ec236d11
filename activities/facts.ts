/** Gathers the facts of a fleet: every node's Kubernetes object and host, eight hosts at a time. */
import type {
  ClusterAccess,
  ContainerFacts,
  KubeNodeFacts,
  NodeFacts,
  OfferedPackage,
} from '../workflows/domain/inventory.ts';
import type { UnavailableNode } from '../workflows/domain/plan-warnings.ts';
import type { Cluster, Fleet, Rollout } from '../workflows/domain/spec.ts';
import type { ActivityContext } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { fail, failureType, messageOf } from './failure.ts';
import { inspectHost } from './host-facts.ts';
import { hasCondition, isUnavailable, kubeFacts, nameOf } from './node-facts.ts';
import { readOffers } from './offers.ts';
import { mapLimited } from './parallel.ts';

const PARALLEL_HOSTS = 8;

/** Everything that one reading of a fleet told. */
export interface FleetFacts {
  readonly facts: readonly NodeFacts[];
  /** By "cluster/node". */
  readonly offered: Readonly<Record<string, readonly OfferedPackage[]>>;
  /** By "cluster/node". */
  readonly containers: Readonly<Record<string, readonly ContainerFacts[]>>;
}

export interface FactsQuestion {
  readonly fleet: Fleet;
  /** Leaves out what a rollout does not aim at; all of the fleet without it. */
  readonly targets?: Rollout['spec']['targets'];
  readonly packages: readonly string[];
  /** Whether the nodes' package sources are asked as well. */
  readonly offers: boolean;
  /** Tells how far the reading has come. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

interface HostReading {
  readonly facts: NodeFacts;
  readonly offered: readonly OfferedPackage[];
  readonly containers: readonly ContainerFacts[];
}

/** Reads a fleet; a host that cannot be read is recorded with the reason, an API server is needed. */
export async function gatherFacts(
  deps: ActivityDeps,
  question: FactsQuestion,
): Promise<FleetFacts> {
  const { fleet, targets } = question;
  const clusters = fleet.spec.clusters.filter(
    (cluster) => targets?.clusters?.includes(cluster.name) ?? true,
  );
  const found = await Promise.all(
    clusters.map(async (cluster) => await nodesOf(deps, fleet, cluster)),
  );
  const nodes = found.flat().filter(({ facts }) => isTargeted(facts, targets));
  const context = deps.context();
  let done = 0;
  const readings = await mapLimited(nodes, PARALLEL_HOSTS, async ({ facts, access }) => {
    const reading = await readHost({ deps, context, question, facts, access });
    done += 1;
    question.onProgress({ done, total: nodes.length });
    return reading;
  });
  const byNode = <T>(pick: (reading: HostReading) => T) =>
    Object.fromEntries(
      readings.map((reading) => [`${reading.facts.cluster}/${reading.facts.node}`, pick(reading)]),
    );
  return {
    facts: readings.map((reading) => reading.facts),
    offered: byNode((reading) => reading.offered),
    containers: byNode((reading) => reading.containers),
  };
}

/** Returns every node of the clusters that is unavailable now, whether or not a rollout aims at it. */
export async function unavailableNow(
  deps: ActivityDeps,
  clusters: readonly ClusterAccess[],
): Promise<readonly UnavailableNode[]> {
  const found = await Promise.all(
    clusters.map(async (access) => {
      const nodes = await deps.kube(access).listNodes();
      return nodes.filter(isUnavailable).map((node) => ({
        cluster: access.cluster,
        node: nameOf(node),
        why: hasCondition(node, 'Ready') ? 'cordoned' : 'not Ready',
      }));
    }),
  );
  return found.flat();
}

/** Returns how activities reach a cluster of a fleet. */
export function accessOf(cluster: Cluster): ClusterAccess {
  const { name, kubeconfig, context, ssh } = cluster;
  return {
    cluster: name,
    ...(kubeconfig ? { kubeconfig } : {}),
    ...(context ? { context } : {}),
    ssh,
  };
}

interface FoundNode {
  readonly facts: KubeNodeFacts;
  readonly access: ClusterAccess;
}

async function nodesOf(
  deps: ActivityDeps,
  fleet: Fleet,
  cluster: Cluster,
): Promise<readonly FoundNode[]> {
  const access = accessOf(cluster);
  const kube = deps.kube(access);
  const found = new Map<string, FoundNode>();
  for (const group of cluster.nodeGroups) {
    for (const node of await kube.listNodes(group.selector)) {
      const place = { cluster: cluster.name, nodeGroup: group.name };
      const facts = kubeFacts(node, { ...place, failureDomainLabel: group.failureDomainLabel });
      const twin = found.get(facts.node)?.facts;
      if (twin) {
        fail(
          'InvalidDocument',
          `Fleet ${fleet.metadata.name}: node ${facts.node} of ${cluster.name} is in the node groups ${twin.nodeGroup} and ${group.name}. Make their selectors exclude each other.`,
        );
      }
      found.set(facts.node, { facts, access });
    }
  }
  return [...found.values()];
}

function isTargeted(facts: KubeNodeFacts, targets: FactsQuestion['targets']): boolean {
  const names = [facts.node, `${facts.cluster}/${facts.node}`];
  return (
    (targets?.nodeGroups?.includes(facts.nodeGroup) ?? true) &&
    (targets?.nodes?.some((wanted) => names.includes(wanted)) ?? true)
  );
}

async function readHost(input: {
  readonly deps: ActivityDeps;
  readonly context: ActivityContext;
  readonly question: FactsQuestion;
  readonly facts: KubeNodeFacts;
  readonly access: ClusterAccess;
}): Promise<HostReading> {
  const { deps, context, question, facts, access } = input;
  const { node, address } = facts;
  try {
    if (!address) {
      fail(
        'HostUnreachable',
        `${node}: Kubernetes knows no InternalIP of it. Look at its kubelet.`,
      );
    }
    return await withHost(deps, { access, node, address }, async (host) => {
      const inspection = await inspectHost(host, node, question.packages);
      const offered = question.offers ? await readOffers(host, node, question.packages) : [];
      const { containers } = inspection;
      return { facts: { ...facts, host: inspection.host }, offered, containers };
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const type = failureType(error);
    if (!type) throw error;
    const unreachable = { type, message: messageOf(error) };
    return { facts: { ...facts, unreachable }, offered: [], containers: [] };
  }
}
