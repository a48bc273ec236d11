/** What the lab's tests of package trouble share: one node, ways to make trouble on it, and its cure. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from '../../lab/cache.ts';
import { debianMirror } from '../../lab/debian.ts';
import { nodeRoot } from '../../lab/node.ts';
import { run } from '../../lab/run.ts';
import { nodeNamed, versions } from '../../lab/settings.ts';
import type { ContainerFacts } from '../../workflows/domain/inventory.ts';
import type { PackageVersion, PlannedPackage } from '../../workflows/domain/plan-types.ts';
import {
  activities,
  change,
  containerd,
  NEW,
  OLD,
  onNode,
  ref,
  verification,
} from '../lab/activity-kit.ts';

export const STORE = '/var/cache/tidegate';
export const real = activities();
export const packages = change(containerd(NEW));
const holder = `node/east/${ref.node}`;

/** Runs a shell script on the node and returns what it printed. */
export const sh = (script: string) => onNode('sh', '-c', script);

// biome-ignore lint/suspicious/noTemplateCurlyInString: that is dpkg's own format.
const FORMAT = '${Version} ${Status}';
export const installed = () => onNode('dpkg-query', '-W', `-f=${FORMAT}`, 'containerd');

/** Returns a pattern of a text as it stands. */
export const plain = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Asserts that work fails with a type and a message, and returns the message. */
export async function fails(work: Promise<unknown>, type: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { type?: string }) => {
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    told(`${type}: ${error.message.split('\n')[0]}`);
    return true;
  });
}

/** Prints what Tidegate said, for whoever reads the run. */
export function told(...words: readonly string[]): void {
  for (const word of words) process.stdout.write(`    ${word}\n`);
}

/** Verifies the node against containers that were found before. */
export async function verify(
  expect: 'From' | 'To',
  wanted: readonly PlannedPackage[] = packages,
  containersBefore: readonly ContainerFacts[] = [],
) {
  const survive = { containersBefore, containersMustSurvive: containersBefore.length > 0 };
  return await real.verify({ ...ref, packages: wanted, expect, ...survive, verification });
}

/** What a test may set for connections to the node. */
export const SSHD_CONF = '/etc/ssh/sshd_config.d/tidegate-test.conf';

const CURE = `
set -e
export DEBIAN_FRONTEND=noninteractive
systemctl stop tidegate-test-lock.service 2>/dev/null || true
[ ! -e ${SSHD_CONF} ] || { rm -f ${SSHD_CONF}; systemctl reload ssh; sleep 1; }
for path in ${STORE} /usr/bin /var/tmp/small; do while mountpoint -q "$path"; do umount -l "$path"; done; done
[ ! -f /var/tmp/sources.list ] || mv /var/tmp/sources.list /etc/apt/sources.list
for unit in $(systemctl list-units --all --plain --no-legend 'tidegate-tx-*' | cut -d ' ' -f 1); do
  systemctl stop "$unit" 2>/dev/null || true; systemctl reset-failed "$unit" 2>/dev/null || true
done
rm -rf ${STORE} /etc/containerd/config.toml.dpkg-* /usr/local/sbin/unattended-upgrades
apt-mark unhold containerd >/dev/null
case "$(dpkg-query -W -f='${FORMAT}' containerd)" in
  '${OLD} install ok installed') [ -z "$(dpkg --audit)" ] && ! ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1 && clean=yes || clean=no ;;
  *) clean=no ;;
esac
if [ "$clean" = no ]; then
  dpkg --configure -a --force-confold || true
  apt-get -q update >/dev/null
  apt-get -q -y --reinstall --allow-downgrades -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold install containerd='${OLD}' >/dev/null
  apt-get clean; rm -f /etc/containerd/config.toml.dpkg-*
fi
ctr version | grep -Fq 'Revision: ${OLD}' || systemctl restart containerd
`;

/** Takes the node to where the lab starts, whatever a test left. */
export async function cure(): Promise<void> {
  await sh(CURE);
  await real.uncordon({ ...ref, holder, cordonedBefore: false });
  await real.release({ ...ref, holder });
}

