import { kubectl } from './control-plane.ts';
import { ssh } from './node.ts';
import { run } from './run.ts';
import { type LabNode, nodes } from './settings.ts';
import { divertedShim } from './slowdown.ts';

/** A running container as the kernel knows it: the id stands for the process of that start time. */
export interface RunningContainer {
  readonly id: string;
  /** Process id and start time of its first process. */
  readonly process: string;
  readonly namespace: string;
  readonly pod: string;
}

/** What a node is, by its own word and by the cluster's. */
export interface NodeFacts {
  readonly node: string;
  /** Installed version of containerd, according to dpkg. */
  readonly dpkg: string;
  /** Version that the running daemon reports. */
  readonly daemon: string;
  readonly containers: readonly RunningContainer[];
  readonly ready: boolean;
  readonly schedulable: boolean;
  /** Names of annotations of Tidegate's on the Node object. */
  readonly annotations: readonly string[];
  /** Names of labels and of taints of Tidegate's on the Node object, but the lab's own. */
  readonly labels: readonly string[];
  readonly taints: readonly string[];
  /** Whether a test has slowed its container starts down, see slowdown.ts. */
  readonly slowed: boolean;
}

// Containers are read from the shims' folders and from /proc, not from the daemon under test.
const script = `
printf 'dpkg\\t%s\\n' "$(dpkg-query -W -f '\${Version}' containerd)"
printf 'daemon\\t%s\\n' "$(timeout 5 ctr version | sed -n '/^Server:/,$ s/^ *Revision: *//p')"
[ ! -e ${divertedShim} ] || printf 'slowed\\tyes\\n'
for dir in /run/containerd/io.containerd.runtime.v2.task/k8s.io/*/; do
  pid=$(cat "$dir/init.pid" 2>/dev/null) && stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
  set -- \${stat##*) }
  [ "$1" != Z ] || continue
  printf 'container\\t%s\\t%s@%s\\t%s\\n' "$(basename "$dir")" "$pid" "\${20}" \\
    "$(grep -oE '"io.kubernetes.cri.sandbox-name(space)?"[^,}]*' "$dir/config.json" | tr '\\n' '\\t')"
done
`;

/** Returns the facts of all five nodes. */
export async function fleetFacts(): Promise<readonly NodeFacts[]> {
  const objects = await nodeObjects();
  return Promise.all(
    nodes.map(async (node) => {
      const object = objects.find(({ metadata }) => metadata.name === node.name);
      const conditions = object?.status.conditions ?? [];
      return {
        ...(await hostFacts(node)),
        ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
        schedulable: object !== undefined && object.spec.unschedulable !== true,
        annotations: Object.keys(object?.metadata.annotations ?? {}).filter(isOurs),
        labels: Object.keys(object?.metadata.labels ?? {}).filter(isOurs),
        taints: (object?.spec.taints ?? []).map(({ key }) => key).filter(isOurs),
      };
    }),
  );
}

function isOurs(name: string): boolean {
  // A kubelet of the lab registers its node with that label, see node-config.ts.
  return name.startsWith('tidegate.dev/') && name !== 'tidegate.dev/lab';
}

type HostFacts = Pick<NodeFacts, 'node' | 'dpkg' | 'daemon' | 'containers' | 'slowed'>;

/** Returns what a node's host says. */
export async function hostFacts(node: LabNode): Promise<HostFacts> {
  const lines = (await run(ssh(node, script))).split('\n').map((line) => line.split('\t'));
  const field = (name: string) => lines.find(([key]) => key === name)?.[1] ?? '';
  const containers = lines
    .filter(([key]) => key === 'container')
    .map(([, id = '', process = '', ...annotations]) => {
      const named = (name: string) =>
        annotations.find((text) => text.startsWith(`"io.kubernetes.cri.${name}":`))?.split('"')[3];
      const pod = named('sandbox-name') ?? '';
      return { id, process, pod, namespace: named('sandbox-namespace') ?? '' };
    });
  const slowed = field('slowed') === 'yes';
  return { node: node.name, dpkg: field('dpkg'), daemon: field('daemon'), containers, slowed };
}

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string }[];
  };
  readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
}

async function nodeObjects(): Promise<readonly NodeObject[]> {
  const list = JSON.parse(await run(kubectl('get', 'nodes', '-o', 'json')));
  return (list as { items: readonly NodeObject[] }).items;
}
