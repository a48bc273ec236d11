/** The scripts of measuring in a real shell; `systemctl` and `ctr` are stand-ins, /proc is this machine's. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { millicores, readUsage } from '../../activities/measuring/daemon-usage.ts';
import { FORGET_IMAGE_SCRIPT } from '../../activities/scripts/forget-image.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
});
after(() => rm(folder, { recursive: true }));

/** Puts a program of this text before all others of its name. */
async function standIn(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
  await chmod(join(folder, name), 0o755);
}

/** This machine as a host: scripts are fed to a shell as SSH does it. */
const here: HostAdapter = {
  exec: async () => assert.fail('only scripts'),
  connect: async () => assert.fail('no port'),
  close: () => undefined,
  run: async (script, args) => {
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
    const shell = spawn('sh', ['-s', '--', ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    shell.stdin.end(script);
    let stdout = '';
    shell.stdout.on('data', (piece) => {
      stdout += String(piece);
    });
    const [code] = (await once(shell, 'close')) as [number | null];
    return { code: code ?? undefined, stdout, stderr: '', truncated: false };
  },
};

describe('what a daemon uses', { skip: process.platform !== 'linux' }, () => {
  it('is what /proc says of its main process', async () => {
    await standIn('systemctl', `echo ${process.pid}`);
    const look = () => readUsage(here, 'east-1', 'containerd');
    const first = await look();
    const began = process.cpuUsage();
    while (process.cpuUsage(began).user < 200_000) Math.random();
    const second = await look();
    const memory = process.memoryUsage.rss() / 1024 / 1024;
    assert.ok(Math.abs(second.rssMiB - memory) < memory / 4, `${second.rssMiB} is not ${memory}`);
    // Node's own figure has the same source, and a finer grain than ticks.
    const { user, system } = process.cpuUsage();
    assert.ok(Math.abs(second.cpuMs - (user + system) / 1000) < 200);
    assert.ok(second.cpuMs - first.cpuMs >= 150, 'a busy loop of 200 ms is seen');
    const answer = millicores(first, second);
    assert.ok('value' in answer && answer.value > 10, JSON.stringify(answer));
  });

  it('is nothing of a unit that does not run', async () => {
    for (const pid of ['0', '', '4194999']) {
      await standIn('systemctl', `echo ${pid}`);
      await assert.rejects(
        readUsage(here, 'east-1', 'containerd'),
        /containerd\.service does not run/,
      );
    }
  });
});

describe('making containerd forget an image', () => {
  const list = (...images: readonly string[]) =>
    ['REF TYPE DIGEST SIZE PLATFORMS LABELS', ...images].map((line) => `echo '${line}'`).join('\n');
  /** Runs the script over a list of images; returns what it prints, and what it has removed. */
  const forget = async (ref: string, ...images: readonly string[]) => {
    const log = join(folder, 'removed');
    await rm(log, { force: true });
    await standIn(
      'ctr',
      `case "$4" in\nls)\n${list(...images)}\n;;\nrm) shift 4; echo "$*" >>${log} ;;\nesac`,
    );
    const { stdout, code } = await here.run(FORGET_IMAGE_SCRIPT, [ref]);
    const removed = await readFile(log, 'utf8').catch(() => '');
    return { said: stdout.trim().split('\n'), removed: removed.trim(), code };
  };
  const of = (name: string, digest = 'sha256:aa') =>
    `${name} application/x ${digest} 1 MiB linux -`;
  const other = of('registry:5000/team/other:1', 'sha256:bb');

  it('removes all names of the image, and no other image', async () => {
    const ref = 'registry:5000/team/pull:1';
    const byDigest = 'registry:5000/team/pull@sha256:aa';
    const images = [other, of(ref), of(byDigest), of('sha256:cc'), of('sha256:dd', 'sha256:bb')];
    assert.deepEqual(await forget(ref, ...images), {
      ...{ said: [`removed\t${ref}`, 'end'], code: 0 },
      removed: `--sync ${ref} ${byDigest} sha256:cc`,
    });
  });

  it('leaves an image that has another tag as well', async () => {
    const [ref, twin] = ['registry/pull:1', 'registry/pull:2'];
    const { said, removed } = await forget(ref, of(ref), of(twin), of('registry/pull@sha256:aa'));
    assert.deepEqual([said, removed], [[`kept\t${twin}`, 'end'], '']);
  });

  it('takes no name for another that it is the beginning of', async () => {
    const { said, removed } = await forget('registry/pull:1', of('registry/pull:10'), other);
    assert.deepEqual([said, removed], [['absent\tregistry/pull:1', 'end'], '']);
  });

  it('says so where containerd does not answer', async () => {
    await standIn('ctr', 'exit 1');
    const { code, stdout } = await here.run(FORGET_IMAGE_SCRIPT, ['registry/pull:1']);
    assert.deepEqual([code, stdout], [1, '']);
  });
});