/** Lets a process of the given name hold dpkg's lock, as the real one would; returns its pid. */
export async function holdLock(seconds: number): Promise<string> {
  const perl = `#!/usr/bin/perl
use Fcntl; open F, "+<", "/var/lib/dpkg/lock-frontend" or die;
$l = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0; fcntl F, F_SETLK, $l or die "held by another";
open M, ">", "/run/tidegate-test-lock"; close M; sleep shift`;
  return await sh(`set -e
rm -f /run/tidegate-test-lock
cat >/usr/local/sbin/unattended-upgrades <<'EOT'
${perl}
EOT
chmod 755 /usr/local/sbin/unattended-upgrades
systemd-run --quiet --collect --unit=tidegate-test-lock /usr/local/sbin/unattended-upgrades ${seconds}
while [ ! -e /run/tidegate-test-lock ]; do sleep 0.1; done
systemctl show -p MainPID --value tidegate-test-lock.service`);
}

/** Makes a package from a staged one, under another version, and stages it; `edit` runs in its tree. */
export async function variant(from: PackageVersion, suffix: string, edit: string) {
  const version = `${from.version}+${suffix}`;
  const sha256 = await sh(`set -e
work=$(mktemp -d /var/tmp/variant.XXXXXX); cd "$work"
dpkg-deb -R ${STORE}/${from.sha256}.deb tree; cd tree
sed -i 's/^Version: .*/Version: ${version}/' DEBIAN/control
${edit}
cd ..; dpkg-deb --root-owner-group -Zgzip -z1 --build tree new.deb >/dev/null
sum=$(sha256sum new.deb | cut -d ' ' -f 1); mv new.deb ${STORE}/$sum.deb; cd /; rm -rf "$work"; echo $sum`);
  return { version, sha256, daemonVersion: from.daemonVersion };
}

/** Kills dpkg, as a power cut would, when it has unpacked half of containerd. */
export const KILL_DPKG_MIDWAY = `
for i in $(seq 1 3000); do [ ! -e /usr/bin/containerd.dpkg-new ] || break; sleep 0.01; done
pkill -9 -x dpkg; pkill -9 -x dpkg-deb; true`;

/**
 * Installs packages of Debian that the lab's nodes lack, without touching those that they have;
 * returns a function that takes them away again.
 */
export async function withDebian(...names: readonly string[]): Promise<() => Promise<void>> {
  const root = nodeRoot(nodeNamed(ref.node));
  const dir = await cached('extra-debs', keyOf('1', versions.release, ...names), (work) =>
    download(work, join(root, 'var/lib/dpkg/status'), names),
  );
  const before = await installedNames();
  await run(['cp', '-r', dir, join(root, 'var/tmp/extra-debs')]);
  await sh(`export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
cd /var/tmp/extra-debs && apt-get install -y --no-install-recommends ./*.deb >/dev/null; rm -rf /var/tmp/extra-debs`);
  return async () => {
    const added = (await installedNames()).filter((name) => !before.includes(name));
    if (added.length > 0) await onNode('dpkg', '--purge', ...added);
  };
}

async function installedNames(): Promise<readonly string[]> {
  return (await sh('dpkg --get-selections | cut -f 1')).split('\n');
}

async function download(dir: string, status: string, names: readonly string[]): Promise<void> {
  const mirror = await debianMirror();
  const apt = join(dir, '.apt');
  for (const sub of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(apt, sub), { recursive: true });
  }
  const source = `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror.main} ${versions.release} main`;
  await run(['sh', '-c', `echo "$1" >"$2"`, '-', source, join(apt, 'sources.list')]);
  const options = [
    `Dir::Etc::SourceList=${join(apt, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(apt, 'lists')}`,
    `Dir::State::status=${status}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run(['apt-get', ...options, 'update']);
  const install = ['install', '-y', '--download-only', '--no-install-recommends'];
  await run(['apt-get', ...options, ...install, ...names]);
  await run([
    'sh',
    '-c',
    `mv "$1"/*.deb "$2"; rm -rf "$3"`,
    '-',
    join(apt, 'cache/archives'),
    dir,
    apt,
  ]);
}
