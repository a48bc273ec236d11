/** What a plan says of a drain is what the cluster has: budgets, crashing pods, firings of CronJobs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PLAIN } from '../../client/render/look.ts';
import { renderPlan } from '../../client/render/plan.ts';
import { paths, tool } from '../../lab/paths.ts';
import { run, sleep, succeeds, waitFor } from '../../lab/run.ts';
import type { Hold } from '../../workflows/contract.ts';
import type {
  DrainBlocker,
  FiringConflict,
  Plan,
  PlanResult,
} from '../../workflows/domain/plan-types.ts';
import { access, activities } from '../lab/activity-kit.ts';
import { aroundFleet, bundleTo, kubectl, NEWEST, rolloutTo } from '../lab/rollout-kit.ts';

const NAMESPACE = 'plan-drain';
const HOUR_MS = 3_600_000;

const fleet = aroundFleet({ batch: true });
let fleetPlan: Plan;

const container = (...args: string[]) => ({
  name: 'tool',
  image: 'tidegate.lab/tool:1',
  imagePullPolicy: 'Never',
  args,
});
const quick = { automountServiceAccountToken: false, terminationGracePeriodSeconds: 1 };
const named = (name: string) => ({ name, namespace: NAMESPACE });
const onNode = (node: string) => ({ 'kubernetes.io/hostname': node });

const NEVER_READY = { exec: { command: ['/tool', 'nonsense'] } };

function deployment(
  name: string,
  replicas: number,
  args: string[],
  labels: object = {},
  more: object = {},
): object {
  const own = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: named(name),
    spec: {
      replicas,
      selector: { matchLabels: own },
      template: {
        metadata: { labels: { ...own, ...labels } },
        spec: { ...quick, containers: [{ ...container(...args), ...more }] },
      },
    },
  };
}

function budget(name: string, minAvailable: number, matchLabels: object): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: named(name),
    spec: { minAvailable, selector: { matchLabels } },
  };
}

function cronJob(name: string, node: string, when: object): object {
  const pod = { ...quick, restartPolicy: 'Never', containers: [container('sleep', '1')] };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: named(name),
    spec: {
      ...when,
      jobTemplate: { spec: { template: { spec: { ...pod, nodeSelector: onNode(node) } } } },
    },
  };
}

/** A moment three hours from now, and the schedule of it as the clocks of Kolkata show it. */
const later = new Date(Math.floor((Date.now() + 3 * HOUR_MS) / 60_000) * 60_000);
const there = new Date(later.getTime() + 5.5 * HOUR_MS);
const daily = {
  schedule: `${there.getUTCMinutes()} ${there.getUTCHours()} * * *`,
  timeZone: 'Asia/Kolkata',
};

const OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  deployment('tight', 2, ['pause']),
  budget('tight', 2, { app: 'tight' }),
  deployment('broken', 1, ['true']),
  budget('broken', 1, { app: 'broken' }),
  deployment('twice', 1, ['pause'], { also: 'this' }),
  budget('twice', 0, { app: 'twice' }),
  budget('this', 0, { also: 'this' }),
  deployment('well', 2, ['pause'], { group: 'half' }),
  deployment('ill', 1, ['pause'], { group: 'half' }, { readinessProbe: NEVER_READY }),
  budget('half', 2, { group: 'half' }),
  deployment('waits', 1, ['pause'], {}, { image: 'tidegate.lab/none:1' }),
  budget('waits', 1, { app: 'waits' }),
  cronJob('always', 'east-2', { schedule: '* * * * *' }),
  cronJob('daily', 'east-3', daily),
];

