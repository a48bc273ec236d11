import assert from 'node:assert/strict';
import test from 'node:test';
import { PLAIN, paint, printable, table } from '../../client/render/look.ts';
import { renderOutcome } from '../../client/render/outcome.ts';
import { renderPlan } from '../../client/render/plan.ts';
import { renderStatus } from '../../client/render/status.ts';
import { ago, duration } from '../../client/render/time.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import { planOf, policy } from '../workflows/fixtures.ts';
import { NOW, nodeOutcome, outcomeOf, statusOf, TTY, viewOf } from './kit.ts';

const plan = planOf({ count: 3, strategy: { waves: { size: 2 } } });

test('durations', () => {
  const table: [number, string][] = [
    [0, '0 ms'],
    [850, '850 ms'],
    [4200, '4.2 s'],
    [59_000, '59 s'],
    [59_990, '1 min'],
    [185_000, '3 min 5 s'],
    [3_599_900, '1 h'],
    [7_800_000, '2 h 10 min'],
    [86_400_000, '1 d'],
    [100 * 3_600_000, '4 d 4 h'],
  ];
  for (const [ms, text] of table) assert.equal(duration(ms), text);
  assert.equal(ago('2026-11-24T22:09:59.500Z', NOW), 'just now (2026-11-24 22:09:59Z)');
  assert.equal(ago('2026-11-24T22:07:00Z', NOW), '3 min ago (2026-11-24 22:07:00Z)');
});

test('tables are aligned for people and tab-separated for pipes', () => {
  const rows = [
    ['a', { text: 'long\nword', tone: 'red' } as const],
    ['bcd', ''],
  ];
  assert.equal(table(['X', 'Y'], rows, PLAIN), 'X\tY\na\tlong word\nbcd\t');
  assert.equal(table(['X', 'Y', 'Z'], [['a', 'bb', 'c']], TTY), 'X  Y   Z\na  bb  c');
});

test('colours only where they are wanted', () => {
  assert.equal(paint('x', 'red', PLAIN), 'x');
  assert.equal(paint('x', 'red', { ...TTY, colour: true }), '\u001b[31mx\u001b[0m');
});

test('text from strangers cannot steer the terminal', () => {
  assert.equal(printable('a\u001b[2Jb\u001b]0;t\u0007c\rd\u009b1m'), 'a[2Jb]0;tcd1m');
  assert.equal(printable('\u001b[31mred\u001b[0m\n\t'), '\u001b[31mred\u001b[0m\n\t');
});

test('a plan says who, when, from, to, and what it disturbs', () => {
  const result: PlanResult = {
    plan: {
      ...plan,
      digest: 'sha256:1',
      excluded: [{ cluster: 'east', node: 'east-9', reason: 'is not Ready; repair it first' }],
    },
    impact: [{ cluster: 'east', node: 'east-1', containersThatMustSurvive: 9, pods: [] }],
  };
  const text = renderPlan(result, { next: ['tidegate start f.yaml'] }, PLAIN);
  assert.equal(
    text,
    `Plan of rollout patch

Requested by  platform-oncall
Why           CVE-2025-64329
Bundle        containerd-deb12u3: security fix
              ${plan.bundle.digest}
Fixes         CVE-2025-64329
Disruption    Restart: the daemon restarts, containers keep running, nothing is drained
Size          3 nodes in 2 waves, clusters: east
When          once 1 person has approved this digest (not platform-oncall), within 7 d
Drain         none
Held back by  another tool at work or workloads that have not recovered; after 1 h the node is skipped
On failure    the failed node is put back; after the first failed node all updated nodes are taken back
Policy        standard

canary in east: 1 node, at most 2 unavailable, 1 per failure domain, then soak 5 min
  NODE    ZONE  PACKAGE     FROM                  TO                    DISTURBS
  east-1  a     containerd  ${FROM}  ${TO}  no pod evicted, 9 containers must survive

wave-1 in east: 2 nodes, at most 2 unavailable, 1 per failure domain, then soak 1 min
  NODE    ZONE  PACKAGE     FROM                  TO                    DISTURBS
  east-2  b     containerd  ${FROM}  ${TO}  unknown
  east-3  c     containerd  ${FROM}  ${TO}  unknown

Excluded
  east/east-9: is not Ready; repair it first

Digest  sha256:1

Next
  tidegate start f.yaml`,
  );
});

