/** Input that is wrong gets one clear error, an exit code, and no node is touched. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { onNode, waitForSsh } from '../../lab/node.ts';
import { paths, stateDir } from '../../lab/paths.ts';
import { nodeNamed } from '../../lab/settings.ts';
import { NEW, OLD } from './activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  kubectl,
  rolloutTo,
} from './rollout-kit.ts';

interface FleetDocument {
  metadata: { name: string };
  spec: {
    clusters: {
      context: string;
      kubeconfig: string;
      nodeGroups: { selector: string }[];
      ssh: { port?: number; user: string; knownHostsFile: string };
    }[];
  };
}
type Cluster = FleetDocument['spec']['clusters'][number];
type BundleDocument = {
  spec: { releases: { os: string; packages: { to: { version: string; sha256: string } }[] }[] };
};

aroundFleet({ batch: true });

/** Runs the command line with a document on its standard input. */
async function tidegate(document: object, env: Record<string, string> = {}, ...more: string[]) {
  const child = spawn('bin/tidegate', ['plan', '-', ...more], { env: { ...process.env, ...env } });
  child.stdin.end(JSON.stringify(document));
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

async function fleetWith(change: (cluster: Cluster) => void): Promise<FleetDocument> {
  const fleet = parse(await readFile('examples/fleet.yaml', 'utf8')) as FleetDocument;
  for (const cluster of fleet.spec.clusters) change(cluster);
  return fleet;
}

function bundleWith(change: (release: BundleDocument['spec']['releases'][number]) => void) {
  const bundle = bundleTo(NEW, 'Restart') as BundleDocument;
  for (const release of bundle.spec.releases) change(release);
  return bundle;
}

const plain = () => bundleTo(NEW, 'Restart');
const withSpec = (spec: object) => rolloutTo({ name: 'wrong', bundle: plain(), spec });
const withBundle = (change: Parameters<typeof bundleWith>[0]) =>
  rolloutTo({ name: 'wrong', bundle: bundleWith(change) });
const withFleet = async (change: (cluster: Cluster) => void) =>
  withSpec({ fleet: await fleetWith(change) });

/** Writes a kubeconfig whose account may do nothing. */
async function kubeconfigWithoutRights(): Promise<string> {
  await kubectl('-n', 'tidegate', 'delete', 'serviceaccount', 'nobody', '--ignore-not-found');
  await kubectl('-n', 'tidegate', 'create', 'serviceaccount', 'nobody');
  const token = (await kubectl('-n', 'tidegate', 'create', 'token', 'nobody')).trim();
  const config = await readFile(paths.workerKubeconfig, 'utf8');
  const file = join(stateDir, 'nobody.kubeconfig');
  await writeFile(file, config.replace(/("?token"?: *)("?)[^"\s,}]+\2/, `$1$2${token}$2`));
  return '.lab/nobody.kubeconfig';
}

/** Writes a known_hosts file in which east-2 has the key of east-1. */
async function knownHostsWithWrongKey(): Promise<string> {
  const lines = (await readFile('.lab/ssh/known_hosts', 'utf8')).split('\n');
  const keyOf = (node: string) =>
    lines
      .find((line) => line.includes(nodeNamed(node).address))
      ?.split(' ')
      .slice(1)
      .join(' ');
  const right = keyOf('east-2') ?? '';
  const wrong = lines.map((line) => line.replace(right, keyOf('east-1') ?? ''));
  await writeFile(join(stateDir, 'wrong_known_hosts'), wrong.join('\n'));
  return '.lab/wrong_known_hosts';
}

