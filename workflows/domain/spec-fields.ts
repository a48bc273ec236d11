/** Fields that the schemas of several documents have. */
import { z } from 'zod';
import { isTimeZone } from './zoned-time.ts';

/** A name as Kubernetes has them. */
export const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a lowercase DNS name such as "containerd-deb12u3"')
  .max(63);

/** Thirty days: whoever writes more has written milliseconds. */
export const seconds = z.number().int().min(0).max(2_592_000);

/** What an update does to a node, from nothing to a reboot. */
export const DISRUPTIONS = ['None', 'Restart', 'Drain', 'Reboot'] as const;
export type Disruption = (typeof DISRUPTIONS)[number];

/** Returns the schema of an IANA time zone. */
export function timeZone() {
  return z
    .string()
    .refine(isTimeZone, 'an IANA time zone such as "Europe/Berlin"')
    .describe('IANA name; its clocks are followed over daylight saving.');
}

/** Returns an array schema that refuses a second item of the same name, with its index. */
export function listOf<S extends z.ZodType>(item: S, nameOf: (item: z.output<S>) => string) {
  return distinct(z.array(item).min(1), nameOf);
}

/** Returns the array's schema with the same refusal; the array may be empty. */
export function distinct<S extends z.ZodType>(
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
