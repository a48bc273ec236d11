/** Starts a pod on a node to see how long that takes. */
import { createHash } from 'node:crypto';
import { NAMESPACE, PROBE_PREFIX } from '../../workflows/domain/baseline.ts';
import type { KubeAdapter } from '../adapters/kube-adapter.ts';
import { checkProbe, type ProbeInput } from '../checks/probe.ts';
import type { Clock } from '../context.ts';
import { NoData } from './answer.ts';

/**
 * Returns the name of a node's pod for measuring: always the same, so that none is left behind unseen,
 * and never that of the probe that `verify` starts, which may be there at the same time.
 */
export function measurePodName(what: 'start' | 'pull', node: string): string {
  const digest = createHash('sha256').update(node).digest('hex').slice(0, 8);
  return `${PROBE_PREFIX}${what}-${digest}-${node}`.slice(0, 63).replace(/[-.]+$/, '');
}

/** Another round removes its pod at once when it runs, and gives up one that does not start in so long. */
const LEFT_OVER_MS = { started: 3000, pending: 30_000 } as const;
const POLL_MS = 200;

/** Waits for the pod of another round, if there is one; what a dead worker has left is removed. */
export async function untilFree(
  kube: KubeAdapter,
  name: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const began = clock.now();
  for (;;) {
    const pod = await kube.getPod(NAMESPACE, name);
    if (!pod) return;
    const patience = pod.status?.phase === 'Pending' ? LEFT_OVER_MS.pending : LEFT_OVER_MS.started;
    if (clock.now() - began >= patience) {
      return await kube.deletePod(NAMESPACE, name, pod.metadata?.uid);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** Starts a probe and removes it; returns how long it took until the API showed it running. */
export async function startProbe(
  kube: KubeAdapter,
  probe: Omit<ProbeInput, 'image' | 'name'> & { readonly image: string | undefined },
): Promise<number> {
  const { image, node, clock, cancelled } = probe;
  if (image === undefined) throw new NoData('the policy names no verification.probeImage');
  const name = measurePodName('start', node);
  await untilFree(kube, name, { clock, signal: cancelled });
  const answer = await checkProbe(kube, { ...probe, image, name }, cancelled);
  if (answer.kind !== 'Passed') throw new Error(answer.reasons.join('; '));
  const { tookMs, notes } = answer.value;
  if (tookMs === undefined) throw new NoData(notes.join('; '));
  return tookMs;
}