describe('wrong input', () => {
  const cases: [string, () => Promise<object> | object, number, RegExp][] = [
    [
      'a key that does not exist',
      () => rolloutTo({ name: 'wrong', bundle: plain(), strategy: { maxUnavailble: 1 } }),
      3,
      /spec\.strategy\.maxUnavailble.*maxUnavailable/,
    ],
    [
      'a value of the wrong type',
      () => rolloutTo({ name: 'wrong', bundle: plain(), strategy: { failureBudget: 'one' } }),
      3,
      /spec\.strategy\.failureBudget/,
    ],
    ['a document nobody has', () => withSpec({ policy: 'strict' }), 3, /strict.*standard/s],
    [
      'an unknown cluster',
      () => withSpec({ targets: { clusters: ['west'] } }),
      3,
      /"west" is not in the fleet \(it has east\)/,
    ],
    [
      'a selector that matches nothing',
      () =>
        withFleet((cluster) => {
          for (const group of cluster.nodeGroups) group.selector = 'pool=gpu';
        }),
      3,
      /selector "pool=gpu" .* matches no node/,
    ],
    [
      'an OS release that the bundle lacks',
      () =>
        withBundle((release) => {
          release.os = 'debian-11';
        }),
      3,
      /runs debian-12\/amd64; bundle .* has only debian-11\/amd64/,
    ],
    [
      'a version that no source offers',
      () =>
        withBundle((release) => {
          for (const entry of release.packages) entry.to.version = `${NEW}.1`;
        }),
      3,
      /PackageUnavailable|does not support/,
    ],
    [
      'a digest that is not the package’s',
      () =>
        withBundle((release) => {
          for (const entry of release.packages) entry.to.sha256 = '0'.repeat(64);
        }),
      3,
      /DigestMismatch: .* with sha256 8669d264/,
    ],
    [
      'a host with another key',
      async () => {
        const knownHostsFile = await knownHostsWithWrongKey();
        return await withFleet((cluster) => {
          cluster.ssh.knownHostsFile = knownHostsFile;
        });
      },
      3,
      /east-2: HostKeyMismatch/,
    ],
    [
      'a context that the kubeconfig lacks',
      () =>
        withFleet((cluster) => {
          cluster.context = 'west';
        }),
      3,
      /west.*east/s,
    ],
    [
      'an account without rights',
      async () => {
        const kubeconfig = await kubeconfigWithoutRights();
        return await withFleet((cluster) => {
          cluster.kubeconfig = kubeconfig;
        });
      },
      1,
      /KubernetesForbidden.*rbac\.yaml/s,
    ],
  ];
  for (const [what, document, code, words] of cases) {
    it(`${what}: exit code ${code}`, async () => {
      const answer = await tidegate(await document());
      assert.equal(answer.code, code, answer.stderr);
      assert.match(answer.stderr, words);
      assert.equal(answer.stdout, '');
    });
  }

  it('a Temporal that is not there: exit code 1 and where it was sought', async () => {
    const answer = await tidegate(withSpec({}), {}, '--address', '127.0.0.1:7999');
    assert.equal(answer.code, 1);
    assert.match(answer.stderr, /127\.0\.0\.1:7999/);
  });

  it('an unreachable node is refused, or left out where the rollout says so', async () => {
    const node = nodeNamed('east-5');
    await onNode(
      node,
      'systemd-run --on-active=15 --timer-property=AccuracySec=100ms systemctl start ssh && systemctl stop ssh',
    );
    const [refused, excluded] = [
      await tidegate(withSpec({})),
      await tidegate(
        rolloutTo({ name: 'wrong', bundle: plain(), strategy: { onUnreachable: 'Exclude' } }),
      ),
    ];
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /east-5: HostUnreachable.*onUnreachable: Exclude/s);
    assert.equal(excluded.code, 0, excluded.stderr);
    assert.match(excluded.stdout, /4 nodes/);
    assert.match(excluded.stdout, /east-5.*HostUnreachable/);
    await waitForSsh(node);
  });

  it('has touched no node', async () => {
    await assertNodes(ALL_NODES, OLD);
    const facts = await fleetFacts();
    assert.equal(facts.length, ALL_NODES.length);
  });
});
