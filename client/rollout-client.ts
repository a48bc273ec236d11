/** The typed API: starts, looks at and steers rollouts. The command line is built on it. */
import { randomUUID } from 'node:crypto';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
} from '@temporalio/client';
import {
  defineSearchAttributeKey,
  SearchAttributeType,
  TypedSearchAttributes,
} from '@temporalio/common';
import {
  type Command,
  INVENTORY_WORKFLOW,
  type Inventory,
  PLAN_WORKFLOW,
  ROLLOUT_WORKFLOW,
  type RolloutOutcome,
  type RolloutStatus,
  rolloutWorkflowId,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
  type Vote,
} from '../workflows/contract.ts';
import { documentName, explainProblems, parseDocument } from '../workflows/domain/documents.ts';
import type { PlanResult } from '../workflows/domain/plan-types.ts';
import type { Rollout } from '../workflows/domain/spec.ts';
import { makeBackRollout } from './back.ts';
import { type ConnectOptions, connect, type TemporalConnection } from './connection.ts';
import { refused, TidegateError } from './errors.ts';
import { explainError, isNotFound, isPassing, isUnimplemented } from './explain.ts';
import { phaseSince, recordedRequest } from './history.ts';
import { listRollouts, runState } from './listing.ts';
import { LiveReader } from './live.ts';
import { type RolloutEntry, type RolloutView, summaryOf } from './view.ts';

/** A poller that has not asked for work this long is taken for gone; a long poll lasts a minute. */
const POLLER_MAX_AGE_MS = 90_000;
const CALL_TIMEOUT_MS = 10_000;
const UPDATE_TIMEOUT_MS = 20_000;
/** Temporal takes summaries of up to 400 bytes. */
const MAX_SUMMARY = 380;

const rolloutKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.rollout, SearchAttributeType.KEYWORD);
const phaseKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD);

export interface StartedRollout {
  readonly rollout: string;
  readonly workflowId: string;
  readonly runId: string;
}

export interface RollbackAnswer {
  readonly rollout: string;
  readonly message: string;
  /** The rollout that takes the nodes back, where the named one had finished already. */
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
  readonly address: string;
  readonly namespace: string;
  private readonly client: Client;
  private readonly live: LiveReader;
  private readonly disconnect: () => Promise<void>;

  constructor(connection: TemporalConnection) {
    this.client = connection.client;
    this.address = connection.address;
    this.namespace = connection.namespace;
    this.disconnect = connection.close;
    this.live = new LiveReader(connection.client);
  }

  /** Connects with Temporal's own settings: environment, profile, or the options given. */
  static async connect(options: ConnectOptions = {}): Promise<RolloutClient> {
    return new RolloutClient(await connect(options));
  }

  async close(): Promise<void> {
    await this.disconnect();
  }

  /** Makes the plan of a rollout; touches nothing. */
  async plan(request: unknown): Promise<PlanResult> {
    const document = requireRollout(request);
    return await this.run<PlanResult>(PLAN_WORKFLOW, `plan/${document.metadata.name}`, document);
  }

  /** Lists what every node of a fleet runs; `fleet` is a document or the name of one. */
  async inventory(fleet: unknown): Promise<Inventory> {
    const name = typeof fleet === 'string' ? fleet : (documentName(fleet) ?? 'fleet');
    return await this.run<Inventory>(INVENTORY_WORKFLOW, `inventory/${name}`, { fleet });
  }

  /** Starts a rollout; refuses while one of the same name runs. */
  async start(request: unknown): Promise<StartedRollout> {
    const document = requireRollout(request);
    const rollout = document.metadata.name;
    const workflowId = rolloutWorkflowId(rollout);
    return await this.explained(async () => {
      await this.requireWorker();
      const handle = await this.client.workflow
        .start(ROLLOUT_WORKFLOW, {
          workflowId,
          taskQueue: TASK_QUEUE,
          args: [document],
          workflowIdConflictPolicy: 'FAIL',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: summaryLine(document),
          typedSearchAttributes: new TypedSearchAttributes([
            { key: rolloutKey, value: rollout },
            { key: phaseKey, value: 'Planning' },
          ]),
        })
        .catch((error) => {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
          throw refused(
            `Rollout ${rollout} runs already. Look at it with "tidegate status ${rollout}"; to run another one beside it, give it another metadata.name.`,
          );
        });
      return { rollout, workflowId, runId: handle.firstExecutionRunId };
    });
  }