test('a plan warns of what may stop it, right above its digest', () => {
  const warnings = ['cluster east: east-9 (cordoned) is unavailable now'];
  const text = renderPlan({ plan, impact: [], warnings }, { next: [] }, PLAIN);
  assert.match(text, /\n\nWarnings\n {2}cluster east: east-9 \(cordoned\) is .*\n\nDigest {2}/);
  assert.doesNotMatch(renderPlan({ plan, impact: [] }, { next: [] }, PLAIN), /Warnings/);
});

test('a plan that drains names the pods it moves, waits for, and is blocked by', () => {
  const drained = planOf({ count: 1, disruption: 'Drain' });
  const pod = (name: string, owner: string) => ({ namespace: 'shop', pod: name, owner });
  const impact = {
    cluster: 'east',
    node: 'east-1',
    containersThatMustSurvive: 0,
    pods: [
      { ...pod('web-1', 'ReplicaSet/web'), effect: 'Evicted' as const },
      { ...pod('batch-1', 'Job/batch'), effect: 'WaitedFor' as const },
      { ...pod('db-0', 'none'), effect: 'Blocks' as const, reason: 'its budget allows none' },
      { ...pod('log-1', 'DaemonSet/log'), effect: 'Stays' as const },
    ],
  };
  const text = renderPlan({ plan: drained, impact: [impact] }, { next: [] }, PLAIN);
  assert.match(text, /pods: 1 evicted, 1 waited for, 1 BLOCKS the drain\n/);
  assert.match(text, /\n {4}east-1 evicts shop\/web-1 \(ReplicaSet\/web\)\n/);
  assert.match(text, /\n {4}east-1 waits for shop\/batch-1 \(Job\/batch\)\n/);
  assert.match(
    text,
    /\n {4}east-1 BLOCKED by shop\/db-0 \(no controller\): its budget allows none\n/,
  );
  assert.doesNotMatch(text, /log-1/);
  assert.match(text, /PodDisruptionBudgets are kept; running Jobs are waited for/);
});

test('a plan that drains names what blocks it for good first, and what helps', () => {
  const drained = planOf({ count: 3, disruption: 'Drain', strategy: { waves: { size: 3 } } });
  const blocker = {
    node: 'east-2',
    owner: 'ReplicaSet/web',
    budget: { name: 'web', disruptionsAllowed: 0 },
  };
  const never = {
    ...blocker,
    permanent: true,
    reason: 'budget web never will',
    advice: 'lower it',
  };
  const tight = { ...blocker, permanent: false, reason: 'allows none now', advice: 'wait' };
  const firing = { nextAt: '2026-11-25T02:00:00Z', cronJob: 'shop/tick' };
  const drain = {
    wave: 'wave-1',
    cluster: 'east',
    blockers: [
      { ...tight, pod: 'shop/db-0', owner: 'none' },
      { ...never, pod: 'shop/web-1' },
      { ...never, pod: 'shop/web-2' },
      { ...never, pod: 'shop/web-3', node: 'east-3' },
    ],
    firings: [
      { ...firing, node: 'east-2', avoidable: true, reason: 'CronJob shop/nightly fires' },
      { ...firing, node: 'east-3', avoidable: true, reason: 'CronJob shop/nightly fires' },
      { ...firing, node: 'east-3', avoidable: false, reason: 'CronJob shop/tick fires' },
    ],
  };
  const impact = {
    cluster: 'east',
    node: 'east-2',
    containersThatMustSurvive: 0,
    pods: ['web-1', 'other'].map((pod) => ({
      namespace: 'shop',
      pod,
      owner: 'ReplicaSet/web',
      effect: 'Blocks' as const,
      reason: 'of its impact',
    })),
  };
  const result: PlanResult = { plan: drained, impact: [impact], drains: [drain] };
  const [, told] =
    /DISTURBS\n(?: {2}east-[23] .*\n)+([\s\S]*?)\n\n/.exec(
      renderPlan(result, { next: [] }, PLAIN).split('wave-1 in east')[1] ?? '',
    ) ?? [];
  assert.equal(
    told,
    `    east-2 BLOCKED by shop/other (ReplicaSet/web): of its impact
    east-2, east-3 BLOCKED for good by shop/web-1 and 2 pods more (ReplicaSet/web): budget web never will
      lower it
    east-2 blocked for now by shop/db-0 (no controller): allows none now
      wait
    east-3 HARMS a firing whenever its turn is: CronJob shop/tick fires
    east-2, east-3 keep clear of a firing: CronJob shop/nightly fires`,
  );
});

