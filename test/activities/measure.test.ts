import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { isProbe, probeName } from '../../activities/checks/probe.ts';
import { fail, failureType } from '../../activities/failure.ts';
import { fullReference } from '../../activities/measuring/pull.ts';
import { measurePodName } from '../../activities/measuring/start.ts';
import type { Reading } from '../../workflows/domain/analysis-types.ts';
import { withoutProbes } from '../../workflows/domain/baseline.ts';
import { pod } from './fakes.ts';
import { scene, usage } from './measure-kit.ts';

const reasonIn = (reading: Reading | undefined): string => {
  if (!reading || 'value' in reading) return `a value: ${JSON.stringify(reading)}`;
  return 'noData' in reading ? `noData: ${reading.noData}` : `error: ${reading.error}`;
};

describe('measure', () => {
  it('measures every indicator on each node, and leaves nothing behind', async () => {
    const { measure, kube, state, heartbeats } = scene();
    kube.pods = [
      pod('web-1', 'ReplicaSet/web', {
        status: {
          containerStatuses: [{ restartCount: 2 }],
          initContainerStatuses: [{ restartCount: 1 }],
        } as never,
      }),
    ];
    const { cluster, at, readings } = await measure({ pullImage: 'pull:1' }, { nodes: ['east-1'] });
    assert.deepEqual([cluster, at], ['east', '2026-01-01T00:00:00.000Z']);
    const values = Object.entries(readings).map(([name, [reading]]) => {
      return [name, reading && 'value' in reading ? reading.value : reasonIn(reading)];
    });
    assert.deepEqual(Object.fromEntries(values), {
      'container-start': 300,
      'pod-restarts': 3,
      'runtime-errors': 0,
      'node-conditions': 0,
      'daemon-cpu': 100,
      'daemon-memory': 50,
      'image-pull': 500,
    });
    assert.deepEqual(
      kube.pods.map((left) => left.metadata?.name),
      ['web-1'],
    );
    assert.equal(state.closed, 1);
    assert.deepEqual(heartbeats[0], { measured: 0, of: 1 });
  });

  it('measures nothing that was not asked for', async () => {
    const { only, kube, kubelet, state } = scene();
    await only('NodeConditions');
    await only('PodRestarts');
    assert.deepEqual([kube.created, kubelet.ports, state.scripts, state.closed], [[], [], [], 0]);
    await only('RuntimeErrors');
    assert.deepEqual([kube.created, kubelet.ports.length, state.scripts], [[], 1, []]);
  });

  it('has a sick node spoil no reading of another', async () => {
    const { measure, state, kube } = scene();
    kube.nodes.delete('east-1');
    state.onScript = (node) => {
      if (node === 'east-2') fail('HostUnreachable', 'east-2: no route');
    };
    const { readings } = await measure({}, { nodes: ['east-1', 'east-2'] });
    assert.match(reasonIn(readings['node-conditions']?.[0]), /^error: NodeGone/);
    assert.match(reasonIn(readings['daemon-cpu']?.[0]), /^error: NodeGone/);
    assert.match(
      reasonIn(readings['daemon-cpu']?.[1]),
      /^error: HostUnreachable: east-2: no route/,
    );
    assert.deepEqual(readings['container-start']?.[1], { node: 'east-2', value: 300 });
    assert.deepEqual(
      readings['pod-restarts']?.map(({ node }) => node),
      ['east-1', 'east-2'],
    );
  });

  for (const type of ['KubernetesForbidden', 'KubeconfigInvalid'] as const) {
    it(`fails with ${type}, once nothing is at work any more`, async () => {
      const { measure, kubelet, kube } = scene();
      kubelet.onLook = () => {
        if (kubelet.ports.length > 2) fail(type, 'no');
      };
      const work = measure({}, { nodes: ['east-1', 'east-2'] });
      await assert.rejects(work, (error: Error) => failureType(error) === type);
      assert.ok(kube.created.length > 0);
      assert.deepEqual(kube.pods, []);
    });
  }

  it('is cancelled, removes its pod, and that is no reading', async () => {
    const { measure, kube, cancel } = scene();
    kube.createdPhase = 'Pending';
    kube.onDelete = () => undefined;
    const looked = kube.getPod.bind(kube);
    kube.getPod = async (namespace, name) => {
      const found = await looked(namespace, name);
      if (found) cancel.abort(new Error('cancelled'));
      return found;
    };
    await assert.rejects(measure(), /cancelled/);
    assert.deepEqual([kube.created.length, kube.pods], [1, []]);
  });

  it('ends by itself, and what is not measured by then is an error', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { measure, deps } = scene();
      const asked = Promise.withResolvers<void>();
      deps.provider = () => ({
        ask: async (_expression, signal) => {
          asked.resolve();
          return await new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        },
      });
      const indicators = [
        { name: 'slow', source: 'Query' as const, provider: 'prom', query: 'x', tolerance: 1 },
        { name: 'conditions', source: 'NodeConditions' as const },
      ];
      const url = 'http://192.0.2.9';
      const work = measure({ providers: [{ name: 'prom', kind: 'Prometheus', url }], indicators });
      await asked.promise;
      mock.timers.tick(75_000);
      const { readings } = await work;
      assert.match(reasonIn(readings['slow']?.[0]), /^error: it was not measured in 75 s/);
      assert.deepEqual(readings['conditions'], [{ node: 'east-1', value: 0 }]);
    } finally {
      mock.timers.reset();
    }
  });

  it('removes what a dead worker left of its probe', async () => {
    const { only, kube } = scene();
    const name = measurePodName('start', 'east-1');
    kube.pods = [pod(name, undefined, { metadata: { namespace: 'tidegate', name } })];
    assert.deepEqual(await only('ContainerStart'), { node: 'east-1', value: 300 });
    assert.deepEqual(kube.pods, []);
  });

  it('waits for the probe of another round, and does not remove it', async () => {
    const { only, kube, deps } = scene();
    const name = measurePodName('start', 'east-1');
    const metadata = { namespace: 'tidegate', name, uid: 'of another round' };
    kube.pods = [pod(name, undefined, { metadata, status: { phase: 'Pending' } })];
    const removed: (string | undefined)[] = [];
    kube.onDelete = ({ uid }) => removed.push(uid);
    const began = deps.clock.now();
    const looked = kube.getPod.bind(kube);
    kube.getPod = async (...of) => {
      if (deps.clock.now() - began >= 5000 && kube.created.length === 0) kube.pods = [];
      return await looked(...of);
    };
    assert.deepEqual(await only('ContainerStart'), { node: 'east-1', value: 300 });
    assert.ok(!removed.includes('of another round'));
    assert.equal(kube.created.length, 1);
  });

  describe('ContainerStart', () => {
    it('is the mean of what started meanwhile, and forgets what was before', async () => {
      const { only, kubelet } = scene();
      for (const operation of ['run_podsandbox', 'create_container', 'start_container']) {
        kubelet.count(operation, 60);
      }
      kubelet.onLook = () => {
        if (kubelet.ports.length === 2) kubelet.count('start_container', 0.17);
      };
      assert.deepEqual(await only('ContainerStart'), { node: 'east-1', value: 350 });
    });

    it('is an error where the kubelet was started anew, or counted nothing', async () => {
      const restarted = scene();
      restarted.kubelet.onLook = () => {
        restarted.kubelet.startedAt += 1;
      };
      assert.match(reasonIn(await restarted.only('ContainerStart')), /^error: .*started anew/);
      const silent = scene();
      silent.kube.starts = { run_podsandbox: 0.1 };
      assert.match(reasonIn(await silent.only('ContainerStart')), /^error: .*no create_container/);
    });

    it('is an error where whoever answers is no kubelet', async () => {
      const { only, deps } = scene();
      const nobody = { ...deps, kubelet: () => ({ metrics: async () => [] }) };
      Object.assign(deps, nobody);
      assert.match(reasonIn(await only('ContainerStart')), /^error: .*does not tell process_start/);
    });

    it('has no data without an image, or on a node that has no place', async () => {
      const { measure } = scene();
      const { readings } = await measure({}, { probeImage: null });
      assert.match(reasonIn(readings['container-start']?.[0]), /^noData: .*probeImage/);
      assert.ok('value' in (readings['daemon-cpu']?.[0] ?? {}));
      const full = scene();
      full.kube.createdPhase = 'Failed';
      full.kube.createdStatus = { reason: 'OutOfpods' };
      assert.match(reasonIn(await full.only('ContainerStart')), /^noData: .*OutOfpods/);
    });

    it('is an error where the probe does not start in time', async () => {
      const { only, kube, deps } = scene();
      kube.createdPhase = 'Pending';
      const began = deps.clock.now();
      assert.match(reasonIn(await only('ContainerStart')), /^error: probe pod .* is Pending/);
      assert.ok(deps.clock.now() - began <= 32_000);
      assert.deepEqual(kube.pods, []);
    });
  });

  it('asks the kubelet at the port that the Node object names', async () => {
    const { only, kube, kubelet } = scene();
    await only('RuntimeErrors');
    const daemonEndpoints = { kubeletEndpoint: { Port: 10350 } };
    kube.addNode('east-1', { status: { daemonEndpoints } });
    await only('RuntimeErrors');
    assert.deepEqual(kubelet.ports, [10250, 10350]);
  });

  it('adds up errors of all operations', async () => {
    const { only, kubelet } = scene();
    for (const operation of ['pull_image', 'container_status', 'container_status']) {
      kubelet.fail(operation);
    }
    assert.deepEqual(await only('RuntimeErrors'), { node: 'east-1', value: 3 });
  });

  it('counts no restarts of probes', async () => {
    const { only, kube } = scene();
    const labels = { 'tidegate.dev/probe': 'true' };
    const containerStatuses = [{ restartCount: 5 }] as never;
    kube.pods = [pod('probe', undefined, { metadata: { labels }, status: { containerStatuses } })];
    assert.deepEqual(await only('PodRestarts'), { node: 'east-1', value: 0 });
  });

  it('counts the conditions that keep pods away', async () => {
    const { only, kube } = scene();
    const conditions = [
      { type: 'Ready', status: 'Unknown' },
      { type: 'DiskPressure', status: 'True' },
      { type: 'PIDPressure', status: 'False' },
    ];
    kube.addNode('east-1', { status: { conditions } });
    assert.deepEqual(await only('NodeConditions'), { node: 'east-1', value: 2 });
  });

  describe('DaemonCpu and DaemonMemory', () => {
    it('is of the daemon that the node runs', async () => {
      const { only, kube, state } = scene();
      for (const [runtime, unit] of [
        ['containerd://2.0.0', 'containerd.service'],
        ['cri-o://1.30.0', 'crio.service'],
      ]) {
        const nodeInfo = { containerRuntimeVersion: runtime } as never;
        kube.addNode('east-1', { status: { nodeInfo } });
        assert.deepEqual(await only('DaemonMemory'), { node: 'east-1', value: 50 });
        assert.deepEqual(state.scripts.at(-1)?.args, [unit]);
      }
      kube.addNode('east-1', {
        status: { nodeInfo: { containerRuntimeVersion: 'x://1' } as never },
      });
      assert.match(reasonIn(await only('DaemonMemory')), /^error: east-1 runs "x"/);
    });

    it('watches for two seconds where nothing else takes that long', async () => {
      const { only, deps } = scene();
      const began = deps.clock.now();
      assert.deepEqual(await only('DaemonCpu'), { node: 'east-1', value: 100 });
      assert.equal(deps.clock.now() - began, 2000);
    });

    for (const [what, usages, why] of [
      ['was started anew', [usage(), usage({ process: '8-200' })], /started anew/],
      ['does not run', ['down\tcontainerd.service\nend\n'], /does not run/],
      ['ends between two looks', [usage(), 'down\tcontainerd.service\nend\n'], /does not run/],
      ['tells no number', [usage({ cpuTicks: '' })], /did not tell the cpuTicks/],
      ['tells half', ['process\t1-1\n'], /HostCommandFailed/],
    ] as const) {
      it(`is an error where it ${what}`, async () => {
        const { only, state } = scene();
        state.usages = [...usages];
        const reading = reasonIn(await only('DaemonCpu'));
        assert.match(reading, /^error: /);
        assert.match(reading, why);
      });
    }
  });

  describe('ImagePull', () => {
    const pullImage = 'pull:1';

    it('makes the node forget that image alone, and runs nothing of it', async () => {
      const { only, kube, state } = scene();
      let spec: unknown;
      kube.onDelete = ({ name }) => {
        const found = kube.pods.find((one) => one.metadata?.name === name);
        if (!found) return;
        assert.ok(isProbe(found));
        spec = found.spec?.containers[0]?.envFrom;
      };
      assert.deepEqual(await only('ImagePull', { pullImage }), { node: 'east-1', value: 500 });
      assert.deepEqual(
        state.scripts.map(({ args }) => args),
        [['docker.io/library/pull:1']],
      );
      assert.deepEqual(kube.created, [measurePodName('pull', 'east-1')]);
      assert.deepEqual(spec, [{ configMapRef: { name: 'tidegate-has-none-of-this-name' } }]);
      assert.deepEqual(kube.pods, []);
    });

    it('has no data where something needs the image', async () => {
      const { only, kube, state } = scene();
      const containers = [{ name: 'x', image: 'docker.io/library/pull:1' }];
      kube.pods = [pod('web-1', undefined, { spec: { containers } })];
      assert.match(
        reasonIn(await only('ImagePull', { pullImage })),
        /^noData: pod shop\/web-1 uses/,
      );
      assert.deepEqual(state.scripts, []);
      kube.pods = [];
      state.forgotten = 'kept\tdocker.io/library/other:2\nend\n';
      assert.match(
        reasonIn(await only('ImagePull', { pullImage })),
        /^noData: .*other:2 on east-1/,
      );
      assert.deepEqual(kube.created, []);
    });

    it('has no data with CRI-O, and where others pull at the same time', async () => {
      const { only, kube, kubelet } = scene();
      kubelet.onLook = () => {
        if (kubelet.ports.length === 2) kubelet.count('pull_image', 9);
      };
      assert.match(reasonIn(await only('ImagePull', { pullImage })), /^noData: other images/);
      const nodeInfo = { containerRuntimeVersion: 'cri-o://1.30.0' } as never;
      kube.addNode('east-1', { status: { nodeInfo } });
      assert.match(reasonIn(await only('ImagePull', { pullImage })), /^noData: .*"cri-o"/);
    });

    it('is an error where the image cannot be pulled, in the words of the kubelet', async () => {
      const { only, kube } = scene();
      const create = kube.createPod.bind(kube);
      kube.createPod = async (...args) => {
        const made = await create(...args);
        const waiting = { reason: 'ErrImagePull', message: 'no such manifest' };
        if (made) made.status = { containerStatuses: [{ state: { waiting } }] as never };
        return made;
      };
      const reading = reasonIn(await only('ImagePull', { pullImage }));
      assert.equal(reading, 'error: ErrImagePull: no such manifest');
      assert.deepEqual(kube.pods, []);
    });
  });

  describe('Query', () => {
    const providers = [{ name: 'prom', kind: 'Prometheus' as const, url: 'http://192.0.2.9' }];
    const query = (name: string, text: string, scope: 'Node' | 'Fleet' = 'Node') => ({
      ...{ name, scope, source: 'Query' as const, provider: 'prom', query: text, tolerance: 1 },
    });

    it('is asked once for each node, or once for the fleet', async () => {
      const { measure, state } = scene();
      const indicators = [query('own', 'x{n="$node"}'), query('all', 'y{c="$cluster"}', 'Fleet')];
      const { readings } = await measure(
        { providers, indicators },
        { nodes: ['east-1', 'east-2'] },
      );
      assert.deepEqual(state.asked.sort(), ['x{n="east-1"}', 'x{n="east-2"}', 'y{c="east"}']);
      assert.deepEqual(readings, {
        own: [
          { node: 'east-1', value: 1 },
          { node: 'east-2', value: 1 },
        ],
        all: [{ node: '', value: 1 }],
      });
    });

    it('has what the provider says for a reading, and no other indicator suffers', async () => {
      const { measure, state } = scene();
      state.answers = (asked) =>
        asked === 'a' ? { kind: 'NoData', reason: 'NaN' } : { kind: 'NoAnswer', reason: 'down' };
      const own = { name: 'conditions', source: 'NodeConditions' as const };
      const indicators = [query('a', 'a'), query('b', 'b', 'Fleet'), own];
      const { readings } = await measure({ providers, indicators });
      assert.deepEqual(readings, {
        a: [{ node: 'east-1', noData: 'NaN' }],
        b: [{ node: '', error: 'down' }],
        conditions: [{ node: 'east-1', value: 0 }],
      });
    });
  });
});

