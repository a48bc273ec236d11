/** `tidegate schedule apply | list | show | pause | resume | run | backfill | delete`. */
import type { Command } from 'commander';
import type { Schedule } from '../../workflows/domain/spec.ts';
import { readDocument } from '../document-file.ts';
import { EXIT, refused } from '../errors.ts';
import { renderApplied, renderFired, renderSchedule, renderSchedules } from '../render/schedule.ts';
import type { RolloutClient } from '../rollout-client.ts';
import type { AppliedSchedule, FiredSchedule } from '../schedule-view.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

const NAME = "the Schedule's name";
const AS: [string, string] = ['--as <who>', 'who decides; recorded with the Schedule, not proved'];

/** Adds the command `schedule` with its own commands. */
export function addSchedule(program: Command, context: CommandContext): void {
  const schedule = program
    .command('schedule')
    .description('make, change and steer Temporal Schedules that start rollouts by themselves');
  addApply(schedule, context);
  addList(schedule, context);
  addShow(schedule, context);
  addPause(schedule, context);
  addResume(schedule, context);
  addRun(schedule, context);
  addBackfill(schedule, context);
  addDelete(schedule, context);
  withExamples(schedule, [
    'tidegate schedule apply examples/schedules/weekly-containerd.yaml',
    'tidegate schedule list',
    'tidegate schedule show weekly-containerd',
  ]);
}

interface ApplyOptions {
  readonly prune: boolean;
  readonly dryRun: boolean;
}

function addApply(schedule: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = schedule
    .command('apply')
    .description('make the Schedules of documents, or change in place what differs')
    .argument('<files...>', 'Schedule documents, YAML or JSON; - for standard input')
    .option('--prune', "remove Tidegate's other Schedules, which are in none of the files", false)
    .option('--dry-run', 'change nothing, and say what would be', false)
    .action(async (files: string[], options: ApplyOptions, self: Command) => {
      const documents: Schedule[] = [];
      for (const file of files) documents.push(await readDocument('Schedule', file, terminal));
      refuseTwice(documents, files);
      const done: AppliedSchedule[] = [];
      const tell = () =>
        print(context, self, { json: done, text: () => renderApplied(done, terminal.look) });
      await withClient(context, self, async ({ schedules }) => {
        try {
          for (const document of documents) done.push(await schedules.apply(document, options));
          const names = documents.map(({ metadata }) => metadata.name);
          if (options.prune) done.push(...(await schedules.prune(names, options)));
        } catch (error) {
          if (done.length > 0) tell();
          throw error;
        }
      });
      tell();
    });
  command.addHelpText(
    'after',
    "\nA person's pause is kept, unless the document says paused: true or false.\n" +
      'A Schedule fires on the server: no file and no command line is needed any more.',
  );
  withExamples(command, [
    'tidegate schedule apply examples/schedules/weekly-containerd.yaml',
    'tidegate schedule apply schedules/*.yaml --prune --dry-run',
    'render-schedule | tidegate schedule apply -',
  ]);
}

function refuseTwice(documents: readonly Schedule[], files: readonly string[]): void {
  const names = documents.map(({ metadata }) => metadata.name);
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first === index) continue;
    throw refused(`Schedule ${name} is in both ${files[first]} and ${files[index]}.`);
  }
}

function addList(schedule: Command, context: CommandContext): void {
  const { look, err } = context.terminal;
  const command = schedule
    .command('list')
    .description('list all Schedules: what they start, when, and which are paused')
    .action(async (_options: unknown, self: Command) => {
      await withClient(context, self, async ({ schedules }) => {
        const entries = await schedules.list();
        if (entries.length === 0) err('There is no Schedule yet.\n');
        print(context, self, { json: entries, text: () => renderSchedules(entries, look) });
      });
    });
  withExamples(command, [
    'tidegate schedule list',
    'tidegate schedule list --output json | jq -r ".[] | select(.paused) | .schedule"',
  ]);
}