const apply = [tool('kubectl'), '--kubeconfig', paths.kubeconfig, 'apply', '-f', '-'];
before(async () => {
  const list = { apiVersion: 'v1', kind: 'List', items: OBJECTS };
  await run(apply, { input: JSON.stringify(list) });
  for (const name of ['tight', 'twice', 'well']) {
    await kubectl('-n', NAMESPACE, 'rollout', 'status', `deployment/${name}`, '--timeout=60s');
  }
  await waitFor({
    what: 'the budget to be counted, and the broken pod to be left to its crashes',
    timeoutMs: 120_000,
    everyMs: 1000,
    until: async () => {
      const healthy = 'jsonpath={.status.currentHealthy}';
      const counted = await kubectl('-n', NAMESPACE, 'get', 'pdb', 'tight', '-o', healthy);
      const waits = 'jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}';
      const broken = ['-l', 'app=broken', '-o', waits];
      const why = await kubectl('-n', NAMESPACE, 'get', 'pods', ...broken);
      const restarts = 'jsonpath={.items[0].status.containerStatuses[0].restartCount}';
      const often = await kubectl(
        '-n',
        NAMESPACE,
        'get',
        'pods',
        '-l',
        'app=broken',
        '-o',
        restarts,
      );
      const half = await kubectl('-n', NAMESPACE, 'get', 'pdb', 'half', '-o', healthy);
      return (
        counted === '2' && half === '2' && why.includes('CrashLoopBackOff') && Number(often) >= 3
      );
    },
  });
});
after(async () => {
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=true');
});

/** Returns "name uid" of every pod of the Deployments, and whether one is on its way out. */
async function pods(): Promise<string> {
  const path = '{.metadata.name} {.metadata.uid} {.metadata.deletionTimestamp}{"\\n"}';
  const selector = ['-l', 'app in (tight, broken, twice, well, ill, waits)'];
  const output = `jsonpath={range .items[*]}${path}{end}`;
  return await kubectl('-n', NAMESPACE, 'get', 'pods', ...selector, '-o', output);
}

