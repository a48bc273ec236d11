/** Plans and inputs for workflow tests: small, typed, and made by the real planner where one is. */
import { createHash } from 'node:crypto';
import type { NodeInput } from '../../workflows/contract.ts';
import type { ClusterAccess, NodeFacts, OfferedPackage } from '../../workflows/domain/inventory.ts';
import { makePlan } from '../../workflows/domain/plan.ts';
import type { Plan, PlannedNode } from '../../workflows/domain/plan-types.ts';
import {
  type Bundle,
  bundleSchema,
  type Disruption,
  type Fleet,
  fleetSchema,
  type Policy,
  policySchema,
  type Rollout,
  rolloutSchema,
} from '../../workflows/domain/spec.ts';
import { FROM, TO } from './fake-fleet.ts';

export const hash = (text: string) => createHash('sha256').update(text).digest('hex');
export const SHA_FROM = hash(FROM);
export const SHA_TO = hash(TO);
const apiVersion = 'tidegate.dev/v1alpha1';

export const fleet: Fleet = fleetSchema.parse({
  apiVersion,
  kind: 'Fleet',
  metadata: { name: 'lab' },
  spec: {
    clusters: [
      {
        name: 'east',
        region: 'east',
        nodeGroups: [{ name: 'workers', selector: 'pool=workers' }],
        ssh: { privateKeyFile: 'id', knownHostsFile: 'known_hosts' },
      },
    ],
  },
});

export const policy: Policy = policySchema.parse({
  apiVersion,
  kind: 'Policy',
  metadata: { name: 'standard' },
  spec: { undoDeadlineSeconds: 300 },
});

export function bundleOf(disruption: Disruption = 'Restart'): Bundle {
  return bundleSchema.parse({
    apiVersion,
    kind: 'Bundle',
    metadata: { name: 'containerd-deb12u3' },
    spec: {
      reason: 'security fix',
      fixes: ['CVE-2025-64329'],
      disruption,
      releases: [
        {
          os: 'debian-12',
          architecture: 'amd64',
          packages: [
            {
              name: 'containerd',
              daemon: 'containerd',
              to: { version: TO, sha256: SHA_TO },
              from: [{ version: FROM, sha256: SHA_FROM }],
            },
          ],
        },
      ],
    },
  });
}

/** Returns a Rollout document; `strategy` and `spec` override the defaults. */
export function rolloutOf(strategy: object = {}, spec: object = {}): Rollout {
  return rolloutSchema.parse({
    apiVersion,
    kind: 'Rollout',
    metadata: { name: 'patch' },
    spec: {
      requestedBy: 'platform-oncall',
      reason: 'CVE-2025-64329',
      fleet: 'lab',
      bundle: 'containerd-deb12u3',
      policy: 'standard',
      strategy: { waves: { size: 2 }, maxUnavailable: 2, ...strategy },
      ...spec,
    },
  });
}

/** Returns the facts of one healthy node. */
export function factsOf(node: string, zone: string, change: Partial<NodeFacts> = {}): NodeFacts {
  return {
    cluster: 'east',
    node,
    uid: `uid-${node}`,
    address: '192.0.2.1',
    labels: { pool: 'workers' },
    nodeGroup: 'workers',
    failureDomain: zone,
    ready: true,
    unschedulable: false,
    kubeletVersion: 'v1.34.4',
    containerRuntimeVersion: 'containerd://1.6.20',
    kernel: '6.1.0',
    host: {
      os: 'debian-12',
      osPrettyName: 'Debian GNU/Linux 12 (bookworm)',
      architecture: 'amd64',
      kernel: '6.1.0',
      bootId: 'boot',
      cgroupVersion: 2,
      packages: [
        { name: 'containerd', version: FROM, status: 'install ok installed', held: false },
      ],
      daemons: { containerd: FROM },
      dpkgInterrupted: false,
      diskFreeBytes: 10 ** 10,
    },
    ...change,
  };
}

export const OFFERED: readonly OfferedPackage[] = [
  { name: 'containerd', version: FROM, sha256: SHA_FROM },
  { name: 'containerd', version: TO, sha256: SHA_TO },
];

const ZONES = ['a', 'b', 'c'];

/** Returns facts of nodes east-1..east-n, spread over three zones. */
export function fleetFacts(count: number): NodeFacts[] {
  return Array.from({ length: count }, (_, i) =>
    factsOf(`east-${i + 1}`, ZONES[i % ZONES.length] ?? 'a'),
  );
}

/** Returns what every node's package sources offer. */
export function offers(facts: readonly NodeFacts[]): Record<string, readonly OfferedPackage[]> {
  return Object.fromEntries(facts.map((entry) => [`${entry.cluster}/${entry.node}`, OFFERED]));
}

/** Returns the plan that the planner makes for `count` nodes. */
export function planOf(args: {
  count: number;
  disruption?: Disruption;
  strategy?: object;
  policy?: Policy;
}): Plan {
  const facts = fleetFacts(args.count);
  const answer = makePlan({
    rollout: rolloutOf(args.strategy),
    fleet,
    bundle: bundleOf(args.disruption),
    policy: args.policy ?? policy,
    facts,
    offered: offers(facts),
    hash,
  });
  if (answer.kind === 'Refused') throw new Error(answer.reasons.join('; '));
  return answer.plan;
}

/** Returns the input of one node's workflow. */
export function nodeInput(disruption: Disruption, node = 'east-1'): NodeInput {
  const plan = planOf({ count: 1 });
  const target = plan.waves[0]?.nodes[0] as PlannedNode;
  const access = plan.clusters[0] as ClusterAccess;
  return {
    rollout: 'patch',
    direction: 'Forward',
    target: { ...target, node, uid: `uid-${node}`, disruption },
    access,
    policy: policy.spec,
  };
}
