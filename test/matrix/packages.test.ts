/** Trouble with dpkg, made on purpose on a node of the lab ("make lab" first), and what becomes of it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { boot, powerOff, waitForSsh } from '../../lab/node.ts';
import { nodeNamed } from '../../lab/settings.ts';
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { PlannedPackage } from '../../workflows/domain/plan-types.ts';
import { activities, change, containerd, NEW, OLD, onNode, ref } from '../lab/activity-kit.ts';
import { bundleTo, NEWEST, rolloutTo } from '../lab/rollout-kit.ts';
import {
  cure,
  fails,
  holdLock,
  installed,
  KILL_DPKG_MIDWAY,
  packages,
  plain,
  real,
  STORE,
  sh,
  told,
  variant,
  verify,
} from './package-kit.ts';

const run = `packages-${Date.now()}`;
const rehold: readonly PlannedPackage[] = packages.map((entry) => ({ ...entry, onHold: 'Rehold' }));
const OLD_FINE = `${OLD} install ok installed`;
const NEW_FINE = `${NEW} install ok installed`;

async function applied(transaction: string, wanted = packages): Promise<readonly string[]> {
  const { notes = [] } = await real.apply({ ...ref, packages: wanted, transaction });
  told(...notes);
  return notes;
}

describe('trouble with dpkg', { timeout: 480_000 }, () => {
  let before_: readonly ContainerFacts[] = [];
  before(async () => {
    await cure();
    before_ = (await real.inspect({ ...ref, packages: [] })).containers;
    assert.ok(before_.length > 0);
  });
  afterEach(cure);
  after(cure);

  it("waits for dpkg's lock, and names who holds it", async () => {
    await real.stage({ ...ref, packages });
    const phases: string[] = [];
    const watching = activities((details) => phases.push((details as { phase: string }).phase));
    const pid = await holdLock(7);
    const transaction = `${run}-lock`;
    const { notes } = await watching.apply({ ...ref, packages, transaction });
    const holder = `held by unattended-upgr (pid ${pid})`;
    assert.ok(phases.includes(`waiting for dpkg's lock, ${holder}`), phases.join('; '));
    assert.match(notes?.[0] ?? '', new RegExp(`^waited \\d+ s for dpkg's lock, ${plain(holder)}$`));
    assert.deepEqual(await applied(transaction), notes);
    await verify('To', packages, before_);
  });

  it('gives up on a lock that lasts, with the name of its holder, and changes nothing', async () => {
    await real.stage({ ...ref, packages });
    const pid = await holdLock(300);
    const transaction = `${run}-lasting`;
    const work = real.apply({ ...ref, packages, transaction });
    const message = new RegExp(
      `still waiting for dpkg's lock, held by unattended-upgr .pid ${pid}`,
    );
    await fails(work, 'DpkgBusy', message);
    assert.equal(await installed(), OLD_FINE);
    await onNode('systemctl', 'stop', 'tidegate-test-lock.service');
    await applied(transaction);
    assert.equal(await installed(), NEW_FINE);
  });

  it('repairs a package that was left unpacked, and says so', async () => {
    await real.stage({ ...ref, packages });
    await onNode('dpkg', '--unpack', `${STORE}/${containerd(NEW).sha256}.deb`);
    const notes = await applied(`${run}-unpacked`);
    assert.deepEqual(notes, [
      'dpkg had been interrupted (containerd is unpacked) and was repaired',
    ]);
    await verify('To', packages, before_);
  });

  it('repairs what a killed dpkg left, its journal included, in either direction', async () => {
    await real.stage({ ...ref, packages });
    const half = `(${KILL_DPKG_MIDWAY}) & dpkg --unpack "$0" >/dev/null 2>&1; wait; ls /var/lib/dpkg/updates`;
    const leave = () => onNode('sh', '-c', half, `${STORE}/${containerd(NEW).sha256}.deb`);
    assert.match(await leave(), /0000/);
    assert.match(await installed(), /reinstreq half-installed$/);
    const notes = await applied(`${run}-half`);
    assert.match(notes[0] ?? '', /containerd is half-installed, its journal was not written down/);
    await verify('To', packages, before_);
    await real.revert({ ...ref, packages, transaction: `${run}-half` });
    await leave();
    assert.match(await installed(), new RegExp(`^${plain(OLD)} .*half-installed$`));
    await real.revert({ ...ref, packages, transaction: `${run}-half` });
    await verify('From', packages, before_);
  });

  it('is put back when dpkg is killed in the middle of the change', async () => {
    await real.stage({ ...ref, packages: rehold });
    await onNode('apt-mark', 'hold', 'containerd');
    const transaction = `${run}-killed`;
    const killed = sh(KILL_DPKG_MIDWAY);
    await fails(
      real.apply({ ...ref, packages: rehold, transaction }),
      'ApplyFailed',
      /exit code 100/,
    );
    await killed;
    assert.match(await installed(), /^\S+ hold /);
    await real.revert({ ...ref, packages: rehold, transaction });
    assert.equal(await installed(), `${OLD} hold ok installed`);
    await verify('From', rehold, before_);
  });

  it('goes back from a package that cannot be configured', async () => {
    await real.stage({ ...ref, packages });
    const edit = `sed -i '2i [ "$1" != configure ] || exit 3' DEBIAN/postinst`;
    const broken = change(await variant(containerd(NEW), 'broken1', edit));
    const transaction = `${run}-postinst`;
    const work = real.apply({ ...ref, packages: broken, transaction });
    await fails(
      work,
      'ApplyFailed',
      /installed containerd package post-installation script subprocess returned error/,
    );
    assert.match(await installed(), /half-configured$/);
    await real.revert({ ...ref, packages: broken, transaction });
    await verify('From', broken, before_);
  });

  it('goes on after a power cut in the middle of the change', async () => {
    await real.stage({ ...ref, packages });
    const transaction = `${run}-power`;
    const node = nodeNamed(ref.node);
    const midway = sh(`${KILL_DPKG_MIDWAY.split('\n')[1]}; echo midway`).then(() =>
      powerOff(node, 'plug'),
    );
    const work = real.apply({ ...ref, packages, transaction });
    await assert.rejects(
      work,
      (error: Error & { type?: string }) => error.type === 'HostUnreachable',
    );
    await midway;
    await boot(node);
    await waitForSsh(node);
    assert.match(await installed(), /half-installed$/);
    const notes = await applied(transaction);
    assert.match(notes[0] ?? '', /^dpkg had been interrupted \(containerd is half-installed/);
    assert.deepEqual(await applied(transaction), notes);
    await verify('To');
    before_ = (await real.inspect({ ...ref, packages: [] })).containers;
  });

  describe('a package on hold', () => {
    const planOf = (onHold: 'Refuse' | 'Rehold') => {
      const bundle = bundleTo(NEW, 'Restart') as { spec: { releases: { packages: object[] }[] } };
      for (const entry of bundle.spec.releases[0]?.packages ?? []) Object.assign(entry, { onHold });
      const spec = { targets: { nodes: [ref.node] } };
      return real.plan({ request: rolloutTo({ name: `${run}-hold`, bundle, spec }) });
    };

    it('is refused, when planned and when applied, with nothing changed', async () => {
      await real.stage({ ...ref, packages });
      await onNode('apt-mark', 'hold', 'containerd');
      await fails(
        planOf('Refuse'),
        'PlanRefused',
        /has package containerd on hold \(apt-mark unhold/,
      );
      const work = real.apply({ ...ref, packages, transaction: `${run}-held` });
      await fails(work, 'PackageHeld', /containerd is on hold\. Nothing was changed/);
      assert.equal(await installed(), `${OLD} hold ok installed`);
    });

    it('is changed and held again where the bundle says Rehold, back as well', async () => {
      await onNode('apt-mark', 'hold', 'containerd');
      const { plan } = await planOf('Rehold');
      const planned = plan.waves[0]?.nodes[0]?.packages ?? [];
      await real.stage({ ...ref, packages: planned });
      const notes = await applied(`${run}-rehold`, planned);
      assert.deepEqual(notes, ['containerd: was on hold; it was changed, and is on hold again']);
      assert.equal(await installed(), `${NEW} hold ok installed`);
      await verify('To', planned, before_);
      await real.revert({ ...ref, packages: planned, transaction: `${run}-rehold` });
      assert.equal(await installed(), `${OLD} hold ok installed`);
      await verify('From', planned, before_);
    });

    it('is held again by the next who comes, when the change itself was killed', async () => {
      await real.stage({ ...ref, packages: rehold });
      await onNode('apt-mark', 'hold', 'containerd');
      const transaction = `${run}-shot`;
      const shot =
        sh(`for i in $(seq 1 3000); do dpkg-query -W -f='\${Version} \${Status}' containerd | grep -q hold || break; sleep 0.01; done
systemctl kill -s KILL "$(systemctl list-units --plain --no-legend 'tidegate-tx-*' | cut -d ' ' -f 1)"`);
      await fails(real.apply({ ...ref, packages: rehold, transaction }), 'ApplyFailed', /signal/);
      await shot;
      assert.match(await installed(), /^\S+ hold /);
      await real.revert({ ...ref, packages: rehold, transaction });
      assert.equal(await installed(), `${OLD} hold ok installed`);
    });
  });

  it('keeps a file that was changed on the node, and says where the new one is', async () => {
    await real.stage({ ...ref, packages });
    const edit = "echo '# of the new version' >>etc/containerd/config.toml";
    const newer = change(await variant(containerd(NEW), 'conffile1', edit));
    const path = '/etc/containerd/config.toml';
    const mine = await onNode('cat', path);
    const transaction = `${run}-conffile`;
    const notes = await applied(transaction, newer);
    assert.deepEqual(notes, [
      `containerd: ${path} was changed locally and is kept; the package's own is ${path}.dpkg-dist`,
    ]);
    assert.equal(await onNode('cat', path), mine);
    assert.match(await onNode('cat', `${path}.dpkg-dist`), /# of the new version$/);
    assert.deepEqual(await applied(transaction, newer), notes);
    await verify('To', newer, before_);
    await real.revert({ ...ref, packages: newer, transaction });
    assert.equal(await onNode('cat', path), mine);
  });

  it('installs nothing over a version that somebody else has brought meanwhile', async () => {
    await real.stage({ ...ref, packages });
    const third = change(containerd(NEWEST, '1.7.24'));
    await real.stage({ ...ref, packages: third });
    const file = `${STORE}/${containerd(NEWEST).sha256}.deb`;
    await sh(`DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i ${file}`);
    const transaction = `${run}-third`;
    const neither =
      /containerd is 1\.7\.24\S+, neither .*u2 nor .*u3.*Nothing was installed over it/;
    await fails(real.apply({ ...ref, packages, transaction }), 'ApplyFailed', neither);
    await fails(real.revert({ ...ref, packages, transaction }), 'ApplyFailed', neither);
    assert.equal(await installed(), `${NEWEST} install ok installed`);
  });
});