describe('measurePodName', () => {
  const long = `node-${'x'.repeat(80)}.example.com`;
  for (const node of ['east-1', 'ip-10-0-0-1.eu-west-1.compute.internal', long]) {
    it(`is a probe's, and not the one that verify uses, for ${node.slice(0, 20)}`, () => {
      const names = [measurePodName('start', node), measurePodName('pull', node), probeName(node)];
      assert.equal(new Set(names).size, 3);
      for (const name of names) assert.match(name, /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
      const containers = names.map((name) => ({ id: '', pod: name, namespace: 'tidegate' }));
      const facts = containers.map((one) => ({ ...one, name: 'probe', startedAt: '' }));
      assert.deepEqual(withoutProbes(facts), []);
    });
  }
  it('tells long names apart', () => {
    assert.notEqual(measurePodName('start', `${long}.a`), measurePodName('start', `${long}.b`));
  });
});

describe('fullReference', () => {
  for (const [image, wanted] of [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['team/app:1', 'docker.io/team/app:1'],
    ['registry:5000/app', 'registry:5000/app:latest'],
    ['localhost/app:2', 'localhost/app:2'],
    ['registry.example/a/b:3', 'registry.example/a/b:3'],
    ['registry.example/a@sha256:00', 'registry.example/a@sha256:00'],
    ['registry.example/a:1@sha256:00', 'registry.example/a@sha256:00'],
  ] as const) {
    it(`makes ${wanted} of ${image}`, () => assert.equal(fullReference(image), wanted));
  }
});
