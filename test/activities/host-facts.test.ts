import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { judgeHost, judgeNode } from '../../activities/checks/host-check.ts';
import { unavailableNow } from '../../activities/facts.ts';
import {
  clockSkew,
  type HostInspection,
  inspectHost,
  parseInspection,
} from '../../activities/host-facts.ts';
import { parseOffers } from '../../activities/offers.ts';
import { parseRecord } from '../../activities/records.ts';
import { unitName } from '../../activities/transaction.ts';
import type { PlannedPackage } from '../../workflows/domain/plan-types.ts';
import { access, FakeKube, fakeDeps } from './fakes.ts';

const records = (text: string) => text.trim().split('\n').map(parseRecord);

const NODE = `
os	debian-12
osPrettyName	Debian GNU/Linux 12 (bookworm)
architecture	amd64
kernel	6.1.0
bootId	b3f0
cgroupVersion	1
diskFreeBytes	1000
dpkgInterrupted	no
package	containerd	1.6.20~ds1-1+deb12u3	install ok installed
package	runc	1.1.5+ds1-1+deb12u1	hold ok installed
package	gone	1.0	deinstall ok config-files
daemon	containerd	1.6.20~ds1-1+deb12u3
pluginsRead	yes
plugin	io.containerd.grpc.v1/cri	linux/amd64 ok
clockTicks	100
bootSeconds	1000
task	sandbox	100
label	sandbox	container-type	sandbox
task	c1	250
label	c1	container-type	container
label	c1	container-name	web
label	c1	sandbox-name	web-1
label	c1	sandbox-namespace	shop
`;
const inspection = (text = NODE) => parseInspection(records(text), 'east-1');

describe('parseInspection', () => {
  it('reads what the script prints', () => {
    const { host, containers, criPlugins } = inspection();
    assert.equal(host.os, 'debian-12');
    assert.equal(host.cgroupVersion, 1);
    assert.deepEqual(host.daemons, { containerd: '1.6.20~ds1-1+deb12u3' });
    assert.deepEqual(host.packages[1], {
      name: 'runc',
      version: '1.1.5+ds1-1+deb12u1',
      status: 'hold ok installed',
      held: true,
    });
    assert.equal(host.packages[2]?.version, undefined);
    assert.deepEqual(containers, [
      {
        id: 'c1',
        pod: 'web-1',
        namespace: 'shop',
        name: 'web',
        startedAt: '1970-01-01T00:16:42.500Z',
      },
    ]);
    assert.deepEqual(criPlugins, { 'io.containerd.grpc.v1/cri': 'linux/amd64 ok' });
  });

  it('does without a daemon that does not answer', () => {
    const { host } = inspection(NODE.replace(/^daemon.*$/m, 'daemon\tcontainerd\t'));
    assert.deepEqual(host.daemons, {});
  });

  it('takes no list for an empty one, unless the daemon is silent', () => {
    const unread = `${NODE}containersRead\tcontainerd\tno`;
    assert.throws(() => inspection(unread), {
      type: 'HostCommandFailed',
      message: 'east-1: containerd answers, but did not tell its containers in time.',
    });
    const silent = inspection(unread.replace(/^daemon.*$/m, 'daemon\tcontainerd\t'));
    assert.deepEqual(silent.host.daemons, {});
    assert.equal(inspection(`${NODE}containersRead\tcontainerd\tyes`).containers.length, 1);
  });

  it('tells transactions that run, and what systemd does when a daemon stops', () => {
    assert.deepEqual(inspection().runningTransactions, []);
    assert.equal('killModes' in inspection().host, false);
    const lines = 'transactionsRead\tyes\ntransaction\ttidegate-tx-a-apply\n';
    const told = inspection(`${NODE}${lines}killMode\tcontainerd\tprocess`);
    assert.deepEqual(told.runningTransactions, ['tidegate-tx-a-apply']);
    assert.deepEqual(told.host.killModes, { containerd: 'process' });
  });

  it('refuses an answer that lacks a fact', () => {
    assert.throws(() => inspection(NODE.replace(/^bootId.*$/m, '')), /did not tell its bootId/);
  });

  it('tells what may change packages by itself, where something may', () => {
    const what = 'unattended-upgrades (apt-daily-upgrade.timer)';
    const told = inspection(`${NODE}automaticUpdates\t${what}`);
    assert.equal(told.host.automaticUpdates, what);
    const nothing = inspection(`${NODE}automaticUpdates\t`);
    assert.equal('automaticUpdates' in nothing.host, false);
  });

  it('reads containers of CRI-O', () => {
    const list = {
      containers: [
        {
          id: 'x',
          createdAt: '1000000000',
          labels: { 'io.kubernetes.pod.name': 'p', 'io.kubernetes.pod.namespace': 'n' },
        },
      ],
    };
    const { containers } = inspection(`${NODE}crictl\t${JSON.stringify(list)}`);
    assert.equal(containers[1]?.startedAt, '1970-01-01T00:00:01.000Z');
  });
});

