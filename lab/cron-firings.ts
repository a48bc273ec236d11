import { kubectl } from './control-plane.ts';
import { run, sleep } from './run.ts';

/** The CronJob of the workload, which fires at every full minute. */
const cronJob = { namespace: 'shop', name: 'tick' } as const;
const minuteMs = 60_000;
/** The controller makes a Job within a second or two of its minute. */
const patienceMs = 15_000;

/** Scheduled minutes of a span of time, and those of them that made no Job. */
export interface CronFirings {
  readonly scheduled: number;
  /** RFC 3339. */
  readonly missed: readonly string[];
}

/** Compares the minutes at which the CronJob was due in a span with the Jobs that it made. */
export async function cronFirings(fromMs: number, toMs: number): Promise<CronFirings> {
  const due = minutesBetween(fromMs, toMs);
  const deadline = Math.max(...due, 0) + patienceMs;
  for (;;) {
    const made = await firings();
    const missed = due.filter((at) => !made.has(at));
    if (missed.length === 0 || Date.now() > deadline) {
      return { scheduled: due.length, missed: missed.map((at) => new Date(at).toISOString()) };
    }
    await sleep(500);
  }
}

/** Returns the full minutes after one moment and up to another, in milliseconds. */
export function minutesBetween(fromMs: number, toMs: number): readonly number[] {
  const first = Math.floor(fromMs / minuteMs) + 1;
  const last = Math.floor(toMs / minuteMs);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) * minuteMs);
}

interface JobObject {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
}

/** The minutes for which there are Jobs, by the controller's own annotation. */
async function firings(): Promise<ReadonlySet<number>> {
  const command = kubectl('-n', cronJob.namespace, 'get', 'jobs', '-o', 'json');
  const { items } = JSON.parse(await run(command)) as { items: readonly JobObject[] };
  const annotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
  return new Set(
    items
      .filter(({ metadata }) =>
        metadata.ownerReferences?.some(
          (owner) => owner.kind === 'CronJob' && owner.name === cronJob.name,
        ),
      )
      .map(({ metadata }) => Date.parse(metadata.annotations?.[annotation] ?? '')),
  );
}
