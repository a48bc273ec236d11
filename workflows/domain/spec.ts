/**
 * The documents a person writes: Fleet, Bundle, Policy, Rollout and Schedule.
 *
 * Workflow code imports only the *types* of this file: zod in a workflow's bundle
 * multiplies the memory of every cached workflow (see docs/decisions.md).
 */
import { z } from 'zod';
import { bundleProblems, policyProblems, type RuleProblem } from './document-rules.ts';
import { parseSelector } from './label-selector.ts';
import { scheduleSpecOf } from './schedule-spec.ts';
import { isTimeZone } from './zoned-time.ts';

export const API_VERSION = 'tidegate.dev/v1alpha1';

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a lowercase DNS name such as "containerd-deb12u3"')
  .max(63);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lowercase hexadecimal digits');
const debianVersion = z
  .string()
  .regex(/^[0-9][A-Za-z0-9.+~:-]*$/, 'an exact package version such as "1.6.20~ds1-1+deb12u3"');
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a package name');
/** Thirty days: whoever writes more has written milliseconds. */
const seconds = z.number().int().min(0).max(2_592_000);
const countOrPercent = z.union([
  z.number().int().min(1),
  z.string().regex(/^(100|[1-9]?[0-9])%$/, 'a count such as 2 or a percentage such as "25%"'),
]);

function timeZone() {
  return z
    .string()
    .refine(isTimeZone, 'an IANA time zone such as "Europe/Berlin"')
    .describe('IANA name; its clocks are followed over daylight saving.');
}

/** Returns an array schema that refuses a second item of the same name, with its index. */
function listOf<S extends z.ZodType>(item: S, nameOf: (item: z.output<S>) => string) {
  return distinct(z.array(item).min(1), nameOf);
}

function distinct<S extends z.ZodType>(
  items: z.ZodArray<S>,
  nameOf: (item: z.output<S>) => string,
) {
  return items.superRefine((found, context) => {
    const names = found.map(nameOf);
    for (const [index, known] of names.entries()) {
      if (names.indexOf(known) === index) continue;
      const message = `"${known}" is here twice`;
      context.addIssue({ code: 'custom', path: [index], message });
    }
  });
}

/** Adds what the rules of a document find to what its schema has found. */
function obeying<T>(rules: (spec: T) => RuleProblem[]) {
  return (spec: T, context: z.RefinementCtx<T>): void => {
    for (const { path, message } of rules(spec))
      context.addIssue({ code: 'custom', path, message });
  };
}

function document<K extends string, S extends z.ZodType>(kind: K, spec: S) {
  return z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(kind),
    metadata: z.strictObject({
      name,
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
    spec,
  });
}

const sshSchema = z.strictObject({
  user: z.string().min(1).default('root'),
  port: z.number().int().min(1).max(65535).default(22),
  privateKeyFile: z.string().min(1).describe('Path on the worker, relative to its working folder.'),
  knownHostsFile: z
    .string()
    .min(1)
    .describe('OpenSSH known_hosts file; a host whose key is not pinned there is refused.'),
  sudo: z.boolean().default(false).describe('Run commands through "sudo -n"; not needed for root.'),
});

const clusterSchema = z.strictObject({
  name,
  kubeconfig: z
    .string()
    .optional()
    .describe('Path on the worker; without it KUBECONFIG or the in-cluster account is used.'),
  context: z.string().optional().describe('Context in the kubeconfig; default: the cluster name.'),
  region: z.string().min(1),
  criticality: z
    .enum(['Low', 'Normal', 'High'])
    .default('Normal')
    .describe('Less critical clusters are updated first.'),
  nodeGroups: listOf(
    z.strictObject({
      name,
      selector: z.string().min(1).describe('Kubernetes label selector, e.g. "pool=workers".'),
      failureDomainLabel: z.string().default('topology.kubernetes.io/zone'),
    }),
    (group) => group.name,
  ),
  ssh: sshSchema,
});

export const fleetSchema = document(
  'Fleet',
  z.strictObject({ clusters: listOf(clusterSchema, (cluster) => cluster.name) }),
);

