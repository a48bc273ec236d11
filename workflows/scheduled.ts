/** What a Temporal Schedule starts at each firing: a rollout, an inventory or an announcement. */
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  defineQuery,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { keyword, ofRollout } from './attributes.ts';
import {
  type InventorySummary,
  type Notice,
  PLANNING_OPTIONS,
  type PlanningActivities,
  ROLLOUT_WORKFLOW,
  rolloutWorkflowId,
  type ScheduledOutcome,
  type ScheduledStatus,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
} from './contract.ts';
import { requestDetails } from './domain/details.ts';
import { versionDifferences } from './domain/inventory-summary.ts';
import { rolloutSummary } from './domain/rollout-summary.ts';
import type { Rollout, Schedule } from './domain/spec.ts';
import { failWorkflow } from './failures.ts';

const { standingRollout, inventory, announceWindows } =
  proxyActivities<PlanningActivities>(PLANNING_OPTIONS);

const PHASE = keyword(SEARCH_ATTRIBUTES.phase);

/**
 * Does what a Schedule's document says, once. A rollout is started under its own name and waited for
 * only until it runs: it lasts for hours, and outlives this.
 */
export async function scheduledWorkflow(schedule: Schedule): Promise<ScheduledOutcome> {
  const notices: Notice[] = [];
  let outcome: ScheduledOutcome | undefined;
  const name = schedule.metadata.name;
  setHandler(
    defineQuery<ScheduledStatus>('status'),
    () => ({ schedule: name, notices, ...(outcome ? { outcome } : {}) }),
    { description: 'What this firing has come to, and what is to be told to whom' },
  );
  outcome = await fire(schedule);
  if ('announced' in outcome) notices.push(outcome.announced);
  setCurrentDetails(detailsOf(name, outcome));
  return outcome;
}

async function fire({ metadata, spec }: Schedule): Promise<ScheduledOutcome> {
  if (spec.rollout !== undefined) return await startRollout(spec.rollout);
  if (spec.inventory !== undefined) return { inventory: await lookAt(spec.inventory.fleet) };
  if (spec.announce !== undefined) return { announced: await announce(spec.announce) };
  throw ApplicationFailure.nonRetryable(
    `Schedule ${metadata.name} says nothing to do: apply its document again`,
    'InvalidDocument',
  );
}

async function startRollout(given: Rollout | string): Promise<ScheduledOutcome> {
  const document = await standingRollout({ rollout: given }).catch(failWorkflow);
  const rollout = document.metadata.name;
  upsertSearchAttributes([ofRollout(rollout)]);
  try {
    const started = await startChild(ROLLOUT_WORKFLOW, {
      workflowId: rolloutWorkflowId(rollout),
      taskQueue: TASK_QUEUE,
      args: [document],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: rolloutSummary(document),
      staticDetails: requestDetails(document),
      typedSearchAttributes: [ofRollout(rollout), { key: PHASE, value: 'Planning' }],
    });
    return { started: started.workflowId, run: started.firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { skipped: `rollout ${rollout} runs already` };
  }
}

async function lookAt(fleet: unknown): Promise<InventorySummary> {
  const { fleet: name, nodes } = await inventory({ fleet }).catch(failWorkflow);
  return {
    fleet: name,
    nodes: nodes.length,
    notReady: nodes.filter((node) => !node.ready).length,
    unreachable: nodes.filter((node) => node.unreachable !== undefined).length,
    differences: versionDifferences(nodes),
  };
}

async function announce(given: NonNullable<Schedule['spec']['announce']>): Promise<Notice> {
  const { policy, regions, channels } = given;
  const { workflowId, startTime } = workflowInfo();
  const told = await announceWindows({
    policy,
    ...(regions ? { regions } : {}),
    ...(channels ? { channels } : {}),
  }).catch(failWorkflow);
  return { id: workflowId, at: startTime.toISOString(), cause: 'Planned', ...told };
}

/** As Temporal's UI shows it; the sentence that matters comes first. */
function detailsOf(schedule: string, outcome: ScheduledOutcome): string {
  const by = `by Schedule ${schedule}`;
  if ('started' in outcome) return `${outcome.started} was started ${by}.`;
  if ('skipped' in outcome) return `Nothing was started ${by}: ${outcome.skipped}.`;
  if ('announced' in outcome) return outcome.announced.lines.join('\n\n');
  const { fleet, nodes, notReady, unreachable, differences } = outcome.inventory;
  const counts = `${nodes} nodes, ${notReady} not ready, ${unreachable} unreachable`;
  return [`Fleet ${fleet}: ${counts}.`, ...differences.map((line) => `- ${line}`)].join('\n');
}
