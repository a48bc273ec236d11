/** Which activities run on the queue of workflows, and which on the queues of clusters. */
import type {
  PeopleActivities,
  PlanningActivities,
  RecordingActivities,
  TidegateActivities,
  ValidationActivities,
} from '../workflows/contract.ts';

type Central = PlanningActivities & PeopleActivities & RecordingActivities & ValidationActivities;

/** Activities beside workflows. A record, so that the compiler finds one that is missing. */
const CENTRAL: Readonly<Record<keyof Central, true>> = {
  plan: true,
  planRollback: true,
  inventory: true,
  standingRollout: true,
  announceWindows: true,
  sealGate: true,
  verifyVote: true,
  lookAtWindow: true,
  judge: true,
  record: true,
  append: true,
  anchor: true,
  validationsOf: true,
  prepareValidation: true,
};

/** Splits all activities by the queue that they run on. */
export function byQueue(activities: TidegateActivities): {
  readonly central: Partial<TidegateActivities>;
  readonly cluster: Partial<TidegateActivities>;
} {
  const entries = Object.entries(activities);
  const isCentral = (name: string) => Object.hasOwn(CENTRAL, name);
  return {
    central: Object.fromEntries(entries.filter(([name]) => isCentral(name))),
    cluster: Object.fromEntries(entries.filter(([name]) => !isCentral(name))),
  };
}
