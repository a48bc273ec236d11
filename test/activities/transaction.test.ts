import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { failureType, messageOf } from '../../activities/failure.ts';
import { transactionActivities } from '../../activities/transaction.ts';
import type { PlannedPackage } from '../../workflows/domain/plan-types.ts';
import { FakeKube, fakeDeps, ref } from './fakes.ts';

const end = (version: string) => ({ version, sha256: '0'.repeat(64), daemonVersion: version });
const packages: readonly PlannedPackage[] = [
  { name: 'containerd', daemon: 'containerd', onHold: 'Rehold', from: end('1'), to: end('2') },
  { name: 'runc', from: end('3'), to: end('4') },
];

/** Runs a step on a host that prints these lines; returns its answer and what the script was given. */
async function run(step: 'apply' | 'revert', ...lines: readonly string[]) {
  const { deps, heartbeats } = fakeDeps(new FakeKube());
  let given: readonly string[] = [];
  const host: HostAdapter = {
    exec: async () => assert.fail('only scripts are run'),
    run: async (_script, args, options) => {
      given = args;
      for (const line of lines) options?.onLine?.(line);
      const stdout = `${[...lines, 'end'].join('\n')}\n`;
      return { code: 0, stdout, stderr: '', truncated: false };
    },
    connect: async () => assert.fail('no port is asked for'),
    close: () => undefined,
  };
  const over: ActivityDeps = { ...deps, host: () => host };
  const input = { ...ref, packages, transaction: 'patch' };
  const answer = await transactionActivities(over)[step](input);
  return { answer, given, heartbeats };
}

async function failure(step: 'apply' | 'revert', ...lines: readonly string[]): Promise<unknown> {
  try {
    await run(step, ...lines);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a transaction', () => {
  it('is told both ends of each package, and what becomes of a hold', async () => {
    const sha = '0'.repeat(64);
    const there = (await run('apply', 'already')).given.slice(3);
    assert.deepEqual(there.slice(0, 7), ['containerd', '2', sha, 'containerd', '2', '1', 'rehold']);
    assert.deepEqual(there.slice(7), ['runc', '4', sha, '-', '-', '3', '-']);
    const back = (await run('revert', 'already')).given.slice(3);
    assert.deepEqual(back.slice(0, 7), ['containerd', '1', sha, 'containerd', '1', '2', 'rehold']);
  });

  it('says in its heartbeat what it waits for, and returns what it met', async () => {
    const waiting = "waiting for dpkg's lock, held by unattended-upgr (pid 812)";
    const { answer, heartbeats } = await run(
      'apply',
      `phase\t${waiting}`,
      'finished\t0\tsuccess',
      'note\twaited 4 s',
      'kept\tcontainerd\t/etc/containerd/config.toml',
    );
    assert.ok(heartbeats.some((beat) => (beat as { phase: string }).phase === waiting));
    assert.deepEqual(answer, {
      notes: [
        'waited 4 s',
        "containerd: /etc/containerd/config.toml was changed locally and is kept; the package's own is /etc/containerd/config.toml.dpkg-dist",
      ],
    });
  });

  const failures: [string, 'apply' | 'revert', string[], string, RegExp][] = [
    [
      'a hold',
      'apply',
      ['held\trunc'],
      'PackageHeld',
      /runc is on hold.*apt-mark unhold runc.*Rehold/,
    ],
    [
      'a version that is of neither end',
      'apply',
      ['drift\tcontainerd\t9'],
      'ApplyFailed',
      /containerd is 9, neither 1 nor 2.*Nothing was installed over it/,
    ],
    [
      'the same on the way back',
      'revert',
      ['drift\tcontainerd\t9'],
      'ApplyFailed',
      /neither 1 nor 2/,
    ],
    [
      'a lock that stays held',
      'apply',
      ['finished\t75\texit-code', "busy\twaiting for dpkg's lock, held by apt (pid 7)"],
      'DpkgBusy',
      /still waiting for dpkg's lock, held by apt \(pid 7\)\. Nothing was changed/,
    ],
    [
      'a transaction of another run that does not end',
      'apply',
      [
        'phase\twaiting for tidegate-tx-old-apply of another run',
        'occupied\ttidegate-tx-old-apply',
      ],
      'DpkgBusy',
      /still waiting for tidegate-tx-old-apply of another run\. Nothing was begun beside it/,
    ],
    [
      'a hold that could not be put back',
      'apply',
      ['finished\t0\tsuccess', 'unheld\tcontainerd '],
      'DpkgBusy',
      /"apt-mark hold containerd"/,
    ],
    [
      'an installation that fails is final',
      'apply',
      ['finished\t100\texit-code', 'log\tE: no'],
      'ApplyFailed',
      /exit code 100.*E: no/,
    ],
    [
      'on the way back it is tried again',
      'revert',
      ['finished\t100\texit-code', 'log\tE: no'],
      'HostCommandFailed',
      /E: no/,
    ],
  ];
  for (const [name, step, lines, type, message] of failures) {
    it(`${name}: ${type}`, async () => {
      const error = await failure(step, ...lines);
      assert.equal(failureType(error), type);
      assert.match(messageOf(error), message);
    });
  }
});
