/**
 * The documents a person writes: Fleet, Bundle, Policy, Rollout and Schedule.
 *
 * Workflow code imports only the *types* of this file: zod in a workflow's bundle
 * multiplies the memory of every cached workflow (see docs/decisions.md).
 */
import { z } from 'zod';
import { alertsSchema, analysisSchema, exceptionSchema } from './analysis-spec.ts';
import { bundleProblems, policyProblems, type RuleProblem } from './document-rules.ts';
import { drainSchema } from './drain-spec.ts';
import {
  approvalSchema,
  freezeSchema,
  hours,
  noticesSchema,
  personSchema,
  windowSchema,
} from './people-spec.ts';
import { scheduleSpecOf } from './schedule-spec.ts';
import { DISRUPTIONS, distinct, listOf, name, seconds, timeZone } from './spec-fields.ts';

export { GATES } from './people-spec.ts';
export { DISRUPTIONS, type Disruption } from './spec-fields.ts';

export const API_VERSION = 'tidegate.dev/v1alpha1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lowercase hexadecimal digits');
const debianVersion = z
  .string()
  .regex(/^[0-9][A-Za-z0-9.+~:-]*$/, 'an exact package version such as "1.6.20~ds1-1+deb12u3"');
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a package name');
const countOrPercent = z.union([
  z.number().int().min(1),
  z.string().regex(/^(100|[1-9]?[0-9])%$/, 'a count such as 2 or a percentage such as "25%"'),
]);

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

export const bundleSchema = document(
  'Bundle',
  z
    .strictObject({
      reason: z.string().min(1),
      published: z.iso
        .date()
        .optional()
        .describe('When the update came out, in UTC: the time to patch counts from it.'),
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
      drain: drainSchema.prefault({}),
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
      analysis: analysisSchema
        .optional()
        .describe('What is measured before, during and after; without it nothing is compared.'),
      alerts: alertsSchema
        .optional()
        .describe('Whose alerts are silenced for nodes in work; without it nobody is told.'),
      exceptions: distinct(z.array(exceptionSchema), (entry) => entry.name)
        .default([])
        .describe('Nodes that are left out for now.'),
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
