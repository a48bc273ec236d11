/** Activities that load nodes for a validation: disk, network, and pods that come and go. */
import type { LoadActivities } from '../workflows/contract.ts';
import { NAMESPACE } from '../workflows/domain/baseline.ts';
import type { KubeAdapter, V1Pod } from './adapters/kube-adapter.ts';
import { type ActivityDeps, inPhase } from './deps.ts';
import { fail } from './failure.ts';
import { churnPod, clientPod, ioPod, LOAD_LABEL, serverPod } from './load-pods.ts';

const POLL_MS = 250;
/** Less than the startToClose of the workflow's rounds (2 min, workflows/validation.ts). */
const PATIENCE_MS = 90_000;

/** Returns the activities that load nodes. */
export function loadActivities(deps: ActivityDeps): LoadActivities {
  return {
    /**
     * *Effect*: on each node a pod that writes, one that serves and one that reads from it run.
     * *Idempotent because*: their names are always the same; one that is there is left.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: VerificationFailed where a pod of the load does not run; Kubernetes….
     */
    startLoad: ({ access, nodes, load, limitSeconds }) =>
      inPhase(deps, 'Loading', async () => {
        const kube = deps.kube(access);
        await Promise.all(
          nodes.map(async (node) => {
            await kube.createPod(NAMESPACE, ioPod(node, load, limitSeconds));
            await kube.createPod(NAMESPACE, serverPod(node, load, limitSeconds));
            const server = await until(deps, kube, serverPod(node, load, limitSeconds), serves);
            const peer = server?.status?.podIP ?? '';
            await kube.createPod(NAMESPACE, clientPod(node, load, limitSeconds, peer));
          }),
        );
      }),

    /**
     * *Effect*: none that lasts; pods come, end and go.
     * *Idempotent because*: their names are always the same; what an earlier attempt left is used up.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: VerificationFailed where a pod does not come to its end; Kubernetes….
     */
    churn: ({ access, nodes, load }) =>
      inPhase(deps, 'Churning', async () => {
        const kube = deps.kube(access);
        const pods = nodes.flatMap((node) =>
          Array.from({ length: load.churnPods }, (_, index) => churnPod(node, load, index)),
        );
        await Promise.all(pods.map((pod) => comeAndGo(deps, kube, pod)));
        return { ended: pods.length };
      }),

    /**
     * *Effect*: no pod of the load is left on the nodes.
     * *Idempotent because*: one that is gone is deleted already.
     * *Heartbeats*: { phase } every 2 s.
     * *Fails with*: Kubernetes….
     */
    stopLoad: ({ access, nodes }) =>
      inPhase(deps, 'Loading', async () => {
        const kube = deps.kube(access);
        const found = await Promise.all(nodes.map((node) => kube.podsOn(node)));
        const ours = found.flat().filter(({ metadata }) => metadata?.labels?.[LOAD_LABEL]);
        await Promise.all(ours.map((pod) => kube.deletePod(NAMESPACE, nameOf(pod))));
      }),
  };
}

async function comeAndGo(deps: ActivityDeps, kube: KubeAdapter, pod: V1Pod): Promise<void> {
  try {
    await kube.createPod(NAMESPACE, pod);
    await until(deps, kube, pod, ({ status }) => status?.phase === 'Succeeded');
  } finally {
    await kube.deletePod(NAMESPACE, nameOf(pod));
  }
}

function serves({ status }: V1Pod): boolean {
  return status?.phase === 'Running' && (status.podIP ?? '') !== '';
}

/** Waits until a pod is as wanted; one that somebody deleted meanwhile counts as ended. */
async function until(
  deps: ActivityDeps,
  kube: KubeAdapter,
  wanted: V1Pod,
  done: (pod: V1Pod) => boolean,
): Promise<V1Pod | undefined> {
  const name = nameOf(wanted);
  const deadline = deps.clock.now() + PATIENCE_MS;
  for (;;) {
    const pod = await kube.getPod(NAMESPACE, name);
    if (!pod || done(pod)) return pod;
    const phase = pod.status?.phase ?? 'unknown';
    if (phase === 'Failed' || deps.clock.now() > deadline) {
      const why = pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? pod.status?.reason;
      fail(
        'VerificationFailed',
        `pod ${NAMESPACE}/${name} of the load is ${phase}${why ? ` (${why})` : ''}: look at analysis.load of the policy, its image and its commands`,
        [],
      );
    }
    await deps.clock.sleep(POLL_MS, deps.context().signal);
  }
}

function nameOf(pod: V1Pod): string {
  return pod.metadata?.name ?? '';
}
