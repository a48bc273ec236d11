import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  claimsOnNode,
  kuredLocks,
  leaseClaims,
  type MaintenanceLease,
} from '../../workflows/domain/other-tools.ts';

const created = '2026-01-01T12:00:00.000Z';
const lock = (nodeID: string, TTL = 0) => ({
  nodeID,
  metadata: { unschedulable: false },
  created: '2026-01-01T12:00:00.123456789Z',
  TTL,
});

describe("kured's lock", () => {
  const nodes = (value: unknown) => {
    const answer = kuredLocks(JSON.stringify(value), 'kube-system/kured');
    return answer.kind === 'Locks'
      ? answer.claims.map(({ node, until }) => [node, until])
      : answer.kind;
  };
  const half = 30 * 60 * 1e9;
  const rows: [string, unknown, unknown][] = [
    ['of one node', lock('east-1'), [['east-1', undefined]]],
    ['with a TTL', lock('east-1', half), [['east-1', '2026-01-01T12:30:00.123Z']]],
    [
      'of several nodes',
      { maxOwners: 2, locks: [lock('east-1'), lock('east-2', half)] },
      [
        ['east-1', undefined],
        ['east-2', '2026-01-01T12:30:00.123Z'],
      ],
    ],
    ['of several that nobody has', { maxOwners: 2, locks: null }, []],
    ['of several, given back', { maxOwners: 2, locks: [] }, []],
    ['that names no node', { created }, 'Unreadable'],
    ['that is a list', [lock('east-1')], 'Unreadable'],
    ['that is a number', 7, 'Unreadable'],
    ['with one that is no lock', { locks: [lock('east-1'), 'x'] }, 'Unreadable'],
  ];
  for (const [name, value, expected] of rows) {
    it(name, () => assert.deepEqual(nodes(value), expected));
  }

  it('says where it stands and since when', () => {
    assert.deepEqual(kuredLocks(JSON.stringify(lock('east-1')), 'ops/reboots'), {
      kind: 'Locks',
      claims: [
        {
          node: 'east-1',
          tool: 'kured',
          since: '2026-01-01T12:00:00.123Z',
          evidence: 'annotation weave.works/kured-node-lock of DaemonSet ops/reboots',
        },
      ],
    });
    assert.deepEqual(kuredLocks('{', 'ops/reboots'), { kind: 'Unreadable' });
  });
});

describe('a Node object', () => {
  const tools = (marks: { taint?: [string, string?]; annotation?: [string, string] }) => {
    const [key, value] = marks.taint ?? [];
    const [name, said] = marks.annotation ?? [];
    const claims = claimsOnNode({
      node: 'east-1',
      taints: key ? [{ key, ...(value ? { value } : {}) }] : [],
      annotations: name ? { [name]: said ?? '' } : {},
    });
    return claims.map(({ tool, since }) => (since ? `${tool} ${since}` : tool));
  };
  const mco = 'machineconfiguration.openshift.io/state';
  const flatcar = 'flatcar-linux-update.v1.flatcar-linux.net/reboot-in-progress';
  const rows: [Parameters<typeof tools>[0], string[]][] = [
    [{}, []],
    [
      { taint: ['ToBeDeletedByClusterAutoscaler', '1767268800'] },
      ['cluster-autoscaler 2026-01-01T12:00:00.000Z'],
    ],
    // The autoscaler only considers it, and changes its mind within minutes.
    [{ taint: ['DeletionCandidateOfClusterAutoscaler', '1767268800'] }, []],
    [{ taint: ['karpenter.sh/disrupted'] }, ['Karpenter']],
    [{ taint: ['karpenter.sh/disruption', 'disrupting'] }, ['Karpenter']],
    [{ taint: ['karpenter.sh/unregistered'] }, []],
    [{ taint: ['aws-node-termination-handler/spot-itn', 'x'] }, ['node-termination-handler']],
    [{ taint: ['medik8s.io/drain'] }, ['medik8s']],
    [{ taint: ['node.kubernetes.io/out-of-service', 'nodeshutdown'] }, ['somebody']],
    [{ taint: ['example.org/Maintenance'] }, ['somebody']],
    [{ taint: ['maintenance', 'disk'] }, ['somebody']],
    [{ taint: ['maintenance.example.org/done'] }, []],
    [{ taint: ['node.kubernetes.io/unschedulable'] }, []],
    [{ taint: ['node-role.kubernetes.io/control-plane'] }, []],
    [{ taint: ['tidegate.dev/quarantine', 'attention'] }, []],
    [{ annotation: [mco, 'Working'] }, ['machine-config-operator']],
    [{ annotation: [mco, 'Done'] }, []],
    [{ annotation: [flatcar, 'true'] }, ['Flatcar update operator']],
    [{ annotation: [flatcar, 'false'] }, []],
    [
      { annotation: ['weave.works/kured-reboot-in-progress', '2026-01-01T12:00:00Z'] },
      [`kured ${created}`],
    ],
  ];
  for (const [marks, expected] of rows) {
    const mark = marks.taint ?? marks.annotation ?? ['nothing'];
    it(`with ${mark.join('=')} is claimed by ${expected.join() || 'nobody'}`, () => {
      assert.deepEqual(tools(marks), expected);
    });
  }

  it('that is being deleted is not started on', () => {
    const claims = claimsOnNode({
      node: 'east-1',
      taints: [],
      annotations: {},
      deletedAt: created,
    });
    assert.equal(claims[0]?.evidence, 'the Node object is being deleted');
  });
});

describe('a Lease', () => {
  const acquiredAtMs = Date.parse(created);
  const held: MaintenanceLease = {
    namespace: 'medik8s-leases',
    name: 'node-east-1',
    holder: 'node-maintenance',
    acquiredAtMs,
    renewedAtMs: acquiredAtMs + 60_000,
    durationSeconds: 3600,
  };
  const claims = (more: Partial<MaintenanceLease>) =>
    leaseClaims([{ ...held, ...more }], ['east-1', 'node-2', 'east-2']).map(
      ({ node, until }) => `${node} ${until ?? 'for ever'}`,
    );
  const rows: [string, Partial<MaintenanceLease>, string[]][] = [
    ['as medik8s makes them', {}, ['east-1 2026-01-01T13:01:00.000Z']],
    ['named after the node', { name: 'east-1' }, ['east-1 2026-01-01T13:01:00.000Z']],
    ['named after nothing of this cluster', { name: 'kube-scheduler' }, []],
    ['that nobody holds', { holder: '' }, []],
    ['that the node holds itself, a heartbeat', { name: 'east-1', holder: 'east-1' }, []],
    ['never renewed', { renewedAtMs: 0 }, ['east-1 2026-01-01T13:00:00.000Z']],
    ['without any time', { renewedAtMs: 0, acquiredAtMs: 0 }, ['east-1 for ever']],
  ];
  for (const [name, more, expected] of rows) {
    it(name, () => assert.deepEqual(claims(more), expected));
  }

  it('without a duration lasts until it is given back', () => {
    const { durationSeconds: _, ...endless } = held;
    assert.deepEqual(leaseClaims([endless], ['east-1']), [
      {
        node: 'east-1',
        tool: 'node-maintenance',
        since: created,
        evidence: 'Lease medik8s-leases/node-east-1',
      },
    ]);
  });
});
