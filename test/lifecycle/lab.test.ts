import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { exists } from '../../lab/cache.ts';
import { nodeStates } from '../../lab/cluster.ts';
import { ledgerPart, startLedger, stopLedger } from '../../lab/ledger.ts';
import { monitoring, startPrometheus, stopPrometheus } from '../../lab/monitoring.ts';
import { boot, onNode, powerOff, waitForSsh } from '../../lab/node.ts';
import { checkout, paths, stateDir } from '../../lab/paths.ts';
import { killAll, labProcesses, partPid } from '../../lab/processes.ts';
import { remains } from '../../lab/reap.ts';
import { registryPart } from '../../lab/registry.ts';
import { attempt, run, sleep, waitFor } from '../../lab/run.ts';
import { names, nodes } from '../../lab/settings.ts';
import { trafficPart } from '../../lab/traffic.ts';
import { partNames } from '../../lab/up.ts';

// Run alone: it takes the lab away several times, and leaves none.

const lab = (command: string, cwd = checkout) =>
  run([process.execPath, 'lab/main.ts', command], { cwd });

async function assertComplete(): Promise<void> {
  for (const name of partNames) assert.ok(await partPid(name), `${name} runs`);
  const ready = (await nodeStates()).filter((node) => node.ready);
  assert.equal(ready.length, nodes.length);
}

/** Returns the ids of PostgreSQL's processes that have the lab's cgroup or its data folder. */
async function postgres(): Promise<readonly string[]> {
  const { stdout } = await attempt(['ps', '-e', '-o', 'pid=,cgroup=,args=']);
  const lines = stdout
    .split('\n')
    .filter((line) => line.includes('postgres') && !line.endsWith('<defunct>'));
  return lines.filter((line) => line.includes(`/${names.cgroup}/`) || line.includes(paths.ledger));
}

async function settings(): Promise<string> {
  const names = ['vm.overcommit_memory', 'kernel.panic', 'fs.inotify.max_user_instances'];
  return run(['sysctl', ...names]);
}

async function mountCount(): Promise<number> {
  return (await run(['cat', '/proc/self/mountinfo'])).split('\n').length;
}

describe('the lab', { concurrency: false }, () => {
  let before = '';
  let mounts = 0;
  after(() => lab('down'));

  it('comes up where nothing is', async () => {
    await lab('down');
    assert.deepEqual(await remains(), []);
    before = await settings();
    const inTheWay = createServer().listen(8233, '127.0.0.1');
    await once(inTheWay, 'listening');
    const refused = await attempt([process.execPath, 'lab/main.ts', 'up'], { cwd: checkout });
    inTheWay.close();
    assert.match(
      refused.stderr,
      new RegExp(`port 8233.*temporal.*process ${process.pid} \\(.*node`),
    );
    mounts = await mountCount();
    const started = Date.now();
    await lab('up');
    assert.ok(Date.now() - started < 60_000, 'a second start takes less than a minute');
    await assertComplete();
    const again = Date.now();
    await lab('up');
    assert.ok(Date.now() - again < 15_000, 'where all of it runs, it takes seconds');
  });

  it('powers a node off and on', async () => {
    const node = nodes[2];
    assert.ok(node);
    const bootId = () => onNode(node, 'cat /proc/sys/kernel/random/boot_id');
    const first = (await bootId()).stdout;
    await powerOff(node, 'orderly');
    assert.notEqual((await onNode(node, 'true')).code, 0);
    await boot(node);
    await waitForSsh(node);
    const second = (await bootId()).stdout;
    assert.notEqual(second, first);
    await powerOff(node, 'plug');
    await lab('up');
    await assertComplete();
    assert.notEqual((await bootId()).stdout, second);
  });

  it('survives a reboot from inside a node', async () => {
    const node = nodes[1];
    assert.ok(node);
    const bootId = async () => (await onNode(node, 'cat /proc/sys/kernel/random/boot_id')).stdout;
    const first = await bootId();
    await onNode(node, 'systemctl reboot');
    await waitFor({
      what: 'another boot of the node',
      timeoutMs: 60_000,
      until: async () => !['', first].includes(await bootId()),
    });
  });

  it('comes up again after all of it was killed', async () => {
    assert.ok((await postgres()).length > 1, 'the database has processes of its own');
    await killAll(labProcesses);
    assert.deepEqual(await postgres(), []);
    await lab('up');
    await assertComplete();
  });

  it('comes up again after single servers were killed', async () => {
    const killed = [registryPart, ledgerPart, trafficPart, ...Object.values(monitoring)];
    for (const name of killed) {
      const pid = await partPid(name);
      assert.ok(pid, `${name} runs`);
      process.kill(pid, 'SIGKILL');
    }
    await lab('up');
    await assertComplete();
    await stopLedger('plug');
    await stopPrometheus('plug');
    assert.deepEqual(await postgres(), []);
    await startLedger();
    await startPrometheus();
    await assertComplete();
  });

  it('comes up in another checkout after it was killed in this one', async () => {
    const other = await mkdtemp(join(tmpdir(), 'tidegate-checkout-'));
    for (const name of ['lab', 'deploy', 'workflows', 'package.json']) {
      await cp(join(checkout, name), join(other, name), { recursive: true });
    }
    await symlink(join(checkout, 'node_modules'), join(other, 'node_modules'));
    const refused = await attempt([process.execPath, 'lab/main.ts', 'up'], { cwd: other });
    assert.match(refused.stderr, /room for one/);
    await killAll(labProcesses);
    await lab('up', other);
    await lab('status', other);
    assert.equal(await exists(stateDir), false);
    await lab('down', other);
    assert.deepEqual(await remains(), []);
    await rm(other, { recursive: true });
  });

  it('leaves nothing behind, even when `up` was killed on its way', async () => {
    for (const afterMs of [700, 2500, 5000]) {
      const child = spawn(process.execPath, ['lab/main.ts', 'up'], { cwd: checkout });
      const ended = new Promise((settle) => child.once('close', settle));
      await sleep(afterMs);
      child.kill('SIGKILL');
      await ended;
      await lab('down');
      assert.deepEqual(await remains(), []);
      assert.deepEqual(await postgres(), []);
      assert.equal(await exists(stateDir), false);
      assert.equal(await settings(), before);
      assert.equal(await mountCount(), mounts);
    }
  });
});
