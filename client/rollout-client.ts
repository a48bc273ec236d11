/** The typed API: starts, looks at and steers rollouts. The command line is built on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
} from '@temporalio/common';
import {
  type Command,
  type FreezeOverride,
  INVENTORY_WORKFLOW,
  type Inventory,
  JOBS_MESSAGE,
  type JobDecision,
  type MessageName,
  type NodeCommand,
  nodeWorkflowId,
  PLAN_WORKFLOW,
  ROLLOUT_WORKFLOW,
  type RolloutOutcome,
  rolloutWorkflowId,
  SEARCH_ATTRIBUTES,
  type StopCommand,
  TASK_QUEUE,
  type Vote,
} from '../workflows/contract.ts';
import { requestDetails } from '../workflows/domain/details.ts';
import { documentName, explainProblems, parseDocument } from '../workflows/domain/documents.ts';
import { keyOf } from '../workflows/domain/lifecycle.ts';
import type { PlanResult } from '../workflows/domain/plan-types.ts';
import { rolloutSummary } from '../workflows/domain/rollout-summary.ts';
import type { Rollout } from '../workflows/domain/spec.ts';
import { type Announcement, listAnnouncements } from './announcements.ts';
import { makeBackRollout } from './back.ts';
import { isMeant } from './ballot.ts';
import { type ConnectOptions, connect, type TemporalConnection } from './connection.ts';
import { refused, TidegateError } from './errors.ts';
import { isNotFound } from './explain.ts';
import { recordedRequest } from './history.ts';
import { listRollouts } from './listing.ts';
import { failedSoFar, makeRetryRollout, retryName } from './retry.ts';
import { Schedules } from './schedules.ts';
import { Session } from './session.ts';
import { Validations } from './validations.ts';
import { phaseOf, type RolloutEntry, type RolloutView } from './view.ts';
import { ViewReader } from './view-reader.ts';

const READ_TIMEOUT_MS = 10_000;
const UPDATE_TIMEOUT_MS = 20_000;
const PLANNING_POLL_MS = 300;

const rolloutKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.rollout, SearchAttributeType.KEYWORD);
const phaseKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD);

/** Names the workflow of a rollout that has started. */
export interface StartedRollout {
  readonly rollout: string;
  readonly workflowId: string;
  readonly runId: string;
}

/** What became of the wish to take a rollout back, or to try nodes again. */
export interface RollbackAnswer {
  readonly rollout: string;
  readonly message: string;
  /** The rollout that does it, where the named one had finished already. */
  readonly started?: StartedRollout;
}

/** Returns the document of a rollout, or throws with everything that is wrong in it. */
export function requireRollout(request: unknown): Rollout {
  const answer = parseDocument('Rollout', request);
  if (answer.kind === 'Valid') return answer.document;
  throw refused(explainProblems('Rollout', documentName(request), answer.problems));
}

/** Talks to one namespace of one Temporal. Every method throws TidegateError and nothing else. */
export class RolloutClient {
  private readonly session: Session;
  private readonly views: ViewReader;
  /** Temporal Schedules made from documents. */
  readonly schedules: Schedules;
  /** Runs of `tidegate validate`. */
  readonly validations: Validations;

  constructor(connection: TemporalConnection) {
    this.session = new Session(connection);
    this.schedules = new Schedules(this.session);
    this.validations = new Validations(this.session);
    this.views = new ViewReader(this.session);
  }

