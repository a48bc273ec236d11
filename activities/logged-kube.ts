/** A cluster whose changes are kept in the log of the attempt that makes them. */
import type { KubeAdapter } from './adapters/kube-adapter.ts';
import { logChange } from './command-log.ts';

/** Returns the same cluster; every call that changes something in it is logged with what it was about. */
export function loggedKube(kube: KubeAdapter): KubeAdapter {
  return {
    ...kube,
    patchNode: (node, patch) =>
      logged(
        `patch node ${node}: ${pathsOf(patch).join(', ')}`,
        () => kube.patchNode(node, patch),
        ({ kind }) => kind === 'Patched',
      ),
    createPod: (namespace, pod) =>
      logged(
        `create pod ${namespace}/${pod.metadata?.name}`,
        () => kube.createPod(namespace, pod),
        (created) => created !== undefined,
      ),
    deletePod: (namespace, name, uid) =>
      logged(`delete pod ${namespace}/${name}`, () => kube.deletePod(namespace, name, uid)),
    evict: (pod) =>
      logged(
        `evict ${pod.namespace}/${pod.name}`,
        () => kube.evict(pod),
        ({ kind }) => kind === 'Accepted',
      ),
    exec: (input) =>
      logged(
        `exec in ${input.namespace}/${input.pod} (${input.container}): ${input.command.join(' ')}`,
        () => kube.exec(input),
      ),
    putLease: (namespace, name, lease) =>
      logged(
        `put lease ${namespace}/${name}, holder "${lease.holder}"`,
        () => kube.putLease(namespace, name, lease),
        (put) => put,
      ),
    deleteLease: (namespace, name, lease) =>
      logged(
        `delete lease ${namespace}/${name}`,
        () => kube.deleteLease(namespace, name, lease),
        (deleted) => deleted,
      ),
  };
}

/** What has failed may have been done all the same: it is kept, and says so. */
async function logged<T>(
  what: string,
  call: () => Promise<T>,
  changed: (answer: T) => boolean = () => true,
): Promise<T> {
  let answer: T;
  try {
    answer = await call();
  } catch (error) {
    logChange(`${what} (failed)`);
    throw error;
  }
  if (changed(answer)) logChange(what);
  return answer;
}

/** Which fields a patch sets, without their values. */
function pathsOf(patch: object, above = ''): string[] {
  return Object.entries(patch).flatMap(([name, value]) => {
    const path = above === '' ? name : `${above}.${name}`;
    if (path === 'metadata.resourceVersion') return [];
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return nested ? pathsOf(value as object, path) : [path];
  });
}
