import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { nodeStates } from '../../lab/cluster.ts';
import { kubectl } from '../../lab/control-plane.ts';
import { onNode, ssh } from '../../lab/node.ts';
import type { LabPackage } from '../../lab/packages.ts';
import { checkout, paths, tool } from '../../lab/paths.ts';
import { partPid } from '../../lab/processes.ts';
import { attempt, run } from '../../lab/run.ts';
import { type LabNode, nodes, versions } from '../../lab/settings.ts';
import { partNames } from '../../lab/up.ts';
import { ensureWorkload } from '../../lab/workload.ts';

// Runs against the lab that is up; it brings nothing up and leaves every node as it was.

const inShop = (...words: string[]) => run(kubectl('-n', 'shop', ...words));

async function everywhere<T>(work: (node: LabNode) => Promise<T>): Promise<readonly T[]> {
  return Promise.all(nodes.map(work));
}

async function webPods(): Promise<readonly { name: string; node: string; ip: string }[]> {
  const text = await inShop('get', 'pods', '-l', 'app=web', '-o', 'json');
  const { items } = JSON.parse(text) as {
    items: { metadata: { name: string }; spec: { nodeName: string }; status: { podIP: string } }[];
  };
  return items.map(({ metadata, spec, status }) => ({
    name: metadata.name,
    node: spec.nodeName,
    ip: status.podIP,
  }));
}

describe('the fleet', () => {
  it('has five Ready nodes in three failure domains', async () => {
    const ready = (await nodeStates()).filter((node) => node.ready).map((node) => node.name);
    assert.deepEqual(ready.sort(), nodes.map((node) => node.name).sort());
    const label = '{.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}';
    const zones = await run(kubectl('get', 'nodes', '-o', `jsonpath=${label}`));
    assert.deepEqual([...new Set(zones.split(' '))].sort(), ['east-a', 'east-b', 'east-c']);
    const marked = await run(kubectl('get', 'nodes', '-l', 'tidegate.dev/lab=true', '-o', 'name'));
    assert.equal(marked.split('\n').length, nodes.length);
  });

  it('has systemd as PID 1 of every node, with nothing failed', async () => {
    const answers = await everywhere((node) =>
      run(ssh(node, 'cat /proc/1/comm; systemctl is-system-running; hostname')),
    );
    assert.deepEqual(
      answers,
      nodes.map(({ name }) => `systemd\nrunning\n${name}`),
    );
  });

  it('runs the daemon that dpkg says is installed, from the packages of the repository', async () => {
    const list = JSON.parse(await readFile(paths.packages, 'utf8')) as readonly LabPackage[];
    const known = list.filter((p) => p.package === 'containerd').map((p) => p.version);
    assert.ok(known.includes(versions.containerd));
    const answers = await everywhere(async (node) => {
      const installed = await run(ssh(node, `dpkg-query -W -f '\${Version}' containerd`));
      const running = await run(ssh(node, 'ctr version'));
      return { installed, running: /Server:.*Revision: (\S+)/s.exec(running)?.[1] };
    });
    for (const { installed, running } of answers) {
      assert.equal(running, installed);
      assert.ok(known.includes(installed), installed);
    }
  });

  it('refuses a host key that is not pinned', async () => {
    const [first, second] = nodes;
    assert.ok(first && second);
    const words = ssh({ ...first, address: second.address }, 'hostname');
    assert.equal(await run(words), second.name);
    const unknown = words.map((word) => word.replace(paths.knownHosts, '/dev/null'));
    assert.match((await attempt(unknown)).stderr, /Host key verification failed/);
  });

  it('shows every version in a node, from an index whose signature apt has verified', async () => {
    const [node] = nodes;
    assert.ok(node);
    const update = await onNode(node, 'apt-get update');
    assert.equal(update.code, 0, update.stderr);
    assert.doesNotMatch(`${update.stdout}${update.stderr}`, /not signed|NO_PUBKEY|^W:|^E:/m);
    const policy = await run(ssh(node, 'apt-cache policy containerd'));
    const { containerd, containerdPatched, containerdNext, containerdBad } = versions;
    for (const version of [containerd, containerdPatched, containerdNext, containerdBad]) {
      assert.ok(policy.includes(`${version} 500`), `${version} in\n${policy}`);
    }
  });
});

describe('the workload', () => {
  before(ensureWorkload, { timeout: 180_000 });

  it('answers on its pods from the host and from another node', async () => {
    const pods = await webPods();
    for (const { name, ip } of pods) {
      const response = await fetch(`http://${ip}:8080/`);
      assert.equal((await response.text()).trim(), name);
    }
    const [pod] = pods;
    const other = nodes.find(({ name }) => name !== pod?.node);
    assert.ok(pod && other);
    const request = `exec 3<>/dev/tcp/${pod.ip}/8080; echo "GET / HTTP/1.0" >&3; echo >&3; cat <&3`;
    const answer = await run(ssh(other, `timeout 5 bash -c '${request}'`));
    assert.ok(answer.endsWith(pod.name), answer);
  });

  it('reaches one pod from another on a different node', async () => {
    const pods = await webPods();
    const [from] = pods;
    const to = pods.find(({ node }) => node !== from?.node);
    const node = nodes.find(({ name }) => name === from?.node);
    assert.ok(from && to && node);
    // The pod's own network, entered from its node: the image has no client of its own.
    const find = `ip netns list | cut -d' ' -f1`;
    const probe = `timeout 5 bash -c "exec 3<>/dev/tcp/${to.ip}/8080; echo GET / HTTP/1.0 >&3; echo >&3; cat <&3"`;
    const line = `for n in $(${find}); do ip netns exec $n ip -4 -o address | grep -q '${from.ip}/' && ip netns exec $n ${probe}; done; true`;
    assert.ok((await run(ssh(node, line))).endsWith(to.name));
  });

  it('has logs and exec', async () => {
    const [pod] = await webPods();
    assert.ok(pod);
    assert.match(await inShop('logs', pod.name), /serving on port 8080/);
    await inShop('exec', pod.name, '--', '/tool', 'true');
    assert.notEqual((await attempt(kubectl('-n', 'shop', 'exec', pod.name, '--', '/no'))).code, 0);
  });

  it('has its disruption budgets', async () => {
    const text = await inShop('get', 'pdb', '-o', 'json');
    const { items } = JSON.parse(text) as {
      items: { metadata: { name: string }; spec: object; status: { currentHealthy: number } }[];
    };
    const budgets = items.map(({ metadata, status }) => [metadata.name, status.currentHealthy]);
    assert.deepEqual(budgets, [
      ['db', 2],
      ['web', 6],
    ]);
  });
});

describe("the worker's account", () => {
  it('reads nodes and may not read secrets', async () => {
    const worker = [tool('kubectl'), `--kubeconfig=${paths.workerKubeconfig}`, '--context=east'];
    assert.match(await run([...worker, 'get', 'nodes']), /east-1/);
    const refused = await attempt([...worker, 'get', 'secrets', '-A']);
    assert.match(refused.stderr, /forbidden/);
  });
});

describe('up again', () => {
  it('changes nothing and takes seconds', async () => {
    const pids = () => Promise.all(partNames.map(partPid));
    const earlier = await pids();
    assert.ok(earlier.every((pid) => pid !== undefined));
    const started = Date.now();
    await run([process.execPath, 'lab/main.ts', 'up'], { cwd: checkout });
    assert.ok(Date.now() - started < 10_000);
    assert.deepEqual(await pids(), earlier);
  });
});
