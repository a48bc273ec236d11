/** Starts a pod on a node to see how long that takes. */
import { createHash } from 'node:crypto';
import { NAMESPACE, PROBE_PREFIX } from '../../workflows/domain/baseline.ts';
import type { KubeAdapter } from '../adapters/kube-adapter.ts';
import { checkProbe, type ProbeInput } from '../checks/probe.ts';
import { NoData } from './answer.ts';

/**
 * Returns the name of a node's pod for measuring: always the same, so that none is left behind unseen,
 * and never that of the probe that `verify` starts, which may be there at the same time.
 */
export function measurePodName(what: 'start' | 'pull', node: string): string {
  const digest = createHash('sha256').update(node).digest('hex').slice(0, 8);
  return `${PROBE_PREFIX}${what}-${digest}-${node}`.slice(0, 63).replace(/[-.]+$/, '');
}

/** Starts a probe and removes it; returns how long it took until the API showed it running. */
export async function startProbe(
  kube: KubeAdapter,
  probe: Omit<ProbeInput, 'image' | 'name'> & { readonly image: string | undefined },
): Promise<number> {
  const { image, node, cancelled } = probe;
  if (image === undefined) throw new NoData('the policy names no verification.probeImage');
  const name = measurePodName('start', node);
  // Of a worker that died while it measured.
  await kube.deletePod(NAMESPACE, name);
  cancelled.throwIfAborted();
  const answer = await checkProbe(kube, { ...probe, image, name }, cancelled);
  if (answer.kind !== 'Passed') throw new Error(answer.reasons.join('; '));
  const { tookMs, notes } = answer.value;
  if (tookMs === undefined) throw new NoData(notes.join('; '));
  return tookMs;
}
