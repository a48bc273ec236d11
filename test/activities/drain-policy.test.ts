/** What policies make of a drain: rules, order, volumes, local data. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainActivities } from '../../activities/drain.ts';
import { drain, failing, rule, text, withClaim, withScratch } from './drain-kit.ts';
import { FakeKube, fakeDeps, pod, ref } from './fakes.ts';

describe('rules', () => {
  it('evict a bare pod, and say that nothing starts it again', async () => {
    const policy = rule('Evict', { owners: ['none'] });
    const { result } = drain({ pods: [pod('bare')], policy });
    assert.deepEqual(await result, {
      evicted: ['shop/bare'],
      jobPodsEvicted: [],
      notes: ['shop/bare (owner none) was evicted, as rule "mine" says: nothing starts it again'],
    });
  });

  it('leave a pod on the node, and say so', async () => {
    const policy = rule('Skip', { selector: 'app=cache' });
    const { kube, result } = drain({
      pods: [pod('cache-1', 'ReplicaSet/cache'), pod('web', 'ReplicaSet/web')],
      policy,
    });
    assert.deepEqual((await result).notes, [
      'shop/cache-1 (owner ReplicaSet/cache) is left on the node by rule "mine"',
    ]);
    assert.deepEqual(kube.evictions, ['web']);
  });

  it('wait for any pod before anything is evicted, until its own time is up', async () => {
    const policy = rule('WaitCompleted', { owners: ['none'] }, { timeoutSeconds: 5 });
    const { kube, result } = drain({ pods: [pod('build'), pod('web', 'ReplicaSet/web')], policy });
    const error = await failing(result, 'DrainBlocked');
    assert.match(text(error), /not drained after 5 s/);
    assert.match(text(error), /shop\/build \(owner none\) has not ended by itself \(rule "mine"/);
    assert.match(text(error), /shop\/web \(owner .*\) was not evicted yet: Jobs were waited for/);
    assert.deepEqual(kube.evictions, []);
  });

  it('evict what was waited for in vain where the rule says so', async () => {
    const more = { timeoutSeconds: 5, atTimeout: 'Evict' };
    const policy = rule('WaitCompleted', { owners: ['ReplicaSet'] }, more);
    const { result } = drain({ pods: [pod('build', 'ReplicaSet/build')], policy });
    assert.deepEqual((await result).notes, [
      'ReplicaSet shop/build was still running after 5 s and was evicted, as rule "mine" says',
    ]);
  });
});

describe('the order', () => {
  it('is kept: pods of a turn are gone before the next begins, storage comes last', async () => {
    const kube = new FakeKube();
    const gone: string[] = [];
    kube.volumes = { data: { name: 'pv-1', local: false } };
    kube.onEvict = ({ name, uid }) => {
      // Terminating for a while: the next turn has to wait for that.
      const going = kube.pods.find((p) => p.metadata?.uid === uid);
      if (going?.metadata) going.metadata.deletionTimestamp = new Date();
      setTimeout(() => {
        gone.push(name);
        kube.pods = kube.pods.filter((p) => p.metadata?.uid !== uid);
      }, 1);
      assert.deepEqual(
        kube.pods.filter((p) => order(p.metadata?.name) < order(name)).map((p) => p.metadata?.name),
        [],
        `${name} before its turn`,
      );
      return { kind: 'Accepted' };
    };
    const order = (name = '') => ['front', 'plain', 'db', 'last'].indexOf(name);
    const policy = {
      rules: [
        { name: 'a', match: { selector: 'app=front' }, action: 'Evict', order: -1 },
        { name: 'b', match: { selector: 'app=last' }, action: 'Evict', order: 2 },
      ],
    };
    const pods = [
      pod('last', 'ReplicaSet/last'),
      withClaim('db', 'data'),
      pod('plain', 'ReplicaSet/plain'),
      pod('front', 'ReplicaSet/front'),
    ];
    const { result, run } = drain({ pods, policy }, kube);
    // The fake clock would be quicker than what it waits for.
    const sleep = run.deps.clock.sleep.bind(run.deps.clock);
    run.deps.clock.sleep = async (ms, signal) => {
      await new Promise((done) => setTimeout(done, 1));
      await sleep(ms, signal);
    };
    await result;
    assert.deepEqual(gone, ['front', 'plain', 'db', 'last']);
  });
});

describe('volumes', () => {
  const attachment = { name: 'csi-1', volume: 'pv-1', attacher: 'disk.example.com' };
  function attached() {
    const kube = new FakeKube();
    kube.volumes = { data: { name: 'pv-1', local: false } };
    kube.attachments = [attachment, { ...attachment, name: 'csi-2', volume: 'pv-of-others' }];
    return kube;
  }

  it('are detached before the node counts as empty', async () => {
    const kube = attached();
    let looks = 0;
    kube.onAttachments = () => {
      looks += 1;
      if (looks === 4) kube.attachments = kube.attachments.slice(1);
    };
    await drain({ pods: [withClaim('db', 'data')] }, kube).result;
    assert.equal(looks, 4);
  });

  it('that stay attached are named', async () => {
    const { result } = drain({ pods: [withClaim('db', 'data')] }, attached());
    const error = await failing(result, 'DrainBlocked');
    assert.match(
      text(error),
      /volume pv-1 of shop\/db is still attached \(VolumeAttachment csi-1; look at the driver disk\.example\.com\)/,
    );
    assert.doesNotMatch(text(error), /pv-of-others/);
  });

  it('of pods that stay are not waited for', async () => {
    const pods = [withClaim('db', 'data'), withClaim('agent', 'data', 'DaemonSet/agent')];
    assert.deepEqual((await drain({ pods }, attached()).result).evicted, ['shop/db']);
  });

  it('are remembered by a later attempt', async () => {
    const previous = { startedAtMs: Date.parse('2026-01-01'), volumes: { 'pv-1': 'shop/db' } };
    const { result } = drain({ pods: [], previous }, attached());
    await failing(result, 'DrainBlocked');
  });
});

describe('local data', () => {
  it('goes with its pod, which is said', async () => {
    const pods = [withScratch('a', 'ReplicaSet/a'), withScratch('b', 'ReplicaSet/b', 'Memory')];
    assert.deepEqual((await drain({ pods }).result).notes, [
      'evicted with local data, which is gone: shop/a (emptyDir tmp)',
    ]);
  });

  it('blocks where the policy wants it kept: emptyDir, hostPath, local volumes', async () => {
    const kube = new FakeKube();
    kube.volumes = { disk: { name: 'pv-9', local: true }, net: { name: 'pv-8', local: false } };
    const host = pod('host', 'ReplicaSet/host', {
      spec: { containers: [], volumes: [{ name: 'logs', hostPath: { path: '/var/log' } }] },
    });
    const pods = [
      withScratch('a', 'ReplicaSet/a'),
      host,
      withClaim('db', 'disk'),
      withClaim('far', 'net'),
      withScratch('memory', 'ReplicaSet/b', 'Memory'),
    ];
    const { result } = drain({ pods, policy: { localStorage: 'Block' } }, kube);
    const error = await failing(result, 'DrainBlocked');
    assert.match(text(error), /shop\/a \(owner ReplicaSet\/a\) has local data \(emptyDir tmp\)/);
    assert.match(text(error), /shop\/host \(owner .*\) has local data \(hostPath logs\)/);
    assert.match(text(error), /shop\/db \(owner .*\) has local data \(local v\)/);
    assert.doesNotMatch(text(error), /shop\/memory/);
  });
});

describe('a policy of before', () => {
  it('drains as it did', async () => {
    const kube = new FakeKube();
    kube.pods = [withScratch('web', 'ReplicaSet/web')];
    const { drain: activity } = drainActivities(fakeDeps(kube).deps);
    const policy = { timeoutSeconds: 60, jobs: 'Wait', jobsAtTimeout: 'Fail' } as Parameters<
      typeof activity
    >[0]['policy'];
    assert.deepEqual((await activity({ ...ref, policy })).evicted, ['shop/web']);
  });
});