  /** Connects with Temporal's own settings: environment, profile, or the options given. */
  static async connect(options: ConnectOptions = {}): Promise<RolloutClient> {
    return new RolloutClient(await connect(options));
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  /** Makes the plan of a rollout; touches nothing. */
  async plan(request: unknown): Promise<PlanResult> {
    const document = requireRollout(request);
    const id = `plan/${document.metadata.name}`;
    return await this.session.execute<PlanResult>(PLAN_WORKFLOW, id, document);
  }

  /** Lists what every node of a fleet runs; `fleet` is a document or the name of one. */
  async inventory(fleet: unknown): Promise<Inventory> {
    const name = typeof fleet === 'string' ? fleet : (documentName(fleet) ?? 'fleet');
    const id = `inventory/${name}`;
    return await this.session.execute<Inventory>(INVENTORY_WORKFLOW, id, { fleet });
  }

  /** Starts a rollout; refuses while one of the same name runs. */
  async start(request: unknown): Promise<StartedRollout> {
    const document = requireRollout(request);
    const rollout = document.metadata.name;
    return await this.session.call(async () => {
      await this.session.requireWorker();
      try {
        return await this.startWorkflow(document);
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        throw refused(
          `Rollout ${rollout} runs already. Look at it with "tidegate status ${rollout}"; to run another one beside it, give it another metadata.name.`,
        );
      }
    });
  }

  /** Returns the rollout as it is once it has a plan, or has ended without one. */
  async untilPlanned(rollout: string): Promise<RolloutView> {
    for (;;) {
      const view = await this.status(rollout);
      if (view.state !== 'Running' || phaseOf(view) !== 'Planning') return view;
      await sleep(PLANNING_POLL_MS);
    }
  }

  /** Approves what waits with this digest; returns what the rollout answers. */
  async approve(rollout: string, vote: Vote): Promise<string> {
    return await this.send(rollout, 'approve', await this.withFullDigest(rollout, vote));
  }

  /** Rejects what waits at a gate; before the canary this ends the rollout untouched. */
  async reject(rollout: string, vote: Vote): Promise<string> {
    return await this.send(rollout, 'reject', await this.withFullDigest(rollout, vote));
  }

  /** Looks anew at what waits at a gate; votes on what has changed are void. */
  async replan(rollout: string, command: Command): Promise<string> {
    return await this.send(rollout, 'replan', command);
  }

  /** Starts no further node until it is resumed; the nodes in work are finished first. */
  async pause(rollout: string, command: Command): Promise<string> {
    return await this.send(rollout, 'pause', command);
  }

  /** Goes on with a rollout that was paused. */
  async resume(rollout: string, command: Command): Promise<string> {
    return await this.send(rollout, 'resume', command);
  }

  /** Ends a rollout now, after the nodes in work (where no mode is given) or after their wave. */
  async stop(rollout: string, command: StopCommand): Promise<string> {
    return await this.send(rollout, 'stop', command);
  }

  /** Leaves one node out; it is told whether that is still possible. */
  async skipNode(rollout: string, command: NodeCommand): Promise<string> {
    return await this.send(rollout, 'skipNode', command);
  }

  /** Tries one failed node again, with the same plan. */
  async retryNode(rollout: string, command: NodeCommand): Promise<string> {
    return await this.send(rollout, 'retryNode', command);
  }

  /** Lets nodes start in spite of a freeze of the policy; who and why is kept. */
  async overrideFreeze(rollout: string, override: FreezeOverride): Promise<string> {
    return await this.send(rollout, 'overrideFreeze', override);
  }

  /** Answers a node in work that asks about its Jobs; `node` may be named with its cluster. */
  async decideJobs(rollout: string, node: string, decision: JobDecision): Promise<string> {
    const { plan } = await this.planOf(rollout);
    const nodes = plan.waves.flatMap((wave) => wave.nodes);
    const found = nodes.filter((entry) => entry.node === node || keyOf(entry) === node);
    const [target, ...more] = found;
    if (!target) throw refused(`Rollout ${rollout} has no node ${node}.`);
    if (more.length > 0) throw refused(`Say which one: ${found.map(keyOf).join(', ')}.`);
    const id = nodeWorkflowId(target.cluster, target.node);
    const handle = this.session.client.workflow.getHandle(id);
    try {
      const argument: [JobDecision] = [decision];
      return await this.session.call(
        () => handle.executeUpdate<string, [JobDecision]>(JOBS_MESSAGE, { args: argument }),
        UPDATE_TIMEOUT_MS,
      );
    } catch (error) {
      if (!(error instanceof TidegateError) || !isNotFound(error.cause)) throw error;
      throw refused(`Node ${node} is not in work now, so it asks nothing.`);
    }
  }

  /** Takes updated nodes back: of a running rollout by itself, of a finished one by a new rollout. */
  async rollback(
    rollout: string,
    command: Command,
    nodes?: readonly string[],
  ): Promise<RollbackAnswer> {
    const view = await this.status(rollout);
    if (view.state !== 'Running') return await this.rollbackFinished(view, command, nodes);
    if (nodes) throw refused('--nodes is for finished rollouts; a running one takes back all.');
    return { rollout, message: await this.send(rollout, 'rollback', command) };
  }

  /** Tries nodes again: in a running rollout itself, those of a finished one in a new rollout. */
  async retry(
    rollout: string,
    command: Command,
    nodes?: readonly string[],
  ): Promise<RollbackAnswer> {
    const view = await this.status(rollout);
    if (view.state !== 'Running') return await this.retryFinished(view, command, nodes);
    const failed = nodes ?? failedSoFar(view.status?.waves ?? []);
    if (failed.length === 0) throw refused('No node has failed; name others with --node.');
    const answers: string[] = [];
    for (const node of failed) answers.push(await this.retryNode(rollout, { ...command, node }));
    return { rollout, message: answers.join('; ') };
  }

  /** Returns the plan that a rollout recorded. */
  async planOf(rollout: string): Promise<PlanResult> {
    const { session } = this;
    const ask = () => session.handle(rollout).query<PlanResult | undefined>('plan');
    const planned = await session.about(rollout, ask, READ_TIMEOUT_MS);
    if (!planned) throw refused(`Rollout ${rollout} has no plan.`);
    return planned;
  }

  /** Returns everything that is known of a rollout, down to the phases of nodes in work. */
  async status(rollout: string): Promise<RolloutView> {
    const read = () => this.views.read(rollout);
    return await this.session.about(rollout, read, READ_TIMEOUT_MS);
  }

  /** Lists the newest run of each rollout, newest first. */
  async list(limit = 100): Promise<RolloutEntry[]> {
    const { session } = this;
    return await session.call(() => listRollouts(session.client, limit), READ_TIMEOUT_MS);
  }

  /** Returns what Schedules have announced since then. */
  async announcements(sinceMs: number): Promise<readonly Announcement[]> {
    const { session } = this;
    return await session.call(() => listAnnouncements(session.client, sinceMs), READ_TIMEOUT_MS);
  }

  /** Waits for a rollout's end, however long it takes. */
  async waitFor(rollout: string): Promise<RolloutOutcome> {
    const { session } = this;
    const wait = () => session.handle(rollout).result() as Promise<RolloutOutcome>;
    return await session.about(rollout, wait);
  }

  private async startWorkflow(document: Rollout): Promise<StartedRollout> {
    const rollout = document.metadata.name;
    const workflowId = rolloutWorkflowId(rollout);
    const handle = await this.session.client.workflow.start(ROLLOUT_WORKFLOW, {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [document],
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: rolloutSummary(document),
      staticDetails: requestDetails(document),
      typedSearchAttributes: new TypedSearchAttributes([
        { key: rolloutKey, value: rollout },
        { key: phaseKey, value: 'Planning' },
      ]),
    });
    return { rollout, workflowId, runId: handle.firstExecutionRunId };
  }

  private async rollbackFinished(
    view: RolloutView,
    command: Command,
    nodes: readonly string[] | undefined,
  ): Promise<RollbackAnswer> {
    const { rollout } = view;
    const answer = makeBackRollout({ ...(await this.recorded(view)), nodes, command });
    if (answer.kind === 'Refused') {
      throw refused(`Rollout ${rollout} is not taken back: ${answer.reason}.`);
    }
    const started = await this.start(answer.rollout);
    const message = `${started.rollout} started; it takes the updated nodes back once its plan is approved`;
    return { rollout, message, started };
  }

  private async retryFinished(
    view: RolloutView,
    command: Command,
    nodes: readonly string[] | undefined,
  ): Promise<RollbackAnswer> {
    const { rollout } = view;
    const recorded = await this.recorded(view);
    const name = await this.freeRetryName(rollout);
    const answer = makeRetryRollout({ ...recorded, nodes, command, name });
    if (answer.kind === 'Refused') throw refused(`Nothing is tried again: ${answer.reason}.`);
    const started = await this.start(answer.rollout);
    const tried = answer.rollout.spec.targets.nodes?.join(', ');
    const message = `${started.rollout} started; it tries ${tried} once its plan is approved`;
    return { rollout, message, started };
  }

  /** Returns what a rollout that has finished recorded. */
  private async recorded(view: RolloutView) {
    const { rollout, outcome, failure, state } = view;
    if (!outcome) {
      const why = failure?.message ?? state;
      throw refused(`Rollout ${rollout} ended without a record of its nodes: ${why}`);
    }
    const { plan } = await this.planOf(rollout);
    const request = await this.session.call(() => recordedRequest(this.session.client, view));
    return { request, plan, outcome };
  }

  /** Returns the name of the first attempt that there has not been. */
  private async freeRetryName(rollout: string): Promise<string> {
    const { session } = this;
    for (let n = 1; ; n++) {
      const name = retryName(rollout, n);
      try {
        await session.call(() => session.handle(name).describe(), READ_TIMEOUT_MS);
      } catch (error) {
        if (error instanceof TidegateError && isNotFound(error.cause)) return name;
        throw error;
      }
    }
  }

  private async send(
    rollout: string,
    name: MessageName,
    argument: Vote | Command,
  ): Promise<string> {
    const { session } = this;
    const handle = session.handle(rollout);
    return await session.about(
      rollout,
      async () => {
        const { status } = await handle.describe();
        if (status.name !== 'RUNNING') {
          throw refused(
            `Rollout ${rollout} has ended. Look at it with "tidegate status ${rollout}".`,
          );
        }
        await session.requireWorker();
        return await handle.executeUpdate<string, [Vote | Command]>(name, { args: [argument] });
      },
      UPDATE_TIMEOUT_MS,
    );
  }

  /** The first digits of what waits will do; anything else is sent as it is. */
  private async withFullDigest(rollout: string, vote: Vote): Promise<Vote> {
    if (vote.digest === undefined || vote.gate !== undefined) return vote;
    const { status, silent } = await this.status(rollout);
    if (silent !== undefined) throw new TidegateError(silent);
    const known = status?.digest;
    return known && isMeant(vote.digest, known) ? { ...vote, digest: known } : vote;
  }
}
