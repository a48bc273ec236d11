/** Temporal Schedules made from documents: makes, changes, shows and steers them. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  type ScheduleHandle,
  ScheduleNotFoundError,
} from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { SCHEDULED_WORKFLOW, scheduleId, scheduleNameOf } from '../workflows/contract.ts';
import type { Schedule } from '../workflows/domain/spec.ts';
import { reasonOf } from './connection.ts';
import { refused, TidegateError } from './errors.ts';
import { grpcCode } from './explain.ts';
import { readFirings } from './schedule-firings.ts';
import { changeOf, documentOf, firstState, settingsOf } from './schedule-settings.ts';
import { CarefulSchedules } from './schedule-updates.ts';
import {
  type AppliedSchedule,
  entryOf,
  type FiredSchedule,
  firingsOf,
  type ScheduleEntry,
  type ScheduleFiring,
  type ScheduleView,
} from './schedule-view.ts';
import type { Session } from './session.ts';

const CALL_TIMEOUT_MS = 10_000;
/** Temporal drops an update where somebody was quicker. */
const MAX_UPDATES = 4;
/** What is started takes a moment, and so does what it starts. */
const FIRING_WAIT_MS = 20_000;
const FIRING_POLL_MS = 100;
/** Status codes of gRPC. */
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;

/** Who asks for it, and why. */
export interface ScheduleCommand {
  readonly by: string;
  readonly reason?: string | undefined;
}

/** Talks to the Schedules of one namespace. Every method throws TidegateError and nothing else. */
export class Schedules {
  private readonly session: Session;
  private readonly client: CarefulSchedules;

  constructor(session: Session) {
    this.session = session;
    this.client = new CarefulSchedules(session.client);
  }

  /** Makes the Schedule of a document, or changes in place what differs from it. */
  async apply(
    document: Schedule,
    options: { readonly dryRun?: boolean } = {},
  ): Promise<AppliedSchedule> {
    const { name } = document.metadata;
    const dryRun = options.dryRun ? ({ dryRun: true } as const) : {};
    let done: Pick<AppliedSchedule, 'result' | 'differences'> | undefined;
    for (let updates = 0; updates <= MAX_UPDATES; updates++) {
      const there = await this.find(name);
      if (!there) {
        const { paused } = firstState(document);
        const created = { result: 'Created', differences: [] } as const;
        if (options.dryRun) return { schedule: name, ...created, ...dryRun, paused };
        if (await this.create(document)) done = created;
        continue;
      }
      const { differences, state } = changeOf(document, there);
      if (differences.length === 0 || options.dryRun) {
        const result = differences.length === 0 ? 'Unchanged' : 'Updated';
        const [next] = firingsOf(there, document);
        return {
          schedule: name,
          ...(done ?? { result, differences }),
          ...dryRun,
          paused: state.paused,
          ...(next === undefined || differences.length > 0 ? {} : { next }),
        };
      }
      await this.update(document);
      done ??= { result: 'Updated', differences };
    }
    throw new TidegateError(
      `Schedule ${name} is being changed by somebody else at the same time. Apply it again.`,
    );
  }

  /** Removes every Schedule of Tidegate whose name is not among these. */
  async prune(
    keep: readonly string[],
    options: { readonly dryRun?: boolean } = {},
  ): Promise<AppliedSchedule[]> {
    const removed: AppliedSchedule[] = [];
    for (const { schedule, paused } of await this.list()) {
      if (keep.includes(schedule)) continue;
      if (!options.dryRun) await this.delete(schedule);
      const dryRun = options.dryRun ? ({ dryRun: true } as const) : {};
      removed.push({ schedule, result: 'Removed', differences: [], paused, ...dryRun });
    }
    return removed;
  }

