import { kubectl } from './control-plane.ts';
import { fleetFacts, type NodeFacts } from './fleet-facts.ts';
import { onNode } from './node.ts';
import { run, waitFor } from './run.ts';
import { nodeNamed, versions } from './settings.ts';
import { speedUp } from './slowdown.ts';
import { together } from './tasks.ts';

// Through apt as an administrator would; the staged packages of earlier rollouts go as well.
const goBack = `
set -e
export DEBIAN_FRONTEND=noninteractive
dpkg --configure -a --force-confold
apt-get -q -o DPkg::Lock::Timeout=60 update
apt-get -q -y --allow-downgrades --allow-change-held-packages -o DPkg::Lock::Timeout=60 \\
  -o Dpkg::Options::=--force-confold install containerd=${versions.containerd}
ctr version | grep -Fq 'Revision: ${versions.containerd}' || systemctl restart containerd
`;

/** Empties the caches that an update would profit from, so that every run starts alike. */
export const forget = 'apt-get clean; rm -rf /var/cache/tidegate';

/** Returns what a node's facts differ in from what the lab starts with; empty if in nothing. */
export function differences(facts: NodeFacts): readonly string[] {
  const { dpkg, daemon, schedulable, annotations, labels, taints, slowed } = facts;
  return [
    ...(dpkg === versions.containerd ? [] : [`containerd ${dpkg}`]),
    ...(daemon === dpkg ? [] : [`its daemon runs ${daemon || 'not'}`]),
    ...(schedulable ? [] : ['cordoned']),
    ...annotations.map((name) => `annotation ${name}`),
    ...labels.map((name) => `label ${name}`),
    ...taints.map((name) => `taint ${name}`),
    ...(slowed ? ['slowed down'] : []),
  ];
}

/** Takes nodes back to what the lab starts with, and returns what each of them had been. */
export async function resetNodes(): Promise<readonly string[]> {
  const facts = await fleetFacts();
  const changed = facts.filter((entry) => differences(entry).length > 0);
  await together(...changed.map(resetNode));
  await waitFor({
    what: 'the nodes to be as the lab starts them',
    timeoutMs: 60_000,
    everyMs: 500,
    until: async () => {
      const now = await fleetFacts();
      return now.every((entry) => entry.ready && differences(entry).length === 0);
    },
  });
  return changed.map((entry) => `${entry.node}: ${differences(entry).join(', ')}`);
}

async function resetNode(facts: NodeFacts): Promise<void> {
  const node = nodeNamed(facts.node);
  if (facts.slowed) await speedUp(node);
  if (facts.dpkg !== versions.containerd || facts.daemon !== facts.dpkg) {
    const { code, stdout, stderr } = await onNode(node, goBack);
    const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n  ');
    if (code !== 0) throw new Error(`${node.name} does not go back:\n  ${tail}`);
  }
  if (!facts.schedulable) await run(kubectl('uncordon', node.name));
  const marks = [
    ['annotate', facts.annotations],
    ['label', facts.labels],
    ['taint', facts.taints],
  ] as const;
  for (const [verb, names] of marks) {
    const removals = names.map((name) => `${name}-`);
    if (removals.length > 0) await run(kubectl(verb, 'node', node.name, ...removals));
  }
}
