/** What a Policy says of drains: how long, what becomes of Jobs and of what does not leave, rules for single workloads. */
import { z } from 'zod';
import { parseSelector } from './label-selector.ts';
import { name, seconds } from './spec-fields.ts';

const workloadRuleSchema = z.strictObject({
  name,
  match: z
    .strictObject({
      namespaces: z.array(z.string().min(1)).min(1).optional(),
      selector: z
        .string()
        .refine((text) => parseSelector(text) !== undefined, 'a label selector such as "app=db"')
        .optional()
        .describe('Kubernetes label selector, e.g. "app in (db, queue)".'),
      owners: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe('Kinds of the controller, e.g. "StatefulSet"; "none" for bare pods.'),
    })
    .refine((match) => Object.keys(match).length > 0, {
      message: 'a rule that matches every pod: name namespaces, selector or owners',
    }),
  action: z
    .enum(['Evict', 'Skip', 'WaitCompleted'])
    .describe('Evict; Skip: leave it on the node; WaitCompleted: wait until it ends by itself.'),
  order: z
    .number()
    .int()
    .default(0)
    .describe('Lower ones go first, and are gone before the next begin; storage counts 1 more.'),
  timeoutSeconds: seconds.optional().describe('For WaitCompleted; default: as jobTimeoutSeconds.'),
  atTimeout: z
    .enum(['Fail', 'Later', 'Evict', 'Ask'])
    .optional()
    .describe('For WaitCompleted; default: as jobsAtTimeout.'),
});

export const drainSchema = z.strictObject({
  timeoutSeconds: seconds
    .min(1)
    .default(900)
    .describe('For evictions, once no Job is waited for any more.'),
  jobs: z
    .enum(['Wait', 'Evict'])
    .default('Wait')
    .describe('Wait: running Job pods are waited for; Evict: they are evicted at once.'),
  jobTimeoutSeconds: seconds
    .optional()
    .describe('How long Jobs are waited for; default: as timeoutSeconds.'),
  jobsAtTimeout: z
    .enum(['Fail', 'Later', 'Evict', 'Ask'])
    .default('Fail')
    .describe(
      'Fail: the node is unwound; Later: it comes last; Evict: the Jobs are evicted; Ask: a person decides.',
    ),
  atTimeout: z
    .enum(['Fail', 'Skip', 'Quarantine', 'Force'])
    .default('Fail')
    .describe(
      'When evictions took too long. Fail: the node is unwound and counts as failed; Skip: unwound and left alone; Quarantine: it stays cordoned and tainted for a person; Force: what is left is deleted, budgets or not.',
    ),
  maxQuarantined: z
    .number()
    .int()
    .min(0)
    .default(1)
    .describe('Nodes of a cluster in quarantine at once; beyond it a node is unwound.'),
  localStorage: z
    .enum(['Evict', 'Block'])
    .default('Evict')
    .describe('What becomes of pods that would lose an emptyDir or a local volume.'),
  skipTerminatingAfterSeconds: seconds
    .optional()
    .describe(
      'A pod that is still terminating so long after its grace period is not waited for; without it every one is.',
    ),
  rules: z
    .array(workloadRuleSchema)
    .default([])
    .describe('For single workloads; the first rule that matches a pod decides.'),
});
