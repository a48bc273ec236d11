/** Decides what the drain of a wave's nodes would meet, before anything is evicted. */
import {
  type BudgetFacts,
  type BudgetRefusal,
  budgetAsked,
  refusalOf,
} from './disruption-budget.ts';
import { impactOf, ownerOf, type PodFacts, volumesText, workloadOf } from './eviction.ts';
import type { DrainBlocker } from './plan-types.ts';
import type { Disruption, Policy } from './spec.ts';

/** A pod with how well it does. */
export interface SimulatedPod extends PodFacts {
  readonly crashLooping: boolean;
}

export interface SimulatedNode {
  readonly node: string;
  readonly failureDomain: string;
  readonly disruption: Disruption;
  readonly pods: readonly SimulatedPod[];
}

export interface SimulatedWave {
  readonly nodes: readonly SimulatedNode[];
  readonly drain: Policy['spec']['drain'];
  readonly maxUnavailable: number;
  readonly maxPerFailureDomain: number;
}

/** Returns everything that would block the drain of a wave, what waiting cannot cure first. */
export function simulateDrain(wave: SimulatedWave): readonly DrainBlocker[] {
  const leaving = wave.nodes.map((node) => ({ node, pods: going(node, wave) }));
  const free: Leaving[] = [];
  const found: DrainBlocker[] = [];
  for (const { node, pods } of leaving) {
    const moving: SimulatedPod[] = [];
    for (const pod of pods) {
      const obstacle = obstacleOf(pod, wave);
      if (obstacle) found.push({ ...named(node, pod), ...obstacle });
      if (!obstacle?.permanent && !obstacle?.budget) moving.push(pod);
    }
    free.push({ node, pods: moving });
  }
  const all = [...found, ...exhaustedTogether(free, wave)];
  return [...all.filter((entry) => entry.permanent), ...all.filter((entry) => !entry.permanent)];
}

/** A node with pods that leave it. */
interface Leaving {
  readonly node: SimulatedNode;
  readonly pods: readonly SimulatedPod[];
}

function named({ node }: SimulatedNode, pod: SimulatedPod) {
  const { contact } = pod;
  return {
    node,
    pod: `${pod.namespace}/${pod.name}`,
    owner: ownerOf(pod),
    ...(contact ? { contact } : {}),
  };
}

/** Pods that have to leave: neither those that stay, nor those that are waited for. */
function going(node: SimulatedNode, { drain }: SimulatedWave): readonly SimulatedPod[] {
  const effects = impactOf(node.pods, { ...drain, disruption: node.disruption });
  return node.pods.filter((pod, index) => {
    const effect = effects[index]?.effect;
    return !pod.terminating && (effect === 'Evicted' || effect === 'Blocks');
  });
}

type Obstacle = Omit<DrainBlocker, 'node' | 'pod' | 'owner' | 'contact'>;

function obstacleOf(pod: SimulatedPod, wave: SimulatedWave): Obstacle | undefined {
  return forbidden(pod, wave) ?? heldByBudget(pod) ?? comingBack(pod);
}

/** What the policy does not evict; a rule that names the pod has decided already. */
function forbidden(pod: SimulatedPod, { drain }: SimulatedWave): Obstacle | undefined {
  // Its budgets put aside, a pod is blocked by what the policy says alone.
  const [impact] = impactOf([{ ...pod, budgets: [] }], { ...drain, disruption: 'Drain' });
  if (impact?.effect !== 'Blocks') return undefined;
  if (!pod.owner) {
    return {
      permanent: true,
      reason: 'has no controller: nothing would start it again',
      advice: `delete it if it may go (kubectl -n ${pod.namespace} delete pod ${pod.name}), or name it in a rule of the policy's drain with action Evict or Skip`,
    };
  }
  return {
    permanent: true,
    reason: `has local data (${volumesText(pod.localVolumes ?? [])}), and the policy says localStorage: Block`,
    advice:
      "name it in a rule of the policy's drain with action Evict or Skip, or set localStorage: Evict",
  };
}

function heldByBudget(pod: SimulatedPod): Obstacle | undefined {
  const refusal = refusalOf(pod);
  if (!refusal) return undefined;
  if (refusal.kind === 'Several') return inSeveral(pod);
  const { name, disruptionsAllowed } = refusal.budget;
  return { budget: { name, disruptionsAllowed }, ...heldByCount(pod, refusal) };
}

function heldByCount(
  pod: SimulatedPod,
  { kind, budget }: Exclude<BudgetRefusal, { kind: 'Several' }>,
): Obstacle {
  switch (kind) {
    case 'Uncounted':
      return uncounted(budget);
    case 'NotReady':
      return unhealthyHeld(pod, budget);
    case 'Exhausted':
      return exhausted(pod, budget);
  }
}

function inSeveral({ namespace, budgets }: SimulatedPod): Obstacle {
  const names = budgets.map((budget) => budget.name);
  return {
    permanent: true,
    reason: `is in several disruption budgets (${names.join(', ')}), which the API server refuses to evict`,
    advice: `let one of them select it: kubectl -n ${namespace} edit pdb ${names.join(' ')}`,
  };
}

function uncounted({ name }: BudgetFacts): Obstacle {
  return {
    permanent: false,
    reason: `budget ${name} has not been counted by Kubernetes yet`,
    advice: 'plan again in a moment; if it stays so, look at the kube-controller-manager',
  };
}

