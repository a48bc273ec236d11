/** Activities against the real lab ("make lab" first). Leaves the node as it was found. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import {
  access,
  activities,
  BAD,
  change,
  containerd,
  NEW,
  OLD,
  onNode,
  ref,
  verification,
} from './activity-kit.ts';

const run = `test-${Date.now()}`;
const holder = `node/east/${ref.node}`;
const real = activities();
const packages = change(containerd(NEW));
// biome-ignore lint/suspicious/noTemplateCurlyInString: that is dpkg's own format.
const installed = () => onNode('dpkg-query', '-W', '-f=${Version} ${Status}', 'containerd');

async function fails(work: Promise<unknown>, type: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { type?: string }) => {
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** Restores the node by the same means that a rollout uses. */
async function restore(): Promise<void> {
  await onNode('apt-mark', 'unhold', 'containerd');
  await real.uncordon({ ...ref, holder, cordonedBefore: false });
  await real.release({ ...ref, holder });
  await real.revert({ ...ref, packages, transaction: `${run}-restore` });
  await onNode('rm', '-rf', '/var/cache/tidegate');
}

describe('activities on the lab', { timeout: 300_000 }, () => {
  let containersBefore: readonly ContainerFacts[] = [];
  before(restore);
  after(restore);

  const verify = (expect: 'From' | 'To', wanted = packages) =>
    real.verify({
      ...ref,
      packages: wanted,
      expect,
      containersBefore,
      containersMustSurvive: true,
      verification,
    });

  it('inspect tells what runs', async () => {
    const found = await real.inspect({ ...ref, packages: ['containerd', 'runc', 'nothing'] });
    assert.equal(found.host.os, 'debian-12');
    assert.deepEqual(found.host.daemons, { containerd: OLD });
    assert.equal(found.host.packages.length, 2);
    assert.ok(found.ready && !found.unschedulable && found.containers.length > 0);
    assert.ok(found.containers.every((c) => c.pod && c.namespace && c.name));
    containersBefore = found.containers;
    const again = await real.inspect({ ...ref, packages: ['containerd'] });
    assert.deepEqual(
      again.containers.map((c) => c.id).sort(),
      containersBefore.map((c) => c.id).sort(),
    );
  });

  describe('ssh', () => {
    let folder = '';
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
    });
    after(() => rm(folder, { recursive: true }));
    const inspectWith = (ssh: Partial<typeof access.ssh>, address = ref.address) => {
      const changed = { ...access, ssh: { ...access.ssh, ...ssh } };
      return real.inspect({ ...ref, address, access: changed, packages: [] });
    };
    const pinning = async (lines: string) => {
      await writeFile(join(folder, 'known_hosts'), lines);
      return { knownHostsFile: join(folder, 'known_hosts') };
    };

    it('refuses a host with another key than the pinned one, and names it', async () => {
      const [other] = (await readFile('.lab/ssh/known_hosts', 'utf8')).split('\n');
      const key = other?.split(' ').slice(1, 3).join(' ');
      const wrong = await pinning(`${ref.address} ${key}\n`);
      await fails(
        inspectWith(wrong),
        'HostKeyMismatch',
        /key SHA256:\S+ is not the one.*known_hosts/,
      );
    });
    it('refuses a host without a pinned key, and one whose key is revoked', async () => {
      await fails(inspectWith(await pinning('')), 'HostKeyMismatch', /no key is pinned/);
      const all = await readFile('.lab/ssh/known_hosts', 'utf8');
      const revoked = await pinning(`${all}\n${all.replaceAll(/^(?=.)/gm, '@revoked ')}`);
      await fails(inspectWith(revoked), 'HostKeyMismatch', /@revoked/);
    });
    it('says so when the user is refused or the host is away', async () => {
      await fails(inspectWith({ user: 'nobody' }), 'HostAuthRefused', /user "nobody"/);
      await fails(inspectWith({ port: 9 }), 'HostUnreachable', /east-5.*port 9/);
    });
  });

  describe('stage', () => {
    it('brings both directions, once', async () => {
      await real.stage({ ...ref, packages });
      const list = () => onNode('ls', '-l', '--time-style=full-iso', '/var/cache/tidegate');
      const first = await list();
      for (const end of [containerd(OLD), containerd(NEW)]) assert.ok(first.includes(end.sha256));
      await real.stage({ ...ref, packages });
      assert.equal(await list(), first);
    });
    it('fetches again what was damaged', async () => {
      const file = `/var/cache/tidegate/${containerd(NEW).sha256}.deb`;
      await onNode('truncate', '-s', '100', file);
      await real.stage({ ...ref, packages });
      assert.match(await onNode('sha256sum', file), new RegExp(`^${containerd(NEW).sha256} `));
    });
    it('refuses a package that is not the one of the bundle', async () => {
      const forged = { ...containerd(BAD), sha256: '0'.repeat(64) };
      const work = real.stage({ ...ref, packages: change(forged) });
      await fails(
        work,
        'DigestMismatch',
        new RegExp(`sha256 ${containerd(BAD).sha256}, the bundle`),
      );
    });
    it('says what is offered where a version is not', async () => {
      const none = { version: '9.9', sha256: '1'.repeat(64), daemonVersion: '9.9' };
      const work = real.stage({ ...ref, packages: change(none) });
      await fails(work, 'PackageUnavailable', /containerd 9\.9; they offer: .*deb12u3/);
    });
  });

  describe('apply, verify and revert', () => {
    it('goes on without its worker, and happens once', async () => {
      const transaction = `${run}-lost`;
      const lost = new AbortController();
      const first = activities((details) => {
        if ((details as { phase: string }).phase === 'Installing') lost.abort(new Error('lost'));
      }, lost.signal);
      const starts = async () =>
        await onNode('grep', '-c', 'startup archives unpack', '/var/log/dpkg.log');
      const before = Number(await starts());
      await assert.rejects(first.apply({ ...ref, packages, transaction }), /lost/);
      await real.apply({ ...ref, packages, transaction });
      await real.apply({ ...ref, packages, transaction });
      assert.equal(Number(await starts()) - before, 1);
      assert.equal(await installed(), `${NEW} install ok installed`);
    });
    it('proves the new version, with every container alive', async () => {
      const proof = await verify('To');
      assert.deepEqual(proof.containersLost, []);
      assert.equal(proof.containersSurvived, containersBefore.length);
      assert.equal(proof.packages[0]?.daemon, NEW);
      assert.ok((proof.probeMs ?? 0) > 0);
    });
    it('reverts, repeatedly, and leaves no unit behind', async () => {
      const transaction = `${run}-lost`;
      await real.revert({ ...ref, packages, transaction });
      await real.revert({ ...ref, packages, transaction });
      const proof = await verify('From');
      assert.equal(proof.packages[0]?.daemon, OLD);
      const units = await onNode(
        'systemctl',
        'list-units',
        '--all',
        '--plain',
        '--no-legend',
        'tidegate-tx-*',
      );
      assert.equal(units, '');
      await real.unstage({ ...ref, packages });
      const files = await onNode('ls', '/var/cache/tidegate');
      assert.equal(files, `${containerd(OLD).sha256}.deb`);
    });
    it('finds a bad package out, and gets rid of it', async () => {
      const bad = change(containerd(BAD, NEW));
      const transaction = `${run}-bad`;
      await real.stage({ ...ref, packages: bad });
      await real.apply({ ...ref, packages: bad, transaction });
      assert.equal(await installed(), `${BAD} install ok installed`);
      await fails(verify('To', bad), 'VerificationFailed', /containerd serves no CRI/);
      await real.revert({ ...ref, packages: bad, transaction });
      const proof = await verify('From', bad);
      assert.deepEqual(proof.containersLost, []);
    });
    it('repairs an interrupted dpkg on the way', async () => {
      await real.stage({ ...ref, packages });
      await onNode('dpkg', '--unpack', `/var/cache/tidegate/${containerd(NEW).sha256}.deb`);
      assert.ok((await real.inspect({ ...ref, packages: [] })).host.dpkgInterrupted);
      await real.apply({ ...ref, packages, transaction: `${run}-broken` });
      await verify('To');
      await real.revert({ ...ref, packages, transaction: `${run}-broken` });
      await verify('From');
    });
    it('does not touch a held package', async () => {
      await real.stage({ ...ref, packages });
      await onNode('apt-mark', 'hold', 'containerd');
      const work = real.apply({ ...ref, packages, transaction: `${run}-held` });
      await fails(work, 'PackageHeld', /containerd is on hold.*apt-mark unhold/);
      await onNode('apt-mark', 'unhold', 'containerd');
      assert.equal(await installed(), `${OLD} install ok installed`);
    });
    it('installs nothing whose digest has changed since it was staged', async () => {
      await onNode('truncate', '-s', '100', `/var/cache/tidegate/${containerd(NEW).sha256}.deb`);
      const work = real.apply({ ...ref, packages, transaction: `${run}-forged` });
      await fails(work, 'DigestMismatch', /has sha256/);
      assert.equal(await installed(), `${OLD} install ok installed`);
    });
  });

  describe('the Node object and the cluster', () => {
    it('lease, cordon, drain, uncordon and release leave the node as it was', async () => {
      const mine = { ...ref, holder };
      assert.deepEqual(await real.lease({ ...mine, for: run }), { cordonedBefore: false });
      await real.cordon(mine);
      assert.deepEqual(await real.unavailableNodes({ access }), [ref.node]);
      const { drain } = policySchema.shape.spec.parse({});
      const policy = { ...drain, timeoutSeconds: 60, jobs: 'Evict' } as const;
      await real.drain({ ...ref, policy });
      const nothing = { evicted: [], jobPodsEvicted: [] };
      assert.deepEqual(await real.drain({ ...ref, policy }), nothing);
      await real.uncordon({ ...mine, cordonedBefore: false });
      await real.release(mine);
      const found = await real.inspect({ ...ref, packages: [] });
      assert.equal(found.unschedulable, false);
    });
    it('the cluster has one lease', async () => {
      await real.acquireClusterLease({ access, holder: 'test/lab' });
      await real.acquireClusterLease({ access, holder: 'test/lab' });
      const second = real.acquireClusterLease({ access, holder: 'another' });
      await fails(second, 'LeaseHeld', /leased by test\/lab/);
      await real.releaseClusterLease({ access, holder: 'another' });
      await real.releaseClusterLease({ access, holder: 'test/lab' });
      await real.releaseClusterLease({ access, holder: 'test/lab' });
    });
    it('knows the contexts there are', async () => {
      const wrong = real.unavailableNodes({ access: { ...access, context: 'south' } });
      await fails(wrong, 'KubeconfigInvalid', /no context "south".*it has: east/);
    });
  });
});
