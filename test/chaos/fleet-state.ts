/** Reads from the lab what the invariant judges. */

import { nodeStates } from '../../lab/cluster.ts';
import { kubectl } from '../../lab/control-plane.ts';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { onNode } from '../../lab/node.ts';
import { attempt, run, waitFor } from '../../lab/run.ts';
import { type LabNode, nodes } from '../../lab/settings.ts';
import { ATTENTION_ANNOTATION, LEASE_ANNOTATION } from '../../workflows/domain/inventory.ts';
import type { NodeSnapshot } from './invariant.ts';

export interface FleetState {
  readonly nodes: readonly NodeSnapshot[];
  /** Holder of the cluster's own Lease; empty without one. */
  readonly clusterLease: string;
}

// A unit that has succeeded stays "active (exited)": that is its record, and nothing that runs.
const script = `
systemctl list-units --all --plain --no-legend 'tidegate-tx-*' | while read -r unit load active sub rest; do
  case "$active/$sub" in active/exited | failed/* | inactive/*) ;; *) echo "unit $unit" ;; esac
done
dpkg --audit | head -n 3 | sed 's/^/dpkg /'
ls /var/lib/dpkg/updates/[0-9]* 2>/dev/null | sed 's/^/dpkg unfinished /'
echo end
`;

/** Waits until every node answers and is Ready, which is the kubelets' affair, then reads them. */
export async function readFleet(): Promise<FleetState> {
  await settle();
  const [facts, annotations, hosts, clusterLease] = await Promise.all([
    fleetFacts(),
    readAnnotations(),
    Promise.all(nodes.map(readHost)),
    run(
      kubectl(
        ...['-n', 'tidegate', 'get', 'lease', 'tidegate', '--ignore-not-found'],
        ...['-o', 'jsonpath={.spec.holderIdentity}'],
      ),
    ),
  ]);
  return {
    clusterLease,
    nodes: facts.map(({ node, dpkg, daemon, ready, schedulable }, index) => {
      const said = annotations.get(node) ?? {};
      return {
        ...{ node, dpkg, daemon, ready, schedulable },
        leaseHolder: holderOf(said[LEASE_ANNOTATION]),
        attention: said[ATTENTION_ANNOTATION] ?? '',
        runningUnits: hosts[index]?.runningUnits ?? [],
        dpkgTrouble: hosts[index]?.dpkgTrouble ?? '',
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

async function readHost(node: LabNode): Promise<{ runningUnits: string[]; dpkgTrouble: string }> {
  const { stdout, stderr } = await onNode(node, script);
  const lines = stdout.trim().split('\n');
  if (lines.at(-1) !== 'end') throw new Error(`${node.name} does not tell its state: ${stderr}`);
  const after = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return { runningUnits: after('unit'), dpkgTrouble: after('dpkg').join(' ') };
}

async function readAnnotations(): Promise<ReadonlyMap<string, Record<string, string>>> {
  const { code, stdout, stderr } = await attempt(kubectl('get', 'nodes', '-o', 'json'));
  if (code !== 0) throw new Error(`the nodes cannot be read: ${stderr}`);
  const { items } = JSON.parse(stdout) as {
    items: readonly { metadata: { name: string; annotations?: Record<string, string> } }[];
  };
  return new Map(items.map(({ metadata }) => [metadata.name, metadata.annotations ?? {}]));
}

function holderOf(text: string | undefined): string {
  if (text === undefined) return '';
  return (JSON.parse(text) as { holder?: string }).holder ?? 'nobody it names';
}