/** Asks the API server for an eviction that is not carried out. */
async function wouldBeEvicted(name: string): Promise<boolean> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods/${name}/eviction?dryRun=All`;
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: named(name) };
  const create = [tool('kubectl'), '--kubeconfig', paths.kubeconfig, 'create', '-f', '-'];
  return await succeeds([...create, '--raw', path], { input: JSON.stringify(body) });
}

describe('a plan that drains', () => {
  let result: PlanResult;
  let blockers: readonly DrainBlocker[];
  let firings: readonly FiringConflict[];

  before(async () => {
    const before = await pods();
    const bundle = bundleTo(NEWEST, 'Drain');
    result = await fleet.client.plan(rolloutTo({ name: 'plan-drain', bundle }));
    assert.equal(await pods(), before, 'planning disturbed a pod');
    fleetPlan = result.plan;
    const drains = result.drains ?? [];
    blockers = drains.flatMap((drain) => drain.blockers);
    firings = drains.flatMap((drain) => drain.firings);
  });

  const about = (app: string) =>
    blockers.filter((entry) => entry.pod.startsWith(`${NAMESPACE}/${app}-`));

  it('names a budget that wants every replica, for each of its pods, with what helps', () => {
    const found = about('tight');
    assert.equal(found.length, 2);
    for (const entry of found) {
      assert.deepEqual(entry.budget, { name: 'tight', disruptionsAllowed: 0 });
      assert.equal(entry.permanent, true);
      assert.match(entry.owner, /^ReplicaSet\/tight-/);
      assert.equal(
        entry.reason,
        'budget tight (minAvailable 2) allows 0 disruptions and never will: it wants 2 of 2 pods',
      );
      assert.equal(
        entry.advice,
        `lower minAvailable of budget ${NAMESPACE}/tight (kubectl -n ${NAMESPACE} edit pdb tight), or add a replica: kubectl -n ${NAMESPACE} scale deployment/tight --replicas=3`,
      );
    }
  });

  it('says of every pod what the API server would answer to its eviction', async () => {
    const names = (await pods()).split('\n').map((line) => line.split(' ')[0] ?? '');
    assert.equal(names.length, 8);
    const answers = await Promise.all(names.map(wouldBeEvicted));
    const held = blockers.filter((entry) => entry.budget || /several/.test(entry.reason));
    const said = names.map((name) => !held.some((entry) => entry.pod === `${NAMESPACE}/${name}`));
    const short = (list: readonly boolean[]) => names.map((name, i) => `${name} ${list[i]}`);
    assert.deepEqual(short(said), short(answers));
    assert.ok(answers.includes(true) && answers.includes(false));
  });

  it('gives advice that helps', async () => {
    const [advice = ''] = about('tight').map((entry) => entry.advice);
    const [, words = ''] = /or add a replica: kubectl (.*)$/.exec(advice) ?? [];
    await kubectl(...words.split(' '));
    await waitFor({
      what: 'the budget to allow a disruption',
      timeoutMs: 60_000,
      everyMs: 500,
      until: async () => {
        const allowed = 'jsonpath={.status.disruptionsAllowed}';
        return (await kubectl('-n', NAMESPACE, 'get', 'pdb', 'tight', '-o', allowed)) === '1';
      },
    });
  });

  it('names a pod that keeps crashing, and one under two budgets', () => {
    const [broken] = about('broken');
    assert.equal(broken?.permanent, true);
    assert.match(broken.reason, /^keeps crashing, and budget broken .* only 0 of 1 needed/);
    assert.match(broken.advice, /unhealthyPodEvictionPolicy/);
    const [twice] = about('twice');
    assert.equal(twice?.permanent, true);
    assert.match(twice.reason, /^is in several disruption budgets \((this, twice|twice, this)\)/);
  });

  it('tells a firing that suffers anyway from one that is kept clear of', () => {
    const ours = firings.filter((entry) => entry.cronJob.startsWith(`${NAMESPACE}/`));
    const brief = ours.map(({ node, cronJob, avoidable }) => [node, cronJob, avoidable]);
    assert.deepEqual(brief.sort(), [
      ['east-2', `${NAMESPACE}/always`, false],
      ['east-3', `${NAMESPACE}/daily`, true],
    ]);
    const at = ours.find((entry) => entry.node === 'east-3')?.nextAt;
    assert.equal(at, later.toISOString().replace('.000Z', 'Z'));
  });

  it('shows all of it', (test) => {
    const text = renderPlan(result, { next: [] }, PLAIN);
    const told = text.split('\n').filter((line) => line.includes(`${NAMESPACE}/`));
    for (const line of told) test.diagnostic(line.trim());
    const lines = [
      / BLOCKED for good by plan-drain\/tight-\S+ (?:and 1 pod more )?\(ReplicaSet\/tight-\w+\): budget tight /,
      / {6}lower minAvailable of budget plan-drain\/tight /,
      /east-2 HARMS a firing whenever its turn is: CronJob plan-drain\/always fires at /,
      /east-3 keeps clear of a firing: CronJob plan-drain\/daily fires at /,
    ];
    for (const line of lines) assert.match(told.join('\n'), line);
  });
});

describe('the look before a node starts', () => {
  it('holds the only node of a firing until that has its pod', {
    timeout: 200_000,
  }, async (test) => {
    const at = new Date(Math.ceil((Date.now() + 40_000) / 60_000) * 60_000);
    const when = { schedule: `${at.getUTCMinutes()} * * * *` };
    await run(apply, { input: JSON.stringify(cronJob('soon', 'east-4', when)) });
    const [hold] = await holdsOn('east-4');
    assert.match(hold?.reason ?? '', /^CronJob plan-drain\/soon fires at .* only on east-4/);
    test.diagnostic(`${hold?.reason}; until ${hold?.until}`);
    assert.equal(Date.parse(hold?.until ?? ''), at.getTime() + 10_000);
    assert.deepEqual(await holdsOn('east-1'), []);

    await sleep(Date.parse(hold?.until ?? '') - Date.now() + 500);
    assert.deepEqual(await holdsOn('east-4'), []);
    const node = 'jsonpath={.items[*].spec.nodeName}';
    const ran = ['get', 'pods', '-l', 'batch.kubernetes.io/job-name', '-o', node];
    assert.match(await kubectl('-n', NAMESPACE, ...ran), /east-4/);
  });
});

/** Returns what holds a node back, of the firings of this test. */
async function holdsOn(node: string): Promise<readonly Hold[]> {
  const planned = fleetPlan.waves.flatMap((wave) => wave.nodes);
  const look = await activities().lookBeforeStart({
    access,
    rollout: 'plan-drain',
    waiting: planned.filter((entry) => entry.node === node),
    inWork: [],
    policy: fleetPlan.policy.spec,
    expectedMs: 120_000,
  });
  return look.holds.filter((hold) => hold.reason.includes(NAMESPACE));
}