function exhausted(pod: SimulatedPod, budget: BudgetFacts): Obstacle {
  const { name, namespace, desiredHealthy, currentHealthy, expectedPods } = budget;
  if (isNeverMet(budget)) {
    return {
      permanent: true,
      reason: `budget ${name} (${written(budget)}) allows 0 disruptions and never will: it wants ${desiredHealthy} of ${expectedPods} pods`,
      advice: loosen(pod, budget),
    };
  }
  return {
    permanent: false,
    reason: `budget ${name} (${written(budget)}) allows none now: ${currentHealthy} of ${expectedPods} pods are healthy, ${desiredHealthy} have to be`,
    advice: `repair the pods that are not, or wait for them: kubectl -n ${namespace} describe pdb ${name}`,
  };
}

/** A pod that is not ready may go while enough others are; else it is held, however broken. */
function unhealthyHeld(pod: SimulatedPod, budget: BudgetFacts): Obstacle {
  const { name, namespace, currentHealthy, desiredHealthy } = budget;
  const why =
    desiredHealthy === 0
      ? 'while no other pod is healthy either'
      : `as long as only ${currentHealthy} of ${desiredHealthy} needed pods are healthy`;
  const patch = '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}';
  const state = pod.crashLooping ? 'keeps crashing' : 'is not ready';
  return {
    permanent: pod.crashLooping,
    reason: `${state}, and budget ${name} (${written(budget)}) holds it ${why}`,
    advice: `repair it, or let it go: kubectl -n ${namespace} patch pdb ${name} --type merge -p '${patch}'`,
  };
}

function comingBack(pod: SimulatedPod): Obstacle | undefined {
  if (!pod.toleratesCordon) return undefined;
  return {
    permanent: false,
    reason: 'tolerates cordoned nodes: the scheduler may put it straight back',
    advice: `take the toleration of node.kubernetes.io/unschedulable out of ${ownerOf(pod)}, or leave it by a rule of the policy's drain with action Skip`,
  };
}

/** Even with every pod healthy there is none to spare. */
function isNeverMet({ expectedPods, desiredHealthy }: BudgetFacts): boolean {
  return expectedPods > 0 && desiredHealthy >= expectedPods;
}

function written({ minAvailable, maxUnavailable }: BudgetFacts): string {
  if (minAvailable !== undefined) return `minAvailable ${minAvailable}`;
  return maxUnavailable === undefined ? 'no limit' : `maxUnavailable ${maxUnavailable}`;
}

function loosen(pod: SimulatedPod, budget: BudgetFacts): string {
  const { namespace, name, expectedPods, minAvailable } = budget;
  const edit = `kubectl -n ${namespace} edit pdb ${name}`;
  const named = `budget ${namespace}/${name}`;
  if (minAvailable === undefined) return `raise maxUnavailable of ${named}: ${edit}`;
  const lower = `lower minAvailable of ${named} (${edit})`;
  const scalable = scalableOwner(pod);
  // Of a share, one more replica is wanted as well.
  if (minAvailable.endsWith('%') || !scalable) return lower;
  const replicas = `--replicas=${Math.max(expectedPods, Number(minAvailable)) + 1}`;
  return `${lower}, or add a replica: kubectl -n ${namespace} scale ${scalable} ${replicas}`;
}

const SCALABLE: readonly string[] = ['StatefulSet', 'ReplicaSet', 'Deployment'];

function scalableOwner(pod: SimulatedPod): string | undefined {
  const { kind, name } = workloadOf(pod);
  return SCALABLE.includes(kind) ? `${kind.toLowerCase()}/${name}` : undefined;
}

/** Budgets that allow something, but not what nodes that are drained at once ask of them. */
function exhaustedTogether(
  leaving: readonly Leaving[],
  wave: SimulatedWave,
): readonly DrainBlocker[] {
  const asked = leaving.flatMap(({ pods }) => pods.flatMap((pod) => budgetAsked(pod) ?? []));
  const budgets = new Map(asked.map((budget) => [keyOf(budget), budget]));
  return [...budgets].flatMap(([key, budget]) => {
    const asking = leaving
      .map(({ node, pods }) => ({
        node,
        pods: pods.filter((pod) => keyOf(budgetAsked(pod)) === key),
      }))
      .filter(({ pods }) => pods.length > 0);
    const together = atOnce(asking, wave);
    const count = together.reduce((sum, { pods }) => sum + pods.length, 0);
    const second = together[1];
    const pod = second?.pods[0];
    const { name, disruptionsAllowed } = budget;
    if (!second || !pod || count <= disruptionsAllowed) return [];
    const nodes = together.map(({ node }) => node.node).join(' and ');
    return {
      ...named(second.node, pod),
      budget: { name, disruptionsAllowed },
      permanent: false,
      reason: `budget ${name} (${written(budget)}) allows ${disruptionsAllowed} at once, and ${count} of its pods are on ${nodes}, which may be drained together`,
      advice:
        'they go one after the other, as fast as new pods become ready; with maxUnavailable 1 only one node waits for it',
    };
  });
}

const keyOf = (budget: BudgetFacts | undefined) => budget && `${budget.namespace}/${budget.name}`;

/** Those of some nodes that could be in work at once, with most pods first. */
function atOnce(asking: readonly Leaving[], wave: SimulatedWave): readonly Leaving[] {
  const taken: Leaving[] = [];
  for (const one of [...asking].sort((a, b) => b.pods.length - a.pods.length)) {
    const domain = one.node.failureDomain;
    const same = taken.filter(({ node }) => node.failureDomain === domain).length;
    if (taken.length < wave.maxUnavailable && same < wave.maxPerFailureDomain) taken.push(one);
  }
  return taken;
}