function addShow(schedule: Command, context: CommandContext): void {
  const { look, now } = context.terminal;
  const command = schedule
    .command('show')
    .description('show one Schedule: its next ten firings, and what came of the last ones')
    .argument('<name>', NAME)
    .action(async (name: string, _options: unknown, self: Command) => {
      await withClient(context, self, async ({ schedules }) => {
        const view = await schedules.show(name);
        print(context, self, { json: view, text: () => renderSchedule(view, now(), look) });
      });
    });
  withExamples(command, [
    'tidegate schedule show weekly-containerd',
    'tidegate schedule show weekly-containerd --output json | jq -r ".firings[]"',
  ]);
}

interface SteerOptions {
  readonly as: string;
  readonly reason?: string;
}

function addPause(schedule: Command, context: CommandContext): void {
  const command = schedule
    .command('pause')
    .description('let it fire no more until it is resumed; what it has started goes on')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .requiredOption('--reason <text>', 'why; stands beside the Schedule on every screen');
  steering(command, context, ({ schedules }, name, options) =>
    schedules.pause(name, { by: options.as, reason: options.reason }),
  );
  withExamples(command, [
    'tidegate schedule pause weekly-containerd --as sre-lead --reason "release week"',
  ]);
}

function addResume(schedule: Command, context: CommandContext): void {
  const command = schedule
    .command('resume')
    .description('let a paused Schedule fire again; what it has missed stays missed')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  steering(command, context, ({ schedules }, name, options) =>
    schedules.resume(name, { by: options.as, reason: options.reason }),
  );
  withExamples(command, ['tidegate schedule resume weekly-containerd --as sre-lead']);
}

function addDelete(schedule: Command, context: CommandContext): void {
  const command = schedule
    .command('delete')
    .description('remove a Schedule; what it has started goes on')
    .argument('<name>', NAME);
  steering(command, context, async ({ schedules }, name) => {
    await schedules.delete(name);
    return 'removed; what it has started goes on';
  });
  withExamples(command, ['tidegate schedule delete weekly-containerd']);
}

function steering(
  command: Command,
  context: CommandContext,
  act: (client: RolloutClient, name: string, options: SteerOptions) => Promise<string>,
): void {
  command.action(async (name: string, options: SteerOptions, self: Command) => {
    await withClient(context, self, async (client) => {
      const sent = { schedule: name, message: await act(client, name, options) };
      print(context, self, { json: sent, text: () => `${name}: ${sent.message}` });
    });
  });
}

function addRun(schedule: Command, context: CommandContext): void {
  const command = schedule
    .command('run')
    .description('fire once, now, whether it is paused or not')
    .argument('<name>', NAME)
    .action(async (name: string, _options: unknown, self: Command) => {
      await firing(context, self, ({ schedules }) => schedules.run(name));
    });
  withExamples(command, ['tidegate schedule run weekly-containerd']);
}

function addBackfill(schedule: Command, context: CommandContext): void {
  const command = schedule
    .command('backfill')
    .description('make up for the firings of a past span of time, as if they were due now')
    .argument('<name>', NAME)
    .requiredOption('--from <time>', 'beginning, RFC 3339 with an offset or "Z"')
    .requiredOption('--to <time>', 'end, the same')
    .action(async (name: string, options: { from: string; to: string }, self: Command) => {
      const [from, to] = [moment('--from', options.from), moment('--to', options.to)];
      await firing(context, self, ({ schedules }) => schedules.backfill(name, from, to));
    });
  command.addHelpText(
    'after',
    '\nOf one rollout never two run at once, so of several firings one starts it.',
  );
  withExamples(command, [
    'tidegate schedule backfill weekly-containerd --from 2026-11-24T00:00:00Z --to 2026-11-25T00:00:00Z',
  ]);
}

/** A time without an offset would mean another one on another machine. */
function moment(option: string, text: string): Date {
  const known = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const at = new Date(known ? text : Number.NaN);
  if (!Number.isNaN(at.getTime())) return at;
  throw refused(
    `${option}: expected a time such as "2026-11-24T21:30:00+01:00", found ${JSON.stringify(text)}`,
  );
}

async function firing(
  context: CommandContext,
  command: Command,
  fire: (client: RolloutClient) => Promise<FiredSchedule>,
): Promise<void> {
  await withClient(context, command, async (client) => {
    const fired = await fire(client);
    print(context, command, { json: fired, text: () => renderFired(fired) });
    if (fired.fired.some(({ failure }) => failure !== undefined)) context.exitWith(EXIT.error);
  });
}
