/** What stands in a Schedule: what it starts, when, and how it behaves when it is late. */
import { z } from 'zod';
import { MONTH_NAMES, readCron, WEEKDAYS } from './schedule-times.ts';

/** Temporal takes no less. */
const LEAST_CATCH_UP_SECONDS = 10;

/** What may still run when the next firing comes; the rest of Temporal's policies end what runs. */
export const OVERLAPS = ['Skip', 'BufferOne', 'AllowAll'] as const;

const cronLine = z.string().superRefine((line, context) => {
  const answer = readCron(line);
  if (answer.kind === 'Unreadable') {
    context.addIssue({ code: 'custom', message: answer.reason });
  }
});

const calendar = z.strictObject({
  days: z.array(z.enum(WEEKDAYS)).min(1).optional().describe('Default: every day.'),
  daysOfMonth: z
    .array(z.number().int().min(1).max(31))
    .min(1)
    .optional()
    .describe(
      'Default: every day; with days, both must match: Tue and 1 to 7 is the first Tuesday.',
    ),
  months: z.array(z.enum(MONTH_NAMES)).min(1).optional().describe('Default: every month.'),
  at: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'a time such as "22:00"'),
});

/** The schemas that a Schedule shares with the other documents. */
interface Parts<F, P, R> {
  readonly name: z.ZodString;
  readonly seconds: z.ZodNumber;
  readonly timeZone: z.ZodString;
  readonly fleet: F;
  readonly policy: P;
  readonly rollout: R;
}

/** Returns the schema of a Schedule's spec. */
export function scheduleSpecOf<F extends z.ZodType, P extends z.ZodType, R extends z.ZodType>({
  name,
  seconds,
  timeZone,
  fleet,
  policy,
  rollout,
}: Parts<F, P, R>) {
  return z
    .strictObject({
      rollout: z
        .union([name, rollout])
        .optional()
        .describe("Starts this rollout; a name is looked up in the worker's folder each time."),
      inventory: z
        .strictObject({ fleet: z.union([name, fleet]) })
        .optional()
        .describe('Reads what every node of a fleet runs, and says what differs.'),
      announce: z
        .strictObject({
          policy: z.union([name, policy]),
          regions: z.array(z.string().min(1)).min(1).optional().describe('Default: every region.'),
          channels: z
            .array(z.string().min(1))
            .min(1)
            .optional()
            .describe('Such as "slack:#platform"; default: those of the policy.'),
        })
        .optional()
        .describe('Tells when the next windows of a policy open.'),
      cron: z.array(cronLine).min(1).optional().describe('Lines of five fields.'),
      calendars: z.array(calendar).min(1).optional(),
      timeZone,
      overlap: z
        .enum(OVERLAPS)
        .default('Skip')
        .describe('Where the firing before still runs. Of one rollout never two run at once.'),
      catchUpSeconds: seconds
        .min(LEAST_CATCH_UP_SECONDS)
        .default(600)
        .describe('A firing that is later than this, after an outage, does not happen.'),
      jitterSeconds: seconds
        .max(24 * 3600)
        .default(0)
        .describe('Each firing is up to this much later, at random.'),
      paused: z
        .boolean()
        .optional()
        .describe("Default: as it is. true pauses, false ends a person's pause as well."),
      note: z.string().min(1).max(200).optional().describe('Stands beside it on every screen.'),
      pauseOnFailure: z
        .boolean()
        .default(false)
        .describe('Pause when what it starts fails; a rollout that halts is no failure of it.'),
    })
    .superRefine((spec, context) => {
      const groups = [
        ['rollout', 'inventory', 'announce'],
        ['cron', 'calendars'],
      ] as const;
      for (const group of groups) {
        const [first, second] = group.filter((key) => spec[key] !== undefined);
        if (second) {
          const message = `${first} is there already; say one of ${listed(group)}`;
          context.addIssue({ code: 'custom', path: [second], message });
        } else if (!first) {
          context.addIssue({ code: 'custom', message: `say one of ${listed(group)}` });
        }
      }
    });
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
