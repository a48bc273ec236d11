import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { kubectl } from '../../lab/control-plane.ts';
import { hostFacts } from '../../lab/fleet-facts.ts';
import { ledgerPart, startLedger, stopLedger } from '../../lab/ledger.ts';
import { prometheusUrl, startPrometheus, stopPrometheus } from '../../lab/monitoring.ts';
import { onNode } from '../../lab/node.ts';
import { partPid } from '../../lab/processes.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { run, waitFor } from '../../lab/run.ts';
import { nodeNamed, nodes, pullImage, versions } from '../../lab/settings.ts';
import { slowDown, speedUp } from '../../lab/slowdown.ts';
import { pauseTraffic, resumeTraffic } from '../../lab/traffic.ts';
import { ensureWorkload } from '../../lab/workload.ts';

const node = nodeNamed('east-4');

/** Returns what PromQL comes to, a number a series. */
async function query(text: string): Promise<readonly { node?: string; value: number }[]> {
  const url = `${prometheusUrl}/api/v1/query?query=${encodeURIComponent(text)}`;
  const { data } = (await (await fetch(url)).json()) as {
    data: { result: { metric: { node?: string }; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ ...metric, value: Number(value[1]) }));
}

/** Runs a pod to its end. */
async function runPod(name: string, image: string, imagePullPolicy: string): Promise<void> {
  const container = { name: 'tool', image, imagePullPolicy, args: ['true'] };
  const spec = { nodeName: node.name, restartPolicy: 'Never', containers: [container] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
  await run(kubectl('apply', '-f', '-'), { input: JSON.stringify(pod) });
  const phase = '--for=jsonpath={.status.phase}=Succeeded';
  await run(kubectl('wait', phase, `pod/${name}`, '--timeout=60s'));
}

async function removePods(...names: string[]): Promise<void> {
  await run(kubectl('delete', 'pod', '--ignore-not-found', '--grace-period=1', ...names));
}

/** Returns the mean time of the kubelet's starts of containers while work is done, in ms. */
async function meanStartMs(work: () => Promise<void>): Promise<number> {
  const read = async () => {
    const text = await run(kubectl('get', '--raw', `/api/v1/nodes/${node.name}/proxy/metrics`));
    const of = (kind: string) => {
      const name = `kubelet_runtime_operations_duration_seconds_${kind}`;
      const line = new RegExp(`^${name}\\{operation_type="start_container"\\} (\\S+)$`, 'm');
      return Number(line.exec(text)?.[1] ?? 0);
    };
    return { sum: of('sum'), count: of('count') };
  };
  const first = await read();
  await work();
  const second = await read();
  assert.ok(second.count > first.count);
  return (1000 * (second.sum - first.sum)) / (second.count - first.count);
}

async function install(version: string): Promise<void> {
  const options = '-q -y --allow-downgrades -o Dpkg::Options::=--force-confold';
  const env = 'export DEBIAN_FRONTEND=noninteractive';
  const command = `${env}; apt-get -q update && apt-get ${options} install containerd=${version}`;
  const { code, stderr } = await onNode(node, command);
  assert.equal(code, 0, stderr);
}

/** Returns the processes of the node's containers, but those of Jobs, which end by themselves. */
async function processes(): Promise<readonly string[]> {
  const { containers } = await hostFacts(node);
  return containers.filter(({ pod }) => !/^(tick|batch)-/.test(pod)).map(({ process }) => process);
}

describe('what the lab measures with', { concurrency: false }, () => {
  before(async () => {
    await resetNodes();
    await ensureWorkload();
  });
  after(async () => {
    await removePods('pull', ...[0, 1].map((index) => `start-${index}`));
    await resumeTraffic();
    await startPrometheus();
    await startLedger();
    await resetNodes();
  });

  const startTwo = async () => {
    for (const index of [0, 1]) {
      await runPod(`start-${index}`, 'tidegate.lab/tool:1', 'Never');
      await removePods(`start-${index}`);
    }
  };

  it('has a registry that nodes pull from by name', async () => {
    const image = `ctr --namespace k8s.io images`;
    await onNode(node, `${image} rm --sync ${pullImage}`);
    await runPod('pull', pullImage, 'IfNotPresent');
    const { stdout } = await onNode(node, `${image} ls name==${pullImage}`);
    assert.match(stdout, /8\.[0-9] MiB/);
  });

  it('sees every kubelet and what users of each service get, by node', async () => {
    const up = async (job: string) => await query(`up{job="${job}"} == 1`);
    await waitFor({
      what: 'Prometheus to see its targets',
      timeoutMs: 30_000,
      until: async () =>
        (await up('kubelet')).length === nodes.length && (await up('traffic')).length === 1,
    });
    const rate = await query('sum by (node) (rate(http_requests_total{code="200"}[30s])) > 0');
    assert.deepEqual(
      rate.map((series) => series.node).sort(),
      nodes.map(({ name }) => name),
    );
    const failed = await query('sum(rate(http_requests_total{code!="200"}[15s])) > 0');
    assert.deepEqual(failed, []);
  });

  it('tells no latency where there is no traffic', async () => {
    await pauseTraffic();
    const rate = `rate(http_request_duration_seconds_bucket{node="${node.name}"}[6s])`;
    const latency = `histogram_quantile(0.9, sum by (le) (${rate}))`;
    await waitFor({
      what: 'the latency to be no number',
      timeoutMs: 30_000,
      until: async () => (await query(latency)).every(({ value }) => Number.isNaN(value)),
    });
    await resumeTraffic();
    await waitFor({
      what: 'the latency to be a number again',
      timeoutMs: 30_000,
      until: async () => (await query(latency)).some(({ value }) => value > 0),
    });
  });

  it('stops and starts servers', async () => {
    await stopPrometheus();
    await assert.rejects(query('up'), TypeError);
    await startPrometheus();
    assert.ok((await query('up{job="kubelet"}')).length > 0, 'it kept what it had seen');
    await stopLedger();
    assert.equal(await partPid(ledgerPart), undefined);
    await startLedger();
  });

  it('slows starts on any node, through updates, and takes that away', async () => {
    const plain = await meanStartMs(startTwo);
    await slowDown(node);
    await slowDown(node);
    const slowed = await meanStartMs(startTwo);
    await install(versions.containerdPatched);
    const updated = await meanStartMs(startTwo);
    await speedUp(node);
    const after = await meanStartMs(startTwo);
    const rounded = [plain, slowed, updated, after].map(Math.round).join(' ');
    for (const ms of [slowed, updated]) assert.ok(ms - plain > 350 && ms - plain < 700, rounded);
    assert.ok(after - plain < 200, rounded);
  });

  it('has a package that slows starts, which running containers survive', async () => {
    await resetNodes();
    const before = await processes();
    assert.ok(before.length > 2);
    const plain = await meanStartMs(startTwo);
    await install(versions.containerdSlow);
    const slow = await meanStartMs(startTwo);
    assert.ok(slow - plain > 350 && slow - plain < 700, `${plain} ${slow}`);
    const during = await processes();
    await resetNodes();
    const after = await processes();
    const lost = before.filter((one) => !during.includes(one) || !after.includes(one));
    assert.deepEqual(lost, []);
    assert.match(
      (await onNode(node, 'dpkg --verify containerd')).stdout,
      /^.* c \S+config.toml\n$/,
    );
  });
});
