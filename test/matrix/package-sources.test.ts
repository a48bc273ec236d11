/** Trouble around packages: sources, disk, clock and other tools of the node ("make lab" first). */
import assert from 'node:assert/strict';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeRoot } from '../../lab/node.ts';
import { packageFiles, packageRepository } from '../../lab/packages.ts';
import { nodeNamed } from '../../lab/settings.ts';
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import { BAD, containerd, NEW, OLD, onNode, ref } from '../lab/activity-kit.ts';
import { bundleTo, rolloutTo } from '../lab/rollout-kit.ts';
import {
  cure,
  fails,
  installed,
  packages,
  real,
  SSHD_CONF,
  STORE,
  sh,
  told,
  verify,
  withDebian,
} from './package-kit.ts';
import { signedBy } from './repository-key.ts';

const run = `sources-${Date.now()}`;
const SMALL = '/var/tmp/small';
const OLD_FINE = `${OLD} install ok installed`;
const root = nodeRoot(nodeNamed(ref.node));
const file = (version: string) => `${STORE}/${containerd(version).sha256}.deb`;

const plan = () =>
  real.plan({
    request: rolloutTo({
      name: run,
      bundle: bundleTo(NEW, 'Restart'),
      spec: { targets: { nodes: [ref.node] } },
    }),
  });

/** Gives the node other package sources; `cure` brings its own back. */
async function sources(line: string): Promise<void> {
  await sh('[ -f /var/tmp/sources.list ] || cp /etc/apt/sources.list /var/tmp/');
  await onNode('sh', '-c', 'echo "$0" >/etc/apt/sources.list', line);
}