  /** Lists the Schedules of Tidegate, by name. */
  async list(): Promise<ScheduleEntry[]> {
    const names: string[] = [];
    await this.session.call(async () => {
      for await (const { scheduleId: id, action } of this.client.list()) {
        const name = scheduleNameOf(id);
        if (name && action?.workflowType === SCHEDULED_WORKFLOW) names.push(name);
      }
    }, CALL_TIMEOUT_MS);
    const found = await Promise.all(names.sort().map((name) => this.find(name)));
    return found.flatMap((there) => (there && entryOf(there)) ?? []);
  }

  /** Returns a Schedule with its next firings and what came of the last ones. */
  async show(schedule: string): Promise<ScheduleView> {
    const { there, document, entry } = await this.require(schedule);
    const { info } = there;
    const recent = await this.session.call(
      () => readFirings(this.session, info.recentActions.toReversed()),
      CALL_TIMEOUT_MS,
    );
    return {
      ...entry,
      scheduleId: there.scheduleId,
      document,
      firings: firingsOf(there, document),
      recent,
      taken: info.numActionsTaken,
      skippedByOverlap: info.numActionsSkippedOverlap,
      missedCatchUp: info.numActionsMissedCatchupWindow,
    };
  }

  /** Lets a Schedule fire no more until it is resumed; what it has started goes on. */
  async pause(schedule: string, { by, reason }: ScheduleCommand): Promise<string> {
    const { entry } = await this.require(schedule);
    if (entry.paused) throw refused(`Schedule ${schedule} is paused already (${entry.note}).`);
    const note = `paused by ${by}${reason ? `: ${reason}` : ''}`;
    await this.about(schedule, (handle) => handle.pause(note));
    return 'it fires no more until it is resumed; what it has started goes on';
  }

  /** Lets a paused Schedule fire again; what it has missed stays missed. */
  async resume(schedule: string, { by, reason }: ScheduleCommand): Promise<string> {
    const { entry } = await this.require(schedule);
    if (!entry.paused) throw refused(`Schedule ${schedule} is not paused.`);
    const note = `resumed by ${by}${reason ? `: ${reason}` : ''}`;
    await this.about(schedule, (handle) => handle.unpause(note));
    const after = await this.require(schedule);
    return `it fires again${after.entry.next ? `, next at ${after.entry.next}` : ''}`;
  }

  /** Fires once, now, unless the firing before still runs. */
  async run(schedule: string): Promise<FiredSchedule> {
    const { there } = await this.require(schedule);
    await this.session.call(() => this.session.requireWorker());
    await this.about(schedule, (handle) => handle.trigger('SKIP'));
    return await this.whatCame(there, 1);
  }

  /** Makes up for the firings between two moments, both included, as if they were due now. */
  async backfill(schedule: string, from: Date, to: Date): Promise<FiredSchedule> {
    if (from > to) throw refused('--from is later than --to.');
    if (to.getTime() > Date.now()) {
      throw refused('--to lies in the future: firings that are still to come, come by themselves.');
    }
    const { there } = await this.require(schedule);
    const asked = await this.firingsBetween(schedule, from, to);
    if (asked === 0) {
      const span = `${from.toISOString()} and ${to.toISOString()}`;
      throw refused(`Schedule ${schedule} has no firing between ${span}.`);
    }
    await this.session.call(() => this.session.requireWorker());
    await this.about(schedule, (handle) => handle.backfill({ start: from, end: to }));
    return await this.whatCame(there, asked);
  }

  /** Removes a Schedule; what it has started goes on. */
  async delete(schedule: string): Promise<void> {
    await this.require(schedule);
    await this.about(schedule, (handle) => handle.delete());
  }

  private async create(document: Schedule): Promise<boolean> {
    const { name } = document.metadata;
    const state = firstState(document);
    try {
      await this.session.call(
        () => this.client.create({ scheduleId: scheduleId(name), ...settingsOf(document), state }),
        CALL_TIMEOUT_MS,
      );
      return true;
    } catch (error) {
      if (causeOf(error) instanceof ScheduleAlreadyRunning) return false;
      throw explained(error, name);
    }
  }

