/** Reads the CronJobs of a cluster and foretells their firings. */
import {
  type CronJobForecast,
  HORIZON_MS,
  SETTLE_MS,
  usualDuration,
} from '../workflows/domain/cron.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import { couldRunOn, type Place, type Placement } from '../workflows/domain/placement.ts';
import { firingsBetween, type ScheduleQuestion } from './adapters/cron-schedule.ts';
import type { V1CronJob, V1Job, V1Node } from './adapters/kube-adapter.ts';
import type { ActivityDeps } from './deps.ts';
import { nameOf } from './node-facts.ts';

/** A day of one that fires each minute, and some more. */
const MAX_FIRINGS = 1500;

/**
 * Returns what the next day brings of every CronJob of a cluster that is not suspended. One whose
 * schedule cannot be read is left out and logged. `nodes` are all nodes of the cluster.
 */
export async function upcomingFirings(
  deps: ActivityDeps,
  access: ClusterAccess,
  nodes: readonly V1Node[],
): Promise<readonly CronJobForecast[]> {
  const kube = deps.kube(access);
  const cronJobs = (await kube.cronJobs()).filter((cronJob) => cronJob.spec?.suspend !== true);
  if (cronJobs.length === 0) return [];
  const jobs = await kube.jobs();
  const nowMs = deps.clock.now();
  const places = nodes.map(placeOf);
  const ask = remembering();
  return cronJobs.flatMap((cronJob) => {
    const answer = ask({ ...scheduleOf(cronJob, nowMs), limit: MAX_FIRINGS });
    if (answer.kind === 'Firings') {
      const made = jobs.filter((job) => isMadeBy(job, cronJob));
      return forecastOf({ cronJob, made, firings: answer.firings, nowMs, places });
    }
    const named = { cronJob: keyOf(cronJob), schedule: cronJob.spec?.schedule };
    deps.log.warn(
      { ...named, reason: answer.reason },
      'the schedule of a CronJob cannot be read; no node is held back for it',
    );
    return [];
  });
}

/** Many CronJobs have the same schedule, which is then reckoned once. */
function remembering(): typeof firingsBetween {
  const known = new Map<string, ReturnType<typeof firingsBetween>>();
  return (question) => {
    const since = question.schedule.includes('@every') ? question.lastMs : '';
    const key = [question.schedule, question.timeZone, since].join('\n');
    const answer = known.get(key) ?? firingsBetween(question);
    known.set(key, answer);
    return answer;
  };
}

function scheduleOf({ metadata, spec, status }: V1CronJob, nowMs: number) {
  const last = status?.lastScheduleTime ?? metadata?.creationTimestamp;
  const question: Omit<ScheduleQuestion, 'limit'> = {
    schedule: spec?.schedule ?? '',
    ...(spec?.timeZone ? { timeZone: spec.timeZone } : {}),
    fromMs: nowMs - SETTLE_MS,
    toMs: nowMs + HORIZON_MS,
    lastMs: last ? new Date(last).getTime() : nowMs,
  };
  return question;
}

function forecastOf(input: {
  readonly cronJob: V1CronJob;
  readonly made: readonly V1Job[];
  readonly firings: readonly number[];
  readonly nowMs: number;
  readonly places: readonly Place[];
}): CronJobForecast {
  const { cronJob, made, firings, nowMs, places } = input;
  const { spec, status } = cronJob;
  const placement = placementOf(cronJob);
  const active = (status?.active ?? []).length > 0;
  const deadline = spec?.startingDeadlineSeconds;
  return {
    cronJob: keyOf(cronJob),
    firings,
    untilMs: nowMs + HORIZON_MS,
    ...usualDuration(made.flatMap(finishedRun)),
    ...(active && status?.lastScheduleTime
      ? { runningSinceMs: new Date(status.lastScheduleTime).getTime() }
      : {}),
    ...(deadline === undefined ? {} : { startingDeadlineMs: deadline * 1000 }),
    concurrency: concurrencyOf(spec?.concurrencyPolicy),
    labels: spec?.jobTemplate.spec?.template.metadata?.labels ?? {},
    nodes: places.filter((place) => couldRunOn(placement, place)).map(({ node }) => node),
  };
}

/** Returns the rules of the pods that a CronJob makes. */
function placementOf({ spec }: V1CronJob): Placement {
  const pod = spec?.jobTemplate.spec?.template.spec;
  const required = pod?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    nodeName: pod?.nodeName,
    nodeSelector: pod?.nodeSelector,
    affinity: required?.nodeSelectorTerms,
    tolerations: pod?.tolerations,
  };
}

function placeOf(node: V1Node): Place {
  return {
    node: nameOf(node),
    labels: node.metadata?.labels ?? {},
    taints: node.spec?.taints ?? [],
  };
}

function concurrencyOf(policy: string | undefined): CronJobForecast['concurrency'] {
  return policy === 'Forbid' || policy === 'Replace' ? policy : 'Allow';
}

/** A run that failed, perhaps because its node went away, says nothing of how long one takes. */
function finishedRun({ status }: V1Job) {
  if (!status?.startTime || !status.completionTime) return [];
  return {
    startedMs: new Date(status.startTime).getTime(),
    endedMs: new Date(status.completionTime).getTime(),
  };
}

function isMadeBy(job: V1Job, cronJob: V1CronJob): boolean {
  const owners = job.metadata?.ownerReferences ?? [];
  return owners.some((owner) => owner.controller && owner.uid === cronJob.metadata?.uid);
}

function keyOf({ metadata }: V1CronJob): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