describe('trouble around packages', { timeout: 480_000 }, () => {
  let containers: readonly ContainerFacts[] = [];
  before(async () => {
    await cure();
    containers = (await real.inspect({ ...ref, packages: [] })).containers;
    assert.ok(containers.length > 0);
  });
  afterEach(cure);
  after(cure);

  describe('a source that has lost a version', () => {
    it('is told when the rollout is planned, and when it is staged', async () => {
      await sources('');
      const both =
        /do not offer containerd .*u3 to install \(they offer nothing\)\n.*do not offer containerd .*u2 for the way back/;
      await fails(plan(), 'PlanRefused', both);
      const work = real.stage({ ...ref, packages });
      await fails(work, 'PackageUnavailable', /do not offer containerd \S+; they offer: nothing/);
    });

    it('does not matter once both ways are staged: there, and back', async () => {
      await real.stage({ ...ref, packages });
      await sources('');
      await onNode('apt-get', 'clean');
      await real.stage({ ...ref, packages });
      const transaction = `${run}-lost`;
      await real.apply({ ...ref, packages, transaction });
      await verify('To', packages, containers);
      await real.revert({ ...ref, packages, transaction });
      await verify('From', packages, containers);
    });
  });

  describe('a source that cannot be trusted', () => {
    const there = '/srv/tidegate-test';
    const line = (key: string) => `deb [signed-by=${there}/${key}] file:${there} lab main`;
    before(async () => {
      const repository = await packageRepository(await packageFiles());
      await mkdir(join(root, there), { recursive: true });
      await cp(join(repository, 'dists'), join(root, there, 'dists'), { recursive: true });
      await signedBy(join(root, there));
    });
    after(() => rm(join(root, there), { recursive: true, force: true }));
    const refused = async (type: string, message: RegExp) => {
      await fails(plan(), 'PlanRefused', new RegExp(`${type}: ${message.source}`));
      await fails(real.stage({ ...ref, packages }), type, message);
    };

    it('because its key has expired', async () => {
      await sources(line('expired.gpg'));
      await refused(
        'PackageUnavailable',
        /.*not signed by a key that the node trusts: .*EXPKEYSIG .*keyring on the node/,
      );
    });
    it('because its key is another one', async () => {
      await sources(line('other.gpg'));
      await refused(
        'PackageUnavailable',
        /.*not signed by a key that the node trusts: .*NO_PUBKEY/,
      );
    });
    it('because it is not signed at all', async () => {
      await sh(`rm -f ${there}/dists/lab/InRelease ${there}/dists/lab/Release.gpg`);
      await sources(line('expired.gpg'));
      await refused('HostCommandFailed', /.*apt-get update failed: .*is not signed/);
    });
  });

  it('checks sha256 when it stages and again when it installs', async () => {
    const forged = packages.map((entry) => ({
      ...entry,
      to: { ...entry.to, sha256: '0'.repeat(64) },
    }));
    const wrong = /containerd \S+u3 has sha256 \w+, the bundle says/;
    await fails(real.stage({ ...ref, packages: forged }), 'DigestMismatch', wrong);
    await real.stage({ ...ref, packages });
    await sh(`printf x >>${file(NEW)}`);
    const work = real.apply({ ...ref, packages, transaction: `${run}-forged` });
    await fails(work, 'DigestMismatch', wrong);
    assert.equal(await installed(), OLD_FINE);
  });

  describe('a full disk', () => {
    it('is told before anything is fetched', async () => {
      await sh(`mkdir -p ${STORE} && mount -t tmpfs -o size=64m tmpfs ${STORE}`);
      const work = real.stage({ ...ref, packages });
      await fails(work, 'DiskFull', /has 6\d MiB left, 256 are needed.*nothing was changed/);
    });

    it('is made less likely: what older bundles left for 30 days goes', async () => {
      await real.stage({ ...ref, packages: [{ ...packages[0], to: containerd(BAD) } as never] });
      await sh(`touch -d '31 days ago' ${file(BAD)} ${file(OLD)}`);
      const { notes = [] } = await real.stage({ ...ref, packages });
      told(...notes);
      assert.deepEqual(notes, [`removed from ${STORE}, unused for 30 days: containerd ${BAD}`]);
      const left = await onNode('ls', STORE);
      assert.deepEqual(
        left.split('\n').sort(),
        [OLD, NEW].map((version) => `${containerd(version).sha256}.deb`).sort(),
      );
    });

    it('in the middle of unpacking fails the change, and the node is put back', async () => {
      await real.stage({ ...ref, packages });
      await sh(`mkdir -p ${SMALL} && mount -t tmpfs -o size=60m tmpfs ${SMALL}
mkdir ${SMALL}/upper ${SMALL}/work
mount -t overlay small -o lowerdir=/usr/bin,upperdir=${SMALL}/upper,workdir=${SMALL}/work /usr/bin`);
      const transaction = `${run}-full`;
      const work = real.apply({ ...ref, packages, transaction });
      await fails(work, 'ApplyFailed', /No space left on device/);
      told(await installed());
      await real.revert({ ...ref, packages, transaction });
      await verify('From', packages, containers);
    });
  });

  it('leaves a node out whose clock is off, and says by how much', async () => {
    const remove = await withDebian('libfaketime');
    try {
      await sh(`lib=$(dpkg -L libfaketime | grep 'libfaketime.so.1$' | head -n 1)
echo "SetEnv LD_PRELOAD=$lib FAKETIME=+120s" >${SSHD_CONF} && systemctl reload ssh`);
      await delay(1000); // It listens anew a moment later.
      const { host } = await real.inspect({ ...ref, packages: [] });
      told(`clockSkewMs ${host.clockSkewMs}`);
      assert.ok(Math.abs((host.clockSkewMs ?? 0) - 120_000) < 2_000, String(host.clockSkewMs));
      const [left] = (await plan()).plan.excluded;
      told(left?.reason ?? 'not left out');
      const ahead = /^its clock is 1(19|20|21) s ahead of the worker's, more than the 60 s/;
      assert.match(left?.reason ?? '', ahead);
    } finally {
      await sh(`rm -f ${SSHD_CONF} && systemctl reload ssh`);
      await delay(1000);
      await remove();
    }
    const { host } = await real.inspect({ ...ref, packages: [] });
    assert.ok(Math.abs(host.clockSkewMs ?? Number.NaN) < 1_000, String(host.clockSkewMs));
  });

  it('notes that unattended-upgrades may change the same packages', async () => {
    const timer = 'apt-daily-upgrade.timer';
    const notes = async () => {
      const { host } = await real.inspect({ ...ref, packages: [] });
      const staged = await real.stage({ ...ref, packages });
      return [host.automaticUpdates, ...(staged.notes ?? [])];
    };
    assert.deepEqual(await notes(), [undefined]);
    try {
      // The package itself wants Python; what tells its presence is its command, setting and timer.
      await sh(`printf '#!/bin/sh\\n' >/usr/bin/unattended-upgrade; chmod 755 /usr/bin/unattended-upgrade
echo 'APT::Periodic::Unattended-Upgrade "1";' >/etc/apt/apt.conf.d/20auto-upgrades
systemctl unmask ${timer} && systemctl enable ${timer}`);
      const [fact, note, ...others] = await notes();
      told(note ?? '');
      assert.equal(fact, `unattended-upgrades (${timer})`);
      assert.match(
        note ?? '',
        /^unattended-upgrades \(apt-daily-upgrade\.timer\) is enabled on the node/,
      );
      assert.deepEqual(others, []);
    } finally {
      await sh(`systemctl disable ${timer}; systemctl mask ${timer}
rm -f /usr/bin/unattended-upgrade /etc/apt/apt.conf.d/20auto-upgrades`);
    }
  });

  it('keeps needrestart from restarting anything else', async () => {
    const remove = await withDebian('needrestart');
    const unit = 'tidegate-outdated';
    const pid = () => onNode('systemctl', 'show', '-p', 'MainPID', '--value', `${unit}.service`);
    try {
      await sh(`cp /usr/bin/sleep /usr/local/bin/${unit}
printf '[Service]\\nExecStart=/usr/local/bin/${unit} infinity\\n' >/etc/systemd/system/${unit}.service
echo '$nrconf{restart} = "a";' >/etc/needrestart/conf.d/tidegate.conf
systemctl daemon-reload; systemctl start ${unit}
cp /usr/bin/sleep /usr/local/bin/new; mv -f /usr/local/bin/new /usr/local/bin/${unit}`);
      const first = await pid();
      await real.stage({ ...ref, packages });
      await real.apply({ ...ref, packages, transaction: `${run}-needrestart` });
      assert.equal(await pid(), first);
      await verify('To', packages, containers);
      // What it would have done: the same hook, not held back.
      await sh('DEBIAN_FRONTEND=noninteractive /usr/lib/needrestart/apt-pinvoke >/dev/null 2>&1');
      assert.notEqual(await pid(), first);
    } finally {
      await sh(
        `systemctl stop ${unit}; rm -f /etc/systemd/system/${unit}.service /usr/local/bin/${unit} /etc/needrestart/conf.d/tidegate.conf; systemctl daemon-reload`,
      );
      await remove();
    }
  });
});
