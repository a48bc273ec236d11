/** What a Policy says of people and time: who may approve where, when nodes may start, who is told. */
import { z } from 'zod';
import { DISRUPTIONS, name, seconds, timeZone } from './spec-fields.ts';

const person = z.string().trim().min(1).max(200);
const roles = z.array(name).describe('Roles of which one is needed; none: everybody may.');

export const personSchema = z.strictObject({
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

export const approvalSchema = z.strictObject({
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
export const hours = {
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

export const windowSchema = z.strictObject({
  name,
  ...hours,
  regions: z.array(z.string().min(1)).min(1).optional().describe('Default: every region.'),
});

const day = z.iso.date('a day such as "2026-12-20"').describe('A day such as "2026-12-20".');
export const freezeSchema = z.strictObject({
  name,
  reason: z.string().min(1),
  from: day,
  to: day.describe('The last day of it.'),
  timeZone: timeZone(),
  every: z.enum(['Once', 'Year']).default('Once').describe('Year: from and to count in each year.'),
  regions: z.array(z.string().min(1)).min(1).optional().describe('Default: every region.'),
  overrideRoles: roles.default([]),
});

export const noticesSchema = z.strictObject({
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
