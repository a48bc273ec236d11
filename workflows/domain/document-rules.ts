/** What the fields of one document must be to each other; each problem names the field and what to say. */
import { type ApprovalFields, approvalProblems } from './approval-rules.ts';
import { type CalendarFields, calendarProblems } from './calendar-rules.ts';
import type { Problem } from './document-problems.ts';

/** A problem whose path is below `spec`. */
export interface RuleProblem extends Pick<Problem, 'message'> {
  readonly path: (string | number)[];
}

interface PolicyFields extends ApprovalFields, CalendarFields {
  readonly drain: { readonly atTimeout: string; readonly maxQuarantined: number };
  readonly holds: {
    readonly cronJobs: string;
    readonly otherTools: string;
    readonly recovery: string;
    readonly timeoutSeconds: number;
  };
  readonly verification: { readonly timeoutSeconds: number };
  readonly undoDeadlineSeconds: number;
}

/** Workloads need some time to recover after each node; less would skip every other node. */
const LEAST_HOLD_SECONDS = 60;

/** Returns what in a policy's spec contradicts itself. */
export function policyProblems(spec: PolicyFields): RuleProblem[] {
  const { drain, holds, verification, undoDeadlineSeconds } = spec;
  const problems: RuleProblem[] = [...approvalProblems(spec), ...calendarProblems(spec)];
  const { timeoutSeconds } = verification;
  if (undoDeadlineSeconds < timeoutSeconds) {
    problems.push({
      path: ['undoDeadlineSeconds'],
      message: `${undoDeadlineSeconds} is less than spec.verification.timeoutSeconds ${timeoutSeconds}: a node that is put back could not be verified in that time; say at least ${timeoutSeconds}, or less there`,
    });
  }
  const waits = [holds.cronJobs, holds.otherTools, holds.recovery].includes('Wait');
  if (waits && holds.timeoutSeconds < LEAST_HOLD_SECONDS) {
    problems.push({
      path: ['holds', 'timeoutSeconds'],
      message: `${holds.timeoutSeconds} skips nodes whose hold is about to end; say at least ${LEAST_HOLD_SECONDS}, or Ignore for cronJobs, otherTools and recovery`,
    });
  }
  if (drain.atTimeout === 'Quarantine' && drain.maxQuarantined === 0) {
    problems.push({
      path: ['drain', 'maxQuarantined'],
      message:
        '0 leaves no room for spec.drain.atTimeout Quarantine; say at least 1, or Fail or Skip there',
    });
  }
  return problems;
}

interface BundleFields {
  readonly disruption: string;
  readonly releases: readonly {
    readonly packages: readonly { readonly name: string; readonly daemon?: string | undefined }[];
  }[];
}

/** Returns what in a bundle's spec contradicts itself. */
export function bundleProblems({ disruption, releases }: BundleFields): RuleProblem[] {
  if (disruption !== 'None') return [];
  const packages = releases.flatMap((release) => release.packages);
  const restarting = packages.find((entry) => entry.daemon !== undefined);
  if (!restarting) return [];
  return [
    {
      path: ['disruption'],
      message: `None is for packages that restart nothing, and ${restarting.name} has the daemon ${restarting.daemon}; say Restart, which cordons the node meanwhile, or Drain`,
    },
  ];
}
