import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodFacts } from '../../workflows/domain/eviction.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import {
  type DrainRules,
  drainLimitSeconds,
  ruleFor,
  turnOf,
  waitOf,
} from '../../workflows/domain/workload-rules.ts';

const service: PodFacts = {
  namespace: 'shop',
  name: 'web-1',
  phase: 'Running',
  owner: { kind: 'ReplicaSet', name: 'web' },
  labels: { app: 'web' },
  mirror: false,
  probe: false,
  terminating: false,
  ready: true,
  budgets: [],
};
const job: PodFacts = { ...service, owner: { kind: 'Job', name: 'batch' } };
const { owner: _, ...bare } = service;
const drainOf = (drain: object): DrainRules => policySchema.shape.spec.parse({ drain }).drain;
const rulesOf = (...rules: object[]) => drainOf({ rules }).rules;

describe('ruleFor', () => {
  const rules = rulesOf(
    { name: 'queue', match: { selector: 'app in (queue)' }, action: 'WaitCompleted' },
    { name: 'bare', match: { owners: ['none'] }, action: 'Evict' },
    { name: 'shop-web', match: { namespaces: ['shop'], selector: 'app=web' }, action: 'Skip' },
    { name: 'sets', match: { owners: ['StatefulSet', 'ReplicaSet'] }, action: 'Evict' },
  );
  const cases: [string, PodFacts, string | undefined][] = [
    ['all that a rule names must match', service, 'shop-web'],
    ['the first one decides', { ...bare, labels: { app: 'queue' } }, 'queue'],
    ['"none" is a bare pod', bare, 'bare'],
    ['another namespace', { ...service, namespace: 'other' }, 'sets'],
    ['no labels at all', { ...job, labels: {} }, undefined],
  ];
  for (const [title, pod, expected] of cases) {
    it(`${title}: ${expected}`, () => assert.equal(ruleFor(pod, rules)?.name, expected));
  }
  it('no rules, as in policies of before', () => assert.equal(ruleFor(job, undefined), undefined));
});

describe('turnOf', () => {
  const late = { name: 'web', match: { selector: 'app=web' }, action: 'Evict', order: 5 };
  const storage = { ...service, claims: ['data'] };
  const cases: [string, PodFacts, object[], number][] = [
    ['a pod', service, [], 0],
    ['one with storage', storage, [], 1],
    ['one with a rule', service, [late], 5],
    ['both', storage, [late], 6],
    ['first of all', storage, [{ ...late, order: -5 }], -4],
  ];
  for (const [title, pod, rules, turn] of cases) {
    it(`${title}: ${turn}`, () => assert.equal(turnOf(pod, drainOf({ rules })), turn));
  }
});

describe('waitOf', () => {
  const until = { name: 'end', match: { owners: ['ReplicaSet', 'none'] }, action: 'WaitCompleted' };
  const evict = { name: 'off', match: { owners: ['Job'] }, action: 'Evict' };
  const own = { ...until, timeoutSeconds: 7, atTimeout: 'Later' };
  const wait = (seconds: number, atTimeout: string, rule?: string) => ({
    ...{ seconds, atTimeout },
    ...(rule ? { rule } : {}),
  });
  const cases: [string, PodFacts, object, object | undefined][] = [
    ['a service', service, {}, undefined],
    ['a Job', job, {}, wait(900, 'Fail')],
    [
      'a Job with its own time',
      job,
      { jobTimeoutSeconds: 60, jobsAtTimeout: 'Ask' },
      wait(60, 'Ask'),
    ],
    ['a Job where Jobs are evicted', job, { jobs: 'Evict' }, undefined],
    ['a Job that a rule evicts', job, { rules: [evict] }, undefined],
    [
      'any pod, as Jobs are',
      service,
      { jobTimeoutSeconds: 60, jobsAtTimeout: 'Evict', rules: [until] },
      wait(60, 'Evict', 'end'),
    ],
    ['a bare pod', bare, { timeoutSeconds: 30, rules: [until] }, wait(30, 'Fail', 'end')],
    [
      'with what the rule says, also where Jobs are evicted',
      service,
      { jobs: 'Evict', rules: [own] },
      wait(7, 'Later', 'end'),
    ],
  ];
  for (const [title, pod, drain, expected] of cases) {
    it(title, () => assert.deepEqual(waitOf(pod, drainOf(drain)), expected));
  }

  const asked = drainOf({ jobTimeoutSeconds: 60, jobsAtTimeout: 'Ask' });
  it('a choice counts for what was asked, and for nothing else', () => {
    assert.deepEqual(waitOf(job, asked, 'Wait'), wait(60, 'Ask'));
    assert.deepEqual(waitOf(job, asked, 'Evict'), wait(0, 'Evict'));
    assert.deepEqual(waitOf(job, asked, 'Later'), wait(0, 'Later'));
    assert.deepEqual(waitOf(job, drainOf({}), 'Evict'), wait(900, 'Fail'));
  });
  it('a policy of before', () => {
    const before = { jobs: 'Wait', timeoutSeconds: 60 } as const;
    assert.deepEqual(waitOf(job, before), wait(60, 'Fail'));
  });
});

describe('drainLimitSeconds', () => {
  const rule = { name: 'end', match: { owners: ['none'] }, action: 'WaitCompleted' };
  const cases: [object, number][] = [
    [{ timeoutSeconds: 10, jobs: 'Evict' }, 10],
    [{ timeoutSeconds: 10 }, 20],
    [{ timeoutSeconds: 10, jobTimeoutSeconds: 5 }, 15],
    [{ timeoutSeconds: 10, jobTimeoutSeconds: 5, rules: [{ ...rule, timeoutSeconds: 60 }] }, 70],
    [{ timeoutSeconds: 10, jobs: 'Evict', jobTimeoutSeconds: 5, rules: [rule] }, 15],
  ];
  for (const [drain, seconds] of cases) {
    it(`${JSON.stringify(drain)}: ${seconds} s`, () =>
      assert.equal(drainLimitSeconds(drainOf(drain)), seconds));
  }
});

describe('a rule in a document', () => {
  for (const [title, match] of Object.entries({
    'that matches every pod': {},
    'with a selector that is none': { selector: 'app in db' },
  })) {
    it(`${title} is refused`, () => {
      assert.throws(() => rulesOf({ name: 'x', match, action: 'Skip' }));
    });
  }
});