  /** Approves the plan with this digest; returns what the rollout answers. */
  async approve(rollout: string, vote: Vote): Promise<string> {
    const digest =
      vote.digest === undefined ? undefined : await this.fullDigest(rollout, vote.digest);
    return await this.send(rollout, 'approve', digest === undefined ? vote : { ...vote, digest });
  }

  async reject(rollout: string, command: Command): Promise<string> {
    return await this.send(rollout, 'reject', command);
  }

  /** Starts no further node; the nodes in work are finished first. */
  async stop(rollout: string, command: Command): Promise<string> {
    return await this.send(rollout, 'stop', command);
  }

  /** Takes updated nodes back: of a running rollout by itself, of a finished one by a new rollout. */
  async rollback(
    rollout: string,
    command: Command,
    nodes?: readonly string[],
  ): Promise<RollbackAnswer> {
    const view = await this.status(rollout);
    if (view.state === 'Running') {
      if (nodes) throw refused('--nodes is for finished rollouts; a running one takes back all.');
      return { rollout, message: await this.send(rollout, 'rollback', command) };
    }
    const { outcome } = view;
    if (!outcome) {
      throw refused(
        `Rollout ${rollout} ended without an outcome (${view.failure?.message ?? view.state}): there is no record of updated nodes.`,
      );
    }
    const { plan } = await this.planOf(rollout);
    const request = await this.explained(() => recordedRequest(this.client, view));
    const answer = makeBackRollout({ request, plan, outcomes: outcome.nodes, nodes, command });
    if (answer.kind === 'Refused') {
      throw refused(`Rollout ${rollout} is not taken back: ${answer.reason}.`);
    }
    const started = await this.start(answer.rollout);
    const message = `started ${started.rollout}, which takes the updated nodes back`;
    return { rollout, message, started };
  }

  /** Returns the plan that a rollout recorded. */
  async planOf(rollout: string): Promise<PlanResult> {
    const planned = await this.explained(() =>
      this.withDeadline(CALL_TIMEOUT_MS, () =>
        this.handle(rollout).query<PlanResult | undefined>('plan'),
      ),
    ).catch((error) => this.unknownRollout(rollout, error));
    if (!planned) throw refused(`Rollout ${rollout} has no plan (yet).`);
    return planned;
  }

  /** Returns everything that is known of a rollout, down to the phases of nodes in work. */
  async status(rollout: string): Promise<RolloutView> {
    return await this.explained(() =>
      this.withDeadline(CALL_TIMEOUT_MS, () => this.view(rollout)),
    ).catch((error) => this.unknownRollout(rollout, error));
  }

  /** Lists the newest run of each rollout, newest first. */
  async list(limit = 100): Promise<RolloutEntry[]> {
    return await this.explained(() =>
      this.withDeadline(CALL_TIMEOUT_MS, () => listRollouts(this.client, limit)),
    );
  }

  /** Waits for a rollout's end, however long it takes. */
  async waitFor(rollout: string): Promise<RolloutOutcome> {
    return await this.explained(
      () => this.handle(rollout).result() as Promise<RolloutOutcome>,
    ).catch((error) => this.unknownRollout(rollout, error));
  }

  private handle(rollout: string): WorkflowHandle {
    return this.client.workflow.getHandle(rolloutWorkflowId(rollout));
  }

  private async view(rollout: string): Promise<RolloutView> {
    const handle = this.handle(rollout);
    const described = await handle.describe();
    const { workflowId, runId, startTime, closeTime } = described;
    const state = runState(described.status.name);
    const base = {
      rollout,
      workflowId,
      runId,
      state,
      startedAt: startTime.toISOString(),
      ...(closeTime ? { closedAt: closeTime.toISOString() } : {}),
      live: [],
    };
    if (state === 'Completed') {
      const outcome = (await handle.result()) as RolloutOutcome;
      return { ...base, outcome, ...(await this.answers(handle)) };
    }
    if (state === 'Running') {
      const since = await phaseSince(this.client, described);
      return { ...base, ...(since ? { since } : {}), ...(await this.answers(handle)) };
    }
    const failure = await handle.result().then(
      () => ({ type: state, message: 'ended', exitCode: 1 }),
      (error: unknown) => {
        const { type, message, exitCode } = explainError(error, this);
        return { type: type ?? state, message, exitCode };
      },
    );
    return { ...base, failure };
  }