describe('clock of a host', () => {
  const between = { askedAt: 1_000_000, heardAt: 1_000_300 };
  const rows: [string, number, number][] = [
    ['read before the question: behind', 998_000, -2_000],
    ['read right at the question', 1_000_000, 0],
    ['read between question and answer: nothing is proved', 1_000_200, 0],
    ['read right at the answer', 1_000_300, 0],
    ['read after the answer: ahead', 1_090_300, 90_000],
  ];
  for (const [name, clockMs, expected] of rows) {
    it(name, () => assert.equal(clockSkew(clockMs, between), expected));
  }

  it('is compared with when its line arrived, not with when the script ended', async () => {
    let now = 1_000_000;
    const stdout = `clock\t1000100${NODE}end\n`;
    const host: Pick<HostAdapter, 'run'> = {
      run: async (_script, _args, options) => {
        now += 200;
        options?.onLine?.('clock\t1000100');
        now += 60_000;
        options?.onLine?.('os\tdebian-12');
        return { code: 0, stdout, stderr: '', truncated: false };
      },
    };
    const skew = async (text: string) => {
      const answering = {
        run: async (...args: Parameters<HostAdapter['run']>) => {
          const answer = await host.run(...args);
          return { ...answer, stdout: stdout.replace('1000100', text) };
        },
      };
      now = 1_000_000;
      const { host: facts } = await inspectHost(answering as HostAdapter, 'east-1', [], () => now);
      return facts.clockSkewMs;
    };
    assert.equal(await skew('1000100'), 0);
    assert.equal(await skew('1030200'), 30_000);
    assert.equal(await skew('not a number'), undefined);
  });
});

const version = (revision: string) => ({
  version: `1.6.20~ds1-1+${revision}`,
  sha256: '0'.repeat(64),
  daemonVersion: `1.6.20~ds1-1+${revision}`,
});
const planned: PlannedPackage = {
  name: 'containerd',
  daemon: 'containerd',
  from: version('deb12u2'),
  to: version('deb12u3'),
};

describe('judgeHost', () => {
  const judge = (found: HostInspection, expect: 'From' | 'To' = 'To') =>
    judgeHost(found, { packages: [planned], expect });
  const reasons = (answer: ReturnType<typeof judge>) =>
    answer.kind === 'Passed' ? 'none' : answer.reasons.join('\n');

  it('passes a node that is as it must be', () => {
    const answer = judge(inspection());
    assert.equal(answer.kind, 'Passed');
    assert.deepEqual(answer.kind === 'Passed' && answer.value, [
      {
        name: 'containerd',
        before: '1.6.20~ds1-1+deb12u2',
        after: '1.6.20~ds1-1+deb12u3',
        daemon: '1.6.20~ds1-1+deb12u3',
      },
    ]);
  });

  it('gives every reason, not the last one', () => {
    const answer = judge(inspection(), 'From');
    assert.equal(answer.kind, 'Failed');
    assert.match(reasons(answer), /containerd is 1.*u3.*instead of.*u2/);
    assert.match(reasons(answer), /the running containerd is .*u3 instead of/);
  });

  it('waits for a daemon that is not up yet, and for CRI', () => {
    const down = inspection(NODE.replace(/^(daemon|plugin).*$/gm, ''));
    assert.equal(judge(down).kind, 'Waiting');
    assert.match(reasons(judge(down)), /does not answer/);
    const mute = inspection(NODE.replace(/^plugin.*$/gm, ''));
    assert.match(reasons(judge(mute)), /does not tell its plugins/);
    const disabled = inspection(NODE.replace(/^plugin\t.*$/m, ''));
    assert.equal(judge(disabled).kind, 'Failed');
    assert.match(reasons(judge(disabled)), /serves no CRI/);
    const skipped = inspection(NODE.replace('amd64 ok', 'amd64 error'));
    assert.match(
      reasons(judge(skipped)),
      /plugin io.containerd.grpc.v1\/cri is "linux\/amd64 error"/,
    );
  });
});

describe('judgeNode', () => {
  const node = (conditions: { type: string; status: string }[]) =>
    new FakeKube().addNode('east-1', { status: { conditions } });
  it('wants Ready, and no network trouble', () => {
    assert.equal(judgeNode(node([{ type: 'Ready', status: 'True' }])).kind, 'Passed');
    assert.equal(judgeNode(node([])).kind, 'Waiting');
    const bad = node([
      { type: 'Ready', status: 'True' },
      { type: 'NetworkUnavailable', status: 'True' },
    ]);
    assert.equal(judgeNode(bad).kind, 'Waiting');
  });
});

describe('unavailableNow', () => {
  it('names every node that is away, of the rollout or not', async () => {
    const kube = new FakeKube();
    kube.addNode('east-1');
    kube.addNode('east-2', { spec: { unschedulable: true } });
    kube.addNode('other', { status: { conditions: [{ type: 'Ready', status: 'False' }] } });
    assert.deepEqual(await unavailableNow(fakeDeps(kube).deps, [access]), [
      { cluster: 'east', node: 'east-2', why: 'cordoned' },
      { cluster: 'east', node: 'other', why: 'not Ready' },
    ]);
  });
});

describe('parseOffers', () => {
  it('lists every version that has a digest', () => {
    const text =
      'Package\tcontainerd\nVersion\t2\nSHA256\taa\n-\nPackage\tcontainerd\nVersion\t1\nSHA256\tbb\n-\nPackage\tcontainerd\nVersion\t0\n-';
    assert.deepEqual(parseOffers(records(text)), [
      { name: 'containerd', version: '2', sha256: 'aa' },
      { name: 'containerd', version: '1', sha256: 'bb' },
    ]);
  });
});

describe('unitName', () => {
  it('is readable, safe for systemd, and different for different transactions', () => {
    const name = unitName('deb12u3 forward/../x', 'apply');
    assert.match(name, /^tidegate-tx-deb12u3-forward-..-x-[0-9a-f]{8}-apply$/);
    assert.notEqual(unitName('a b', 'apply'), unitName('a-b', 'apply'));
    assert.notEqual(unitName('a', 'apply'), unitName('a', 'revert'));
    assert.ok(unitName('x'.repeat(500), 'revert').length < 200);
  });
});
