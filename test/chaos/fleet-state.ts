/** Reads from the lab what the invariant and the books judge. */
import { nodeStates } from '../../lab/cluster.ts';
import { kubectl } from '../../lab/control-plane.ts';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { onNode } from '../../lab/node.ts';
import { run, waitFor } from '../../lab/run.ts';
import { type LabNode, nodes } from '../../lab/settings.ts';
import {
  ATTENTION_ANNOTATION,
  LEASE_ANNOTATION,
  QUARANTINE,
} from '../../workflows/domain/inventory.ts';
import type { NodeSnapshot } from './invariant.ts';

export interface FleetState {
  readonly nodes: readonly NodeSnapshot[];
  /** Holder of the cluster's own Lease; empty without one. */
  readonly clusterLease: string;
  /** By node: the versions of containerd that were installed there, by dpkg's log. */
  readonly installed: ReadonlyMap<string, readonly string[]>;
}

// A unit that has succeeded stays "active (exited)": that is its record, and nothing that runs.
const script = `
systemctl list-units --all --plain --no-legend 'tidegate-*' | while read -r unit load active sub rest; do
  case "$active/$sub" in active/exited | failed/* | inactive/*) ;; *)
    case "$unit" in tidegate-prepare.service | tidegate-image.service) ;; *) echo "unit $unit" ;; esac ;;
  esac
done
dpkg --audit | head -n 3 | sed 's/^/dpkg /'
ls /var/lib/dpkg/updates/[0-9]* 2>/dev/null | sed 's/^/dpkg unfinished /'
ls /var/cache/tidegate 2>/dev/null | sed -n 's/[.]deb$//p' | sed 's/^/staged /'
ls -d /run/tidegate-reboot-* /var/cache/tidegate/holds /var/cache/tidegate/*.new 2>/dev/null | sed 's/^/left /'
sed -n 's/.* status installed containerd:amd64 /installed /p' /var/log/dpkg.log
echo end
`;

/** Waits until every node answers and is Ready, which is the kubelets' affair, then reads them. */
export async function readFleet(): Promise<FleetState> {
  await settle();
  const [facts, objects, hosts, clusterLease, probes] = await Promise.all([
    fleetFacts(),
    nodeObjects(),
    Promise.all(nodes.map(readHost)),
    run(
      kubectl(
        ...['-n', 'tidegate', 'get', 'lease', 'tidegate', '--ignore-not-found'],
        ...['-o', 'jsonpath={.spec.holderIdentity}'],
      ),
    ),
    probePods(),
  ]);
  const installed = new Map(nodes.map(({ name }, at) => [name, hosts[at]?.('installed') ?? []]));
  return {
    clusterLease,
    installed,
    nodes: facts.map(({ node, dpkg, daemon, ready, schedulable }, index) => {
      const object = objects.get(node);
      const said = object?.metadata.annotations ?? {};
      const host = hosts[index] ?? (() => []);
      return {
        ...{ node, dpkg, daemon, ready, schedulable },
        leaseHolder: holderOf(said[LEASE_ANNOTATION]),
        attention: said[ATTENTION_ANNOTATION] ?? '',
        quarantineLabel: object?.metadata.labels?.[QUARANTINE] !== undefined,
        quarantineTaint: (object?.spec.taints ?? []).some(({ key }) => key === QUARANTINE),
        runningUnits: host('unit'),
        staged: host('staged'),
        leftovers: [...host('left'), ...(probes.get(node) ?? [])],
        dpkgTrouble: host('dpkg').join(' '),
      };
    }),
  };
}

/** A node that stays NotReady is left to the invariant; one that cannot be reached ends the run. */
async function settle(): Promise<void> {
  const deadline = Date.now() + 45_000;
  await waitFor({
    what: 'the fleet to answer',
    timeoutMs: 90_000,
    everyMs: 500,
    until: async () => {
      const answers = await Promise.all(nodes.map((node) => onNode(node, 'true')));
      const states = await nodeStates();
      const allReady = states.length === nodes.length && states.every(({ ready }) => ready);
      return answers.every(({ code }) => code === 0) && (allReady || Date.now() > deadline);
    },
  });
}

/** Returns a way to ask for the lines of one kind that a node's host told. */
async function readHost(node: LabNode): Promise<(word: string) => readonly string[]> {
  const { stdout, stderr } = await onNode(node, script);
  const lines = stdout.trim().split('\n');
  if (lines.at(-1) !== 'end') throw new Error(`${node.name} does not tell its state: ${stderr}`);
  return (word) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** By node: probe pods that are still there and not on their way out. */
async function probePods(): Promise<ReadonlyMap<string, readonly string[]>> {
  const command = kubectl('-n', 'tidegate', 'get', 'pods', '-o', 'json');
  const { items } = JSON.parse(await run(command)) as {
    items: readonly {
      metadata: { name: string; deletionTimestamp?: string };
      spec: { nodeName?: string };
    }[];
  };
  const left = new Map<string, string[]>();
  for (const { metadata, spec } of items) {
    if (metadata.deletionTimestamp) continue;
    const node = spec.nodeName ?? '';
    left.set(node, [...(left.get(node) ?? []), `pod ${metadata.name}`]);
  }
  return left;
}

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
}

async function nodeObjects(): Promise<ReadonlyMap<string, NodeObject>> {
  const { items } = JSON.parse(await run(kubectl('get', 'nodes', '-o', 'json'))) as {
    items: readonly NodeObject[];
  };
  return new Map(items.map((item) => [item.metadata.name, item]));
}

function holderOf(text: string | undefined): string {
  if (text === undefined) return '';
  return (JSON.parse(text) as { holder?: string }).holder ?? 'nobody it names';
}