const versionSchema = z.strictObject({
  version: debianVersion,
  sha256,
  daemonVersion: z
    .string()
    .optional()
    .describe('What the running daemon must report; default: the package version.'),
  kernelRelease: z
    .string()
    .optional()
    .describe('What "uname -r" must print once this version runs; for kernels, with a Reboot.'),
});

const bundlePackageSchema = z
  .strictObject({
    name: packageName,
    to: versionSchema,
    from: listOf(versionSchema, (known) => known.version).describe(
      'Versions this bundle may replace, each with its way back.',
    ),
    daemon: z
      .enum(['containerd', 'crio'])
      .optional()
      .describe('The daemon of this package; its running version is checked.'),
    onHold: z
      .enum(['Refuse', 'Rehold'])
      .default('Refuse')
      .describe('Refuse a node that holds the package, or change it and hold it again.'),
  })
  .refine((entry) => entry.from.every((known) => known.version !== entry.to.version), {
    path: ['from'],
    message: 'the version of "to" cannot be one of "from"',
  });

/** What an update does to a node, from nothing to a reboot. */
export const DISRUPTIONS = ['None', 'Restart', 'Drain', 'Reboot'] as const;
export type Disruption = (typeof DISRUPTIONS)[number];

export const bundleSchema = document(
  'Bundle',
  z
    .strictObject({
      reason: z.string().min(1),
      fixes: z.array(z.string().regex(/^CVE-\d{4}-\d{4,}$/, 'a CVE id')).default([]),
      expectedChanges: z.array(z.string()).default([]),
      disruption: z
        .enum(DISRUPTIONS)
        .describe('None; Restart of a daemon whose containers survive; Drain first; Reboot.'),
      releases: listOf(
        z.strictObject({
          os: z.string().regex(/^[a-z]+-[0-9.]+$/, 'ID-VERSION_ID of os-release, e.g. "debian-12"'),
          architecture: z.enum(['amd64', 'arm64']),
          packages: listOf(bundlePackageSchema, (entry) => entry.name),
        }),
        (release) => `${release.os}/${release.architecture}`,
      ),
    })
    .superRefine(obeying(bundleProblems)),
);

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

const person = z.string().trim().min(1).max(200);
const roles = z.array(name).describe('Roles of which one is needed; none: everybody may.');

const personSchema = z.strictObject({
  name: person.describe('As it stands in votes and in requestedBy.'),
  roles: z.array(name).default([]),
  chat: z
    .array(z.string().regex(/^[a-z]+:\S+$/, 'service and account, such as "slack:U012AB3CD"'))
    .default([]),
});

/** How one gate is passed. */
const gateRules = {
  quorum: z.number().int().min(1),
  roles,
  requesterMayApprove: z.boolean(),
  expirySeconds: seconds.min(60),
  identity: z
    .enum(['Asserted', 'Attested'])
    .describe('Asserted: names are believed; Attested: a vote carries a signature.'),
};

export const GATES = ['BeforeCanary', 'AfterCanary', 'BeforeWave', 'BeforeRollback'] as const;

const standardSchema = z.strictObject({
  bundle: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'the digest of a bundle, as `tidegate plan` shows it'),
  disruptions: z.array(z.enum(DISRUPTIONS)).min(1).optional(),
  clusters: z.array(name).min(1).optional(),
  maxNodes: z.number().int().min(1).optional(),
  until: z.iso.date().describe('The last day on which it holds, in UTC.'),
  approvedBy: z.array(person).min(1),
  reason: z.string().min(1),
});