test('a plan says what its policy does with pods, deadlines and holds', () => {
  const rulesOf = (spec: object, disruption: 'Drain' | 'Reboot' = 'Drain') => {
    const document = { ...policy, spec };
    const made = planOf({ count: 1, disruption, policy: policySchema.parse(document) });
    return renderPlan({ plan: made, impact: [] }, { next: [] }, PLAIN);
  };
  const rules = [
    { name: 'queues', match: { owners: ['StatefulSet', 'none'] }, action: 'Evict', order: 5 },
    { name: 'logs', match: { namespaces: ['ops'], selector: 'app=log' }, action: 'Skip' },
    { name: 'train', match: { namespaces: ['ml'] }, action: 'WaitCompleted', atTimeout: 'Ask' },
  ];
  const more = { atTimeout: 'Quarantine', localStorage: 'Block', skipTerminatingAfterSeconds: 60 };
  const text = rulesOf({ drain: { rules, ...more } });
  const lines = [
    'Drain           PodDisruptionBudgets are kept; running Jobs are waited for, after 15 min the node is put back; pods with local data are not evicted; pods still terminating 1 min after their time are not waited for',
    'Drain rule      queues: pods of StatefulSet or no controller are evicted, order 5',
    'Drain rule      logs: pods in ops with app=log stay on the node',
    'Drain rule      train: pods in ml are waited for until they end, after 15 min a person is asked',
    'Drain deadline  evictions may take 15 min; then the node stays cordoned for a person (at most 1 node of a cluster at once, any other is put back)',
    'Held back by    a firing of a CronJob that would suffer, another tool at work or workloads that have not recovered; after 1 h the node is skipped',
  ];
  assert.ok(text.includes(lines.join('\n')), text);
  assert.match(
    rulesOf({ drain: { atTimeout: 'Force' } }),
    /what is left is DELETED, budgets or not/,
  );
  assert.match(rulesOf({ drain: { atTimeout: 'Skip' } }), /put back and left alone/);
  assert.match(
    rulesOf({}, 'Reboot'),
    /Reboot +a node that is not back after 10 min is left to a person/,
  );
  const ignored = { cronJobs: 'Ignore', otherTools: 'Ignore', recovery: 'Ignore' };
  assert.doesNotMatch(rulesOf({ holds: ignored }), /Held back/);
});

test('a plan of before can be shown', () => {
  const { holds: _, reboot: __, ...spec } = plan.policy.spec;
  const { timeoutSeconds, jobs, jobsAtTimeout } = spec.drain;
  const drain = { timeoutSeconds, jobs, jobsAtTimeout };
  const before = {
    ...planOf({ count: 1, disruption: 'Drain' }),
    policy: { name: 'standard', spec: { ...spec, drain } as unknown as typeof plan.policy.spec },
  };
  const text = renderPlan({ plan: before, impact: [] }, { next: [] }, PLAIN);
  assert.match(text, /Drain deadline +evictions may take 15 min; then the node is put back/);
  assert.doesNotMatch(text, /Held back/);
});

test('a way back does not promise fixes', () => {
  const back = { ...plan, direction: 'Back' as const };
  const text = renderPlan({ plan: back, impact: [] }, { next: [] }, PLAIN);
  assert.match(text, /^Plan of rollout patch \(back\)\n/);
  assert.match(text, /Undoes +the update and what it fixes: CVE-2025-64329/);
  assert.doesNotMatch(text, /^Fixes/m);
});

test('an outcome shows every node before and after, and what it cost', () => {
  const text = renderOutcome(outcomeOf({ nodes: [nodeOutcome('east-1')] }), PLAIN);
  assert.equal(
    text,
    `Rollout patch: Succeeded in 1 min 2 s

NODE    BEFORE                AFTER                 DAEMON                SECONDS  CONTAINERS  EVICTED  JOB PODS LOST  OUTCOME
east-1  ${FROM}  ${TO}  ${TO}  6.2      9/9         0        0              Updated

1 node updated, 0 pods evicted, 0 Job pods lost`,
  );
});

