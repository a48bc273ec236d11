/** Reads what runs on the nodes of a plan, and tells what draining its waves would meet. */
import { firingConflicts } from '../workflows/domain/cron.ts';
import { type SimulatedPod, simulateDrain } from '../workflows/domain/drain-simulation.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import { TURN_MS } from '../workflows/domain/lifecycle.ts';
import type { Plan, PlannedNode, PlannedWave, WaveDrain } from '../workflows/domain/plan-types.ts';
import type {
  BoundVolume,
  KubeAdapter,
  V1Pod,
  V1PodDisruptionBudget,
} from './adapters/kube-adapter.ts';
import { upcomingFirings } from './cron-jobs.ts';
import type { ActivityDeps } from './deps.ts';
import { isUnavailable, nameOf } from './node-facts.ts';
import { mapLimited } from './parallel.ts';
import { isReady, learnVolumes, podFacts } from './pod-facts.ts';
import { PodOwners } from './pod-owners.ts';

const PARALLEL_CALLS = 8;
/** From so many restarts on, a pod that is not ready is taken for one that keeps crashing. */
const MANY_RESTARTS = 3;

/** The pods of every node of a plan, with the budgets that select them. */
export interface Occupancy {
  /** What could not be read, in words. */
  readonly warnings: readonly string[];
  podsOf(node: PlannedNode): readonly SimulatedPod[];
}

/** Reads the pods of all nodes of a plan; budgets are read once for each namespace. */
export async function readOccupancy(deps: ActivityDeps, plan: Plan): Promise<Occupancy> {
  const pods = new Map<string, readonly SimulatedPod[]>();
  const readers = new Map(
    plan.clusters.map((access) => {
      const kube = deps.kube(access);
      const keys = plan.policy.spec.notices.ownerKeys;
      const owners = new PodOwners(kube, access.cluster, keys);
      return [access.cluster, new PodReader(kube, owners)];
    }),
  );
  const nodes = plan.waves.flatMap((wave) => wave.nodes);
  await mapLimited(nodes, PARALLEL_CALLS, async (node) => {
    const reader = readers.get(node.cluster);
    if (!reader) throw new Error(`the plan has no access to cluster ${node.cluster}`);
    pods.set(keyOf(node), await reader.podsOn(node));
  });
  const warnings = [...readers.values()].flatMap(({ owners }) => owners.warnings);
  return { warnings, podsOf: (node) => pods.get(keyOf(node)) ?? [] };
}

const keyOf = ({ cluster, node }: PlannedNode) => `${cluster}/${node}`;

/** Reads pods of one cluster; what several pods share is read once. */
class PodReader {
  private readonly budgets = new Map<string, Promise<readonly V1PodDisruptionBudget[]>>();
  private readonly volumes = new Map<string, BoundVolume>();
  private readonly kube: KubeAdapter;
  readonly owners: PodOwners;

  constructor(kube: KubeAdapter, owners: PodOwners) {
    this.kube = kube;
    this.owners = owners;
  }

  async podsOn(node: PlannedNode): Promise<readonly SimulatedPod[]> {
    const pods = await this.kube.podsOn(node.node);
    await learnVolumes(this.kube, pods, this.volumes);
    return await Promise.all(
      pods.map(async (pod) => {
        const budgets = await this.budgetsIn(pod.metadata?.namespace ?? '');
        // What nothing happens to needs no owner.
        const contact = drains(node) ? await this.owners.of(pod) : undefined;
        return {
          ...podFacts(pod, budgets, this.volumes),
          ...(contact === undefined ? {} : { contact }),
          crashLooping: isCrashLooping(pod),
        };
      }),
    );
  }

  private budgetsIn(namespace: string): Promise<readonly V1PodDisruptionBudget[]> {
    const known = this.budgets.get(namespace) ?? this.kube.budgetsIn(namespace);
    this.budgets.set(namespace, known);
    return known;
  }
}

function isCrashLooping(pod: V1Pod): boolean {
  const { status } = pod;
  const containers = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ];
  const crashes = containers.some(
    ({ state, restartCount, ready }) =>
      state?.waiting?.reason === 'CrashLoopBackOff' || (!ready && restartCount >= MANY_RESTARTS),
  );
  return crashes && !isReady(pod);
}

/** Returns what draining each wave that drains would meet; nothing is evicted to find out. */
export async function drainsOf(
  deps: ActivityDeps,
  plan: Plan,
  occupancy: Occupancy,
): Promise<readonly WaveDrain[]> {
  const waves = plan.waves.filter((wave) => wave.nodes.some(drains));
  const firings = new Map<string, FiringsOf>();
  for (const access of plan.clusters) {
    const concerned = waves.some((wave) => wave.cluster === access.cluster);
    if (concerned) firings.set(access.cluster, await firingsIn(deps, access, plan));
  }
  return waves.map((wave) => ({
    wave: wave.name,
    cluster: wave.cluster,
    blockers: blockersOf(wave, plan, occupancy),
    firings: wave.nodes.filter(drains).flatMap((node) => firings.get(wave.cluster)?.(node) ?? []),
  }));
}

const drains = ({ disruption }: PlannedNode) => disruption === 'Drain' || disruption === 'Reboot';

function blockersOf(wave: PlannedWave, plan: Plan, occupancy: Occupancy) {
  return simulateDrain({
    nodes: wave.nodes.filter(drains).map((node) => ({
      node: node.node,
      failureDomain: node.failureDomain,
      disruption: node.disruption,
      pods: occupancy.podsOf(node),
    })),
    drain: plan.policy.spec.drain,
    maxUnavailable: wave.maxUnavailable,
    maxPerFailureDomain: wave.maxPerFailureDomain,
  });
}

type FiringsOf = (node: PlannedNode) => WaveDrain['firings'];

async function firingsIn(
  deps: ActivityDeps,
  access: ClusterAccess,
  plan: Plan,
): Promise<FiringsOf> {
  const nodes = await deps.kube(access).listNodes();
  const forecasts = await upcomingFirings(deps, access, nodes);
  const unavailable = nodes.filter(isUnavailable).map(nameOf);
  const nowMs = deps.clock.now();
  return ({ node, disruption }) =>
    firingConflicts({
      node,
      nowMs,
      expectedMs: TURN_MS[disruption],
      unavailable,
      forecasts,
      drain: plan.policy.spec.drain,
    });
}