const approvalSchema = z.strictObject({
  required: z.boolean().default(true),
  quorum: gateRules.quorum.default(1),
  roles: gateRules.roles.default([]),
  requesterMayApprove: gateRules.requesterMayApprove.default(false),
  expirySeconds: gateRules.expirySeconds.default(7 * 24 * 3600),
  identity: gateRules.identity.default('Asserted'),
  signersFile: z
    .string()
    .min(1)
    .optional()
    .describe("OpenSSH allowed_signers file on the worker, relative to its documents' folder."),
  bridges: z
    .array(z.string().min(1))
    .default([])
    .describe('Principals of that file that vouch for people whom a chat service knows.'),
  gates: z
    .array(
      z.strictObject({
        at: z.enum(GATES),
        waves: z
          .array(z.string().min(1))
          .min(1)
          .optional()
          .describe('For BeforeWave; default: each.'),
        ...z.strictObject(gateRules).partial().shape,
      }),
    )
    .default([])
    .describe('Where else approval is needed, and what is asked for there; default: as above.'),
  standard: z
    .array(standardSchema)
    .default([])
    .describe('Bundles that were approved once for a class of rollouts.'),
  urgent: z
    .strictObject({
      quorum: gateRules.quorum.default(1),
      roles: gateRules.roles.default([]),
      reviewSeconds: seconds
        .min(60)
        .default(7 * 24 * 3600)
        .describe('Until when somebody else looks at it afterwards.'),
    })
    .optional()
    .describe('How a rollout that says `urgent` is approved; without it none can be.'),
});

/** As people write them on a calendar: local to their zone, and of the day on which they open. */
const hours = {
  days: z
    .array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']))
    .min(1)
    .describe('Days on which it opens; over midnight it stays open.'),
  start: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'a time such as "22:00"'),
  durationMinutes: z
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60),
  timeZone: timeZone(),
};

const windowSchema = z.strictObject({
  name,
  ...hours,
  regions: z.array(z.string().min(1)).min(1).optional().describe('Default: every region.'),
});

const day = z.iso.date('a day such as "2026-12-20"').describe('A day such as "2026-12-20".');
const freezeSchema = z.strictObject({
  name,
  reason: z.string().min(1),
  from: day,
  to: day.describe('The last day of it.'),
  timeZone: timeZone(),
  every: z.enum(['Once', 'Year']).default('Once').describe('Year: from and to count in each year.'),
  regions: z.array(z.string().min(1)).min(1).optional().describe('Default: every region.'),
  overrideRoles: roles.default([]),
});

const noticesSchema = z.strictObject({
  leadSeconds: seconds.default(0).describe('Time between the notice and the first node.'),
  channels: z
    .array(z.string().min(1))
    .default([])
    .describe('Where everything about a rollout is told, such as "slack:#platform".'),
  ownerKeys: z
    .array(z.string().min(1))
    .default(['tidegate.dev/owner'])
    .describe('Labels or annotations, of a pod or its namespace, that name the owner.'),
  owners: z
    .record(z.string(), z.array(z.string().min(1)).min(1))
    .default({})
    .describe('Channels of each owner; "*" for those that are not here.'),
});

export const policySchema = document(
  'Policy',
  z
    .strictObject({
      supported: z
        .array(z.strictObject({ package: packageName, versions: z.array(debianVersion).min(1) }))
        .default([])
        .describe('Where a package is listed, only these versions may be installed.'),
      // None, as a policy that has been read says it, is none.
      people: distinct(z.array(personSchema), (person) => person.name)
        .default([])
        .describe('Who has which role, and which account in chat.'),
      approval: approvalSchema.prefault({}),
      windows: z
        .array(windowSchema)
        .default([])
        .describe('When nodes may start; without any, always.'),
      onCall: z
        .array(z.strictObject(hours))
        .default([])
        .describe('When somebody is on call; where given, no node starts outside of it.'),
      freezes: z
        .array(freezeSchema)
        .default([])
        .describe('When no node starts, whatever the windows say.'),
      regionsTogether: z
        .boolean()
        .default(false)
        .describe('Whether one opening of a window may serve more than one region.'),
      notices: noticesSchema.prefault({}),
      drain: z
        .strictObject({
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
        })
        .prefault({}),
      holds: z
        .strictObject({
          cronJobs: z
            .enum(['Wait', 'Ignore'])
            .default('Wait')
            .describe('Wait: no drain starts that a firing of a CronJob would suffer from.'),
          otherTools: z
            .enum(['Wait', 'Ignore'])
            .default('Wait')
            .describe('Wait: while another tool, such as kured, says that it works on the node.'),
          recovery: z
            .enum(['Wait', 'Ignore'])
            .default('Wait')
            .describe('Wait: until workloads are as healthy as before the last node.'),
          timeoutSeconds: seconds
            .default(3600)
            .describe('A node that is held back for longer is skipped.'),
        })
        .prefault({})
        .describe('What holds a node back right before it starts.'),
      reboot: z
        .strictObject({
          timeoutSeconds: seconds
            .min(10)
            .default(600)
            .describe('Until the node is back; then it is quarantined for a person.'),
        })
        .prefault({}),
      maxClockSkewSeconds: seconds
        .default(60)
        .describe("A node whose clock differs more from the worker's is left alone."),
      verification: z
        .strictObject({
          timeoutSeconds: seconds.min(5).default(120),
          probeImage: z
            .string()
            .optional()
            .describe('Image of the probe pod; without it no probe pod is started.'),
          probeCommand: z.array(z.string()).default([]),
          execCommand: z
            .array(z.string())
            .default(['true'])
            .describe('Run in a container of the node to prove that exec works.'),
        })
        .prefault({}),
      undoDeadlineSeconds: seconds
        .min(10)
        .default(3600)
        .describe(
          'How long an undo is retried before the node is left cordoned as NeedsAttention.',
        ),
    })
    .superRefine(obeying(policyProblems)),
);