  private async update(document: Schedule): Promise<void> {
    const { name } = document.metadata;
    await this.about(name, (handle) =>
      handle.update((there) => ({
        ...settingsOf(document),
        state: changeOf(document, there).state,
      })),
    );
  }

  private async find(schedule: string): Promise<ScheduleDescription | undefined> {
    try {
      return await this.about(schedule, (handle) => handle.describe());
    } catch (error) {
      if (causeOf(error) instanceof ScheduleNotFoundError) return undefined;
      throw error;
    }
  }

  private async require(schedule: string) {
    const there = await this.find(schedule);
    if (!there) {
      throw refused(
        `There is no Schedule named ${schedule} (namespace ${this.session.namespace}). "tidegate schedule list" shows those there are.`,
      );
    }
    const document = documentOf(there);
    const entry = entryOf(there);
    if (document && entry) return { there, document, entry };
    throw refused(
      `Temporal's Schedule ${there.scheduleId} starts ${there.action.workflowType} and was not made by Tidegate.`,
    );
  }

  private async about<T>(schedule: string, run: (handle: ScheduleHandle) => Promise<T>) {
    const handle = this.client.getHandle(scheduleId(schedule));
    try {
      return await this.session.call(() => run(handle), CALL_TIMEOUT_MS);
    } catch (error) {
      throw explained(error, schedule);
    }
  }

  private async firingsBetween(schedule: string, from: Date, to: Date): Promise<number> {
    const { startTime } = await this.session.call(
      () =>
        this.client.workflowService.listScheduleMatchingTimes({
          namespace: this.session.namespace,
          scheduleId: scheduleId(schedule),
          startTime: msToTs(from.getTime()),
          endTime: msToTs(to.getTime()),
        }),
      CALL_TIMEOUT_MS,
    );
    return startTime.length;
  }

  /** Waits a moment for as many actions as were asked for, and for what came of them. */
  private async whatCame(before: ScheduleDescription, asked: number): Promise<FiredSchedule> {
    const schedule = scheduleNameOf(before.scheduleId) ?? before.scheduleId;
    const known = new Set(before.info.recentActions.map(runOf));
    const deadline = Date.now() + FIRING_WAIT_MS;
    for (;;) {
      const { there } = await this.require(schedule);
      const skipped = there.info.numActionsSkippedOverlap - before.info.numActionsSkippedOverlap;
      const taken = there.info.numActionsTaken - before.info.numActionsTaken;
      const actions = there.info.recentActions.filter((action) => !known.has(runOf(action)));
      const fired: readonly ScheduleFiring[] = await this.session.call(
        () => readFirings(this.session, actions),
        CALL_TIMEOUT_MS,
      );
      const settled = fired.every(({ state }) => state !== 'Running');
      if ((taken + skipped >= asked && settled) || Date.now() > deadline) {
        return { schedule, asked, fired, skippedByOverlap: skipped };
      }
      await sleep(FIRING_POLL_MS);
    }
  }
}

function runOf({ action }: ScheduleDescription['info']['recentActions'][number]): string {
  return action.workflow.firstExecutionRunId;
}

function causeOf(error: unknown): unknown {
  return error instanceof TidegateError ? error.cause : undefined;
}

/** What Temporal will not have in a Schedule is the document's fault, and told in its words. */
function explained(error: unknown, schedule: string): unknown {
  const cause = causeOf(error);
  if (cause instanceof TypeError || grpcCode(cause) === INVALID_ARGUMENT) {
    return refused(`Temporal refuses Schedule ${schedule}: ${reasonOf(cause)}`);
  }
  if (grpcCode(cause) === DEADLINE_EXCEEDED) {
    return new TidegateError(
      `Temporal did not answer in time about Schedule ${schedule}. Ask again.`,
    );
  }
  return error;
}
