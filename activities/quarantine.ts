/** The activity that leaves a node to a person: cordoned, labelled, tainted, with the reason on it. */
import type { NodeActivities } from '../workflows/contract.ts';
import {
  ATTENTION_ANNOTATION,
  LEASE_ANNOTATION,
  QUARANTINE,
} from '../workflows/domain/inventory.ts';
import {
  type Attention,
  attentionReason,
  judgeQuarantine,
  type QuarantineVerdict,
  quarantineValue,
  releaseCommand,
  saysAlready,
} from '../workflows/domain/quarantine.ts';
import type { V1Node } from './adapters/kube-adapter.ts';
import { type ActivityDeps, inPhase } from './deps.ts';
import { fail } from './failure.ts';
import { nameOf, readAttention, readLease } from './node-facts.ts';
import { annotate, isOwn, onceThere, unlessGone, updateNode } from './node-patch.ts';

type Input = Parameters<NodeActivities['quarantine']>[0];

/** How long the other of two nodes at the same time has to go back. */
const SETTLE_MS = 10_000;
const LOOK_AGAIN_MS = 500;

/** Returns the activity `quarantine`. */
export function quarantineActivities(deps: ActivityDeps): Pick<NodeActivities, 'quarantine'> {
  return {
    /**
     * *Effect*: the node is cordoned, has label and taint tidegate.dev/quarantine, says why and what
     * to type in tidegate.dev/needs-attention, and is not leased. Beyond `limit` it is as before.
     * *Idempotent because*: what was said first is kept; a node that is gone needs nobody.
     * *Heartbeats*: { phase } every 2 s; a Node object that is gone is waited for, for a minute.
     * *Fails with*: QuarantineFull, Kubernetes….
     */
    async quarantine(input) {
      const quarantine = () => onceThere(deps, () => quarantineNode(deps, input));
      await inPhase(deps, 'Quarantining', () => unlessGone(quarantine));
    },
  };
}

async function quarantineNode(deps: ActivityDeps, input: Input): Promise<void> {
  const { limit } = input;
  if (limit === undefined) return await mark(deps, input, { keepLease: false });
  const before = await judge(deps, input, limit);
  if (before.kind === 'Full') return await refuse(deps, input, before.others);
  // The lease is what the undo of the node needs, should its quarantine have to be taken back.
  await mark(deps, input, { keepLease: true });
  const deadline = deps.clock.now() + SETTLE_MS;
  for (;;) {
    const verdict = await judge(deps, input, limit);
    if (verdict.kind === 'Stays') break;
    if (verdict.kind === 'Full') return await refuse(deps, input, verdict.others);
    // The others went on before this one was there: then it is the one too many.
    if (deps.clock.now() >= deadline) return await refuse(deps, input, verdict.others);
    await deps.clock.sleep(LOOK_AGAIN_MS, deps.context().signal);
  }
  await mark(deps, input, { keepLease: false });
}

async function judge(
  deps: ActivityDeps,
  { access, node }: Input,
  limit: number,
): Promise<QuarantineVerdict> {
  const nodes = await deps.kube(access).listNodes(QUARANTINE);
  const quarantined = nodes.map((entry) => ({
    node: nameOf(entry),
    since: readAttention(entry)?.since ?? '',
  }));
  return judgeQuarantine({ node, quarantined, limit });
}

async function refuse(deps: ActivityDeps, input: Input, others: readonly string[]): Promise<never> {
  await takeBack(deps, input);
  const { node, cluster, limit } = input;
  const [first] = others;
  const advice = first
    ? ` ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} there already. "kubectl describe node ${first}" says why, and what to type once it is right.`
    : '';
  return fail(
    'QuarantineFull',
    `Node ${node} of ${cluster} is not put into quarantine: the policy allows ${limit} at once (drain.maxQuarantined).${advice}`,
  );
}

/** One patch of the version that was read, so that taints that others set meanwhile are not lost. */
async function mark(
  deps: ActivityDeps,
  input: Input,
  { keepLease }: { readonly keepLease: boolean },
): Promise<void> {
  await updateNode(deps, input, (node) => {
    const attention = JSON.stringify(attentionOf(deps, input, node));
    const value = quarantineValue(input.reason);
    const taints = [...taintsOfOthers(node), { key: QUARANTINE, value, effect: 'NoSchedule' }];
    const lease = !keepLease && isOwn(node, input.holder) ? { [LEASE_ANNOTATION]: null } : {};
    if (isMarked(node, { attention, value }) && Object.keys(lease).length === 0) {
      return { done: undefined };
    }
    const patch = {
      metadata: {
        labels: { [QUARANTINE]: value },
        annotations: { [ATTENTION_ANNOTATION]: attention, ...lease },
      },
      spec: { unschedulable: true, taints },
    };
    return { patch, done: undefined };
  });
}

/** Takes back what `mark` did, and nothing that anybody else did. */
async function takeBack(deps: ActivityDeps, input: Input): Promise<void> {
  await updateNode(deps, input, (node) => {
    const attention = readAttention(node);
    if (!isQuarantined(node) || attention?.holder !== input.holder) return { done: undefined };
    const taints = taintsOfOthers(node);
    const patch = {
      metadata: {
        labels: { [QUARANTINE]: null },
        ...annotate({ [ATTENTION_ANNOTATION]: null }).metadata,
      },
      spec: {
        unschedulable: attention.cordoned ? true : null,
        taints: taints.length > 0 ? taints : null,
      },
    };
    return { patch, done: undefined };
  });
}

/** What was said first stands, or a second attempt would take the first one's cordon for another's. */
function attentionOf(deps: ActivityDeps, input: Input, node: V1Node): Attention {
  const said = isQuarantined(node) ? readAttention(node) : undefined;
  const lease = readLease(node);
  const cordoned = node.spec?.unschedulable === true;
  const mine = said?.holder === input.holder ? said : undefined;
  if (mine && saysAlready(mine, input.reason)) return mine;
  const known = lease && lease !== 'Unreadable' && lease.holder === input.holder;
  // Without the lease, e.g. on a node that has rejoined, the cordon is taken for Tidegate's.
  const cordonedBefore = known && lease.cordonedBefore;
  const command = releaseCommand(input.node, cordonedBefore ?? false);
  return {
    holder: input.holder,
    since: said?.since ?? new Date(deps.clock.now()).toISOString(),
    reason: attentionReason(input.reason, command),
    cordoned: mine?.cordoned ?? cordoned,
  };
}

function isQuarantined(node: V1Node): boolean {
  return node.metadata?.labels?.[QUARANTINE] !== undefined;
}

/** Whether a patch would change nothing. */
function isMarked(node: V1Node, wanted: { readonly attention: string; readonly value: string }) {
  const ours = (node.spec?.taints ?? []).filter((taint) => taint.key === QUARANTINE);
  return (
    node.spec?.unschedulable === true &&
    node.metadata?.labels?.[QUARANTINE] === wanted.value &&
    node.metadata.annotations?.[ATTENTION_ANNOTATION] === wanted.attention &&
    ours.length === 1 &&
    ours[0]?.value === wanted.value &&
    ours[0].effect === 'NoSchedule'
  );
}

function taintsOfOthers(node: V1Node) {
  return (node.spec?.taints ?? []).filter((taint) => taint.key !== QUARANTINE);
}