export const strategySchema = z.strictObject({
  canary: z
    .strictObject({
      count: z.number().int().min(1).default(1),
      nodes: z.array(z.string()).optional().describe('Names of the nodes to go first.'),
      soakSeconds: seconds.default(300),
    })
    .prefault({}),
  waves: z
    .strictObject({
      size: countOrPercent.default('25%'),
      soakSeconds: seconds.default(60),
    })
    .prefault({}),
  maxUnavailable: countOrPercent
    .default(1)
    .describe('Of all targeted nodes of a cluster, counting those already unavailable.'),
  maxPerFailureDomain: z.number().int().min(1).default(1),
  failureBudget: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Nodes that may fail before the rollout stops; a failed canary always stops it.'),
  onFailure: z.enum(['Rollback', 'Halt']).default('Rollback'),
  onUnreachable: z.enum(['Exclude', 'Refuse']).default('Refuse'),
});

export const rolloutSchema = document(
  'Rollout',
  z.strictObject({
    requestedBy: z.string().min(1),
    reason: z.string().min(1),
    direction: z
      .enum(['Forward', 'Back'])
      .default('Forward')
      .describe('Back: from "to" to the first "from" of the bundle.'),
    fleet: z.union([name, fleetSchema]),
    bundle: z.union([name, bundleSchema]),
    policy: z.union([name, policySchema]),
    urgent: z
      .strictObject({ reason: z.string().min(1) })
      .optional()
      .describe("By the policy's urgent path: fewer approvers, and a review afterwards."),
    targets: z
      .strictObject({
        clusters: z.array(name).min(1).optional(),
        nodeGroups: z.array(name).min(1).optional(),
        nodes: z.array(z.string()).min(1).optional(),
      })
      .prefault({}),
    strategy: strategySchema.prefault({}),
  }),
);

export const scheduleSchema = document(
  'Schedule',
  scheduleSpecOf({
    ...{ name, seconds, timeZone: timeZone() },
    ...{ fleet: fleetSchema, policy: policySchema, rollout: rolloutSchema },
  }),
);

export type Fleet = z.infer<typeof fleetSchema>;
export type Cluster = z.infer<typeof clusterSchema>;
export type SshAccess = z.infer<typeof sshSchema>;
export type Bundle = z.infer<typeof bundleSchema>;
export type BundleVersion = z.infer<typeof versionSchema>;
export type Policy = z.infer<typeof policySchema>;
export type Strategy = z.infer<typeof strategySchema>;
export type Rollout = z.infer<typeof rolloutSchema>;
export type Schedule = z.infer<typeof scheduleSchema>;
export type TidegateDocument = Fleet | Bundle | Policy | Rollout | Schedule;

/** The schema of each kind of document. */
export const DOCUMENT_SCHEMAS = {
  Fleet: fleetSchema,
  Bundle: bundleSchema,
  Policy: policySchema,
  Rollout: rolloutSchema,
  Schedule: scheduleSchema,
} as const;
export type DocumentKind = keyof typeof DOCUMENT_SCHEMAS;