test('an outcome shows what was taken back, left alone, and needs a person', () => {
  const failed = nodeOutcome('east-2', {
    outcome: 'RolledBack',
    reasons: ['VerificationFailed: x'],
  });
  const stuck = nodeOutcome('east-3', { outcome: 'NeedsAttention', reasons: ['the undo failed'] });
  const text = renderOutcome(
    outcomeOf({
      outcome: 'Halted',
      reasons: ['wave-1 failed; east-2: VerificationFailed: x'],
      nodes: [nodeOutcome('east-1'), failed, stuck],
      rolledBack: [nodeOutcome('east-1')],
      untouched: ['east/east-4'],
      needsAttention: ['east/east-3'],
    }),
    PLAIN,
  );
  assert.match(text, /^Rollout patch: Halted in 1 min 2 s\n {2}wave-1 failed; east-2: Verif/);
  assert.match(text, /\n\nTaken back:\nNODE .*\neast-1 .* Back\n/);
  assert.equal(text.match(/VerificationFailed: x/g)?.length, 1);
  assert.match(text, /\neast-3: the undo failed\n/);
  assert.match(text, /\nNever touched: east\/east-4\n/);
  assert.match(
    text,
    /\nNeeds attention: east\/east-3 \(left cordoned\)\n {2}kubectl describe node east-3 /,
  );
  assert.match(text, /\n1 node updated, 1 of them taken back, 0 pods evicted, 0 Job pods lost$/);
});

test('an outcome tells what was met on the way, the same on several nodes once', () => {
  const notes = ['dpkg was interrupted and is repaired'];
  const nodes = ['east-1', 'east-2'].map((node) => nodeOutcome(node, { notes }));
  const text = renderOutcome(outcomeOf({ nodes }), PLAIN);
  assert.match(
    text,
    /\n\nMet on the way:\n {2}east-1, east-2: dpkg was interrupted and is repaired\n/,
  );
});

test('a status says which node asks about its Jobs, and what to type', () => {
  const asks = 'JobsUndecided: Job shop/batch still runs';
  const asking = { cluster: 'east', node: 'east-1', phase: 'Draining', detail: asks } as const;
  const text = renderStatus(viewOf({ live: [{ ...asking, sinceMs: 5, asks }] }), NOW, PLAIN);
  assert.match(text, /Waits for +a decision about Jobs of east-1: JobsUndecided: Job shop\/batch/);
  assert.match(
    text,
    /Next\n {2}tidegate jobs patch east-1 --wait \| --later \| --evict --as WHO\n/,
  );
});

test('a status is one screen: phase, wait, since when, votes, waves, what to type', () => {
  const status = statusOf({
    phase: 'AwaitingApproval',
    waitingFor: 'approval of sha256:1',
    votes: [
      { by: 'sre-lead', decision: 'Approve', at: '2026-11-24T22:08:00Z', reason: 'looked at it' },
    ],
    refusedVotes: [{ by: 'platform-oncall', reason: 'requested it' }],
    next: ['tidegate approve patch --digest sha256:1 --as WHO'],
  });
  const about = {
    bundle: 'containerd-deb12u3',
    disruption: 'Restart',
    fixes: ['CVE-2025-64329'],
    requestedBy: 'platform-oncall',
    reason: 'patch it',
    nodes: 3,
    direction: 'Forward' as const,
  };
  assert.equal(
    renderStatus(viewOf({ status, about }), NOW, PLAIN),
    `Rollout patch

Phase         AwaitingApproval
Waits for     approval of sha256:1
Since         30 s ago (2026-11-24 22:09:30Z)
What          containerd-deb12u3 (Restart) on 3 nodes, fixes CVE-2025-64329
Requested by  platform-oncall: patch it
Started       10 min ago (2026-11-24 22:00:00Z)
Digest        sha256:1

WAVE    STATE    NODE    PHASE     DETAIL
canary  Running  east-1  Applying
wave-1  Pending  east-2  Pending
                 east-3  Pending

Votes
  sre-lead approved 2 min ago (2026-11-24 22:08:00Z), asserted: looked at it
  platform-oncall was refused: requested it

Next
  tidegate status patch --plan
  tidegate approve patch --digest sha256:1 --as WHO`,
  );
});

test('a status without a worker shows what the index knows', () => {
  const { status: _, ...view } = viewOf({ silent: 'No worker answered in time.' });
  const text = renderStatus(
    { ...view, indexed: { phase: 'AwaitingLease', waitingFor: 'the lease of east' } },
    NOW,
    PLAIN,
  );
  assert.match(text, /Phase +AwaitingLease\nWaits for +the lease of east\n/);
  assert.match(text, /\n\nNo worker answered in time\.$/);
});

test('a failed rollout shows its failure and where to look', () => {
  const { status: _, ...view } = viewOf({
    state: 'Failed',
    failure: { type: 'PlanRefused', message: 'PlanRefused: no node', exitCode: 3 },
  });
  const text = renderStatus(view, NOW, PLAIN);
  assert.match(text, /Phase +Failed\n/);
  assert.match(text, /PlanRefused: no node/);
  assert.match(text, /temporal workflow show --workflow-id rollout\/patch$/);
});