  /** Asks the workflow itself; what Temporal alone knows is shown where no worker answers. */
  private async answers(
    handle: WorkflowHandle,
  ): Promise<Partial<Pick<RolloutView, 'status' | 'live' | 'about' | 'silent'>>> {
    try {
      const [told, planned] = await Promise.all([
        handle.query<RolloutStatus>('status'),
        handle.query<PlanResult | undefined>('plan'),
      ]);
      const { status, live } = await this.live.enrich(told, planned?.plan);
      return { status, live, ...(planned ? { about: summaryOf(planned.plan) } : {}) };
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { silent: explainError(error, this).message };
    }
  }

  private async send(rollout: string, name: string, argument: Vote | Command): Promise<string> {
    return await this.explained(async () => {
      const { status } = await this.handle(rollout).describe();
      if (status.name !== 'RUNNING') {
        throw refused(
          `Rollout ${rollout} has ended. Look at it with "tidegate status ${rollout}".`,
        );
      }
      await this.requireWorker();
      return await this.withDeadline(UPDATE_TIMEOUT_MS, () =>
        this.handle(rollout).executeUpdate<string, [Vote | Command]>(name, { args: [argument] }),
      );
    }).catch((error) => this.unknownRollout(rollout, error));
  }

  /** A unique beginning of the digest will do; anything else goes to the rollout as it is. */
  private async fullDigest(rollout: string, given: string): Promise<string> {
    const { status } = await this.status(rollout);
    const bare = given.replace(/^sha256:/, '');
    const known = status?.digest;
    if (known && /^[0-9a-f]{12,}$/.test(bare) && known.startsWith(`sha256:${bare}`)) return known;
    return given;
  }

  /** Runs a short workflow that only reads, and waits for its result. */
  private async run<T>(type: string, idPrefix: string, argument: unknown): Promise<T> {
    return await this.explained(async () => {
      await this.requireWorker();
      return (await this.client.workflow.execute(type, {
        workflowId: `${idPrefix}/${randomUUID().slice(0, 8)}`,
        taskQueue: TASK_QUEUE,
        args: [argument],
        workflowExecutionTimeout: '1 hour',
      })) as T;
    });
  }

  /** Fails where nobody would take the work, which would otherwise wait without a word. */
  private async requireWorker(): Promise<void> {
    const pollers = await this.pollers();
    if (pollers > 0) return;
    throw new TidegateError(
      `No worker takes work from the queue "${TASK_QUEUE}" (Temporal at ${this.address}, namespace ${this.namespace}). Start one with "npm run worker".`,
    );
  }

  private async pollers(): Promise<number> {
    try {
      const answer = await this.client.workflowService.describeTaskQueue({
        namespace: this.namespace,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: 1,
      });
      const oldest = Date.now() - POLLER_MAX_AGE_MS;
      return (answer.pollers ?? []).filter(
        ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 > oldest,
      ).length;
    } catch (error) {
      // Temporal's test server can't tell; then the work is sent on trust.
      if (isUnimplemented(error)) return 1;
      throw error;
    }
  }

  private async withDeadline<T>(timeoutMs: number, call: () => Promise<T>): Promise<T> {
    return await this.client.withDeadline(Date.now() + timeoutMs, call);
  }

  private async explained<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw explainError(error, this);
    }
  }

  private unknownRollout(rollout: string, error: unknown): never {
    const cause = error instanceof TidegateError ? error.cause : error;
    if (!isNotFound(cause)) throw error;
    throw refused(
      `There is no rollout named ${rollout} (namespace ${this.namespace}). "tidegate status" lists those there are.`,
    );
  }
}

/** What Temporal's list shows of the rollout before the workflow says more. */
function summaryLine({ metadata, spec }: Rollout): string {
  const bundle = typeof spec.bundle === 'string' ? spec.bundle : spec.bundle.metadata.name;
  const nodes = spec.targets.nodes ? ` on ${spec.targets.nodes.length} nodes` : '';
  const way = spec.direction === 'Back' ? 'back from ' : '';
  const line = `${metadata.name}: ${way}bundle ${bundle}${nodes}, requested by ${spec.requestedBy}`;
  return Buffer.from(line)
    .subarray(0, MAX_SUMMARY)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
