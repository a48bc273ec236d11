/** Says in a plan what its policy decides of drains, reboots and holds. */
import type { Plan } from '../../workflows/domain/plan-types.ts';
import type { Policy } from '../../workflows/domain/spec.ts';
import { counted } from './look.ts';
import { duration } from './time.ts';

/** What a plan was made with; one of before lacks what was added since. */
type Spec = Policy['spec'];
type Drain = Spec['drain'];
type Known = Pick<Drain, 'timeoutSeconds' | 'jobs' | 'jobsAtTimeout'> & Partial<Drain>;
type KnownSpec = { readonly drain: Known } & Partial<Pick<Spec, 'reboot' | 'holds'>>;
type Rule = Drain['rules'][number];

const seconds = (count: number) => duration(count * 1000);

/** Returns "label, value" pairs about what the nodes of a plan go through. */
export function policyRules(plan: Plan): [string, string][] {
  const { disruption } = plan.bundle;
  const { drain, reboot, holds }: KnownSpec = plan.policy.spec;
  const held = heldBack(holds, disruption === 'Drain' || disruption === 'Reboot');
  if (disruption === 'None' || disruption === 'Restart') return [['Drain', 'none'], ...held];
  const back = seconds(reboot?.timeoutSeconds ?? 600);
  return [
    ['Drain', drainRule(drain)],
    ...(drain.rules ?? []).map((rule): [string, string] => [
      'Drain rule',
      workloadRule(rule, drain),
    ]),
    ['Drain deadline', deadlineRule(drain)],
    ...(disruption === 'Reboot'
      ? [
          ['Reboot', `a node that is not back after ${back} is left to a person`] as [
            string,
            string,
          ],
        ]
      : []),
    ...held,
  ];
}

function drainRule(drain: Known): string {
  const parts = ['PodDisruptionBudgets are kept', jobRule(drain)];
  if (drain.localStorage === 'Block') parts.push('pods with local data are not evicted');
  const stuck = drain.skipTerminatingAfterSeconds;
  if (stuck !== undefined) {
    parts.push(`pods still terminating ${seconds(stuck)} after their time are not waited for`);
  }
  return parts.join('; ');
}

const THEN: Readonly<Record<Drain['jobsAtTimeout'], string>> = {
  Fail: 'the node is put back',
  Later: 'the node comes last',
  Evict: 'they are evicted',
  Ask: 'a person is asked',
};

function jobRule(drain: Known): string {
  if (drain.jobs === 'Evict') return 'Jobs are evicted';
  const limit = seconds(drain.jobTimeoutSeconds ?? drain.timeoutSeconds);
  return `running Jobs are waited for, after ${limit} ${THEN[drain.jobsAtTimeout]}`;
}

function deadlineRule(drain: Known): string {
  const limit = `evictions may take ${seconds(drain.timeoutSeconds)}; then`;
  switch (drain.atTimeout ?? 'Fail') {
    case 'Fail':
      return `${limit} the node is put back and counts as failed`;
    case 'Skip':
      return `${limit} the node is put back and left alone`;
    case 'Quarantine':
      return `${limit} the node stays cordoned for a person (at most ${counted(drain.maxQuarantined ?? 1, 'node')} of a cluster at once, any other is put back)`;
    case 'Force':
      return `${limit} what is left is DELETED, budgets or not`;
  }
}

function workloadRule(rule: Rule, drain: Known): string {
  const { namespaces, selector, owners } = rule.match;
  const pods = [
    owners
      ? `pods of ${owners.map((kind) => (kind === 'none' ? 'no controller' : kind)).join(' or ')}`
      : 'pods',
    ...(namespaces ? [`in ${namespaces.join(', ')}`] : []),
    ...(selector ? [`with ${selector}`] : []),
  ].join(' ');
  const order = rule.order ? `, order ${rule.order}` : '';
  return `${rule.name}: ${pods} ${actionOf(rule, drain)}${order}`;
}

function actionOf(rule: Rule, drain: Known): string {
  switch (rule.action) {
    case 'Evict':
      return 'are evicted';
    case 'Skip':
      return 'stay on the node';
    case 'WaitCompleted': {
      const limit = rule.timeoutSeconds ?? drain.jobTimeoutSeconds ?? drain.timeoutSeconds;
      const then = THEN[rule.atTimeout ?? drain.jobsAtTimeout];
      return `are waited for until they end, after ${seconds(limit)} ${then}`;
    }
  }
}

function heldBack(holds: Spec['holds'] | undefined, drains: boolean): [string, string][] {
  if (!holds) return [];
  const reasons = [
    ...(drains && holds.cronJobs === 'Wait' ? ['a firing of a CronJob that would suffer'] : []),
    ...(holds.otherTools === 'Wait' ? ['another tool at work'] : []),
    ...(holds.recovery === 'Wait' ? ['workloads that have not recovered'] : []),
  ];
  if (reasons.length === 0) return [];
  const last = reasons.pop();
  const list = reasons.length > 0 ? `${reasons.join(', ')} or ${last}` : `${last}`;
  const limit = `after ${seconds(holds.timeoutSeconds)} the node is skipped`;
  return [['Held back by', `${list}; ${limit}`]];
}
