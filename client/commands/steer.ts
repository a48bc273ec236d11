/** `tidegate pause | resume | stop | rollback NAME`: what people decide about a rollout. */
import type { Command } from 'commander';
import type { RollbackAnswer, RolloutClient } from '../rollout-client.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';
import { tellStarted } from './start.ts';

const NAME = "the rollout's name";
const AS: [string, string] = ['--as <who>', 'who decides; recorded with the decision, not proved'];

interface SteerOptions {
  readonly as: string;
  readonly reason?: string;
  readonly nodes?: string;
}

type Sent = Pick<RollbackAnswer, 'rollout' | 'message' | 'started'>;

/** Adds the commands `pause`, `resume`, `stop` and `rollback`. */
export function addSteering(program: Command, context: CommandContext): void {
  addPause(program, context);
  addResume(program, context);
  addStop(program, context);
  addRollback(program, context);
}

function addPause(program: Command, context: CommandContext): void {
  const command = program
    .command('pause')
    .description('start no further node until it is resumed; the nodes in work are finished first')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.pause(rollout, by(options)),
  }));
  withExamples(command, [
    'tidegate pause containerd-deb12u3 --as platform-oncall --reason "an incident elsewhere"',
    'tidegate resume containerd-deb12u3 --as platform-oncall',
  ]);
}

function addResume(program: Command, context: CommandContext): void {
  const command = program
    .command('resume')
    .description('go on with a rollout that was paused')
    .argument('<name>', NAME)
    .requiredOption(...AS);
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.resume(rollout, by(options)),
  }));
  withExamples(command, ['tidegate resume containerd-deb12u3 --as platform-oncall']);
}

function addStop(program: Command, context: CommandContext): void {
  const command = program
    .command('stop')
    .description('start no further node; the nodes in work are finished first')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.stop(rollout, by(options)),
  }));
  withExamples(command, [
    'tidegate stop containerd-deb12u3 --as platform-oncall --reason "latency alert"',
  ]);
}

function addRollback(program: Command, context: CommandContext): void {
  const command = program
    .command('rollback')
    .description('take updated nodes back, of a running or of a finished rollout')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why')
    .option('--nodes <names>', 'of a finished rollout only these nodes, separated by commas');
  acting(command, context, async (client, rollout, options) => {
    const nodes = options.nodes?.split(',').map((name) => name.trim());
    return await client.rollback(rollout, by(options), nodes);
  });
  command.addHelpText(
    'after',
    '\nA running rollout takes its nodes back itself. For a finished one a new rollout\n' +
      '<name>-back starts, with the versions that the finished one recorded; it has a plan\n' +
      'and needs an approval like any other.',
  );
  withExamples(command, [
    'tidegate rollback containerd-deb12u3 --as platform-oncall --reason "error rate doubled"',
    'tidegate rollback containerd-deb12u3 --as platform-oncall --nodes east-1,east-4',
  ]);
}

function acting(
  command: Command,
  context: CommandContext,
  act: (client: RolloutClient, rollout: string, options: SteerOptions) => Promise<Sent>,
): void {
  command.action(async (rollout: string, options: SteerOptions, self: Command) => {
    await withClient(context, self, async (client) => {
      const { started, ...sent } = await act(client, rollout, options);
      if (started) await tellStarted({ client, started, context, command: self });
      else print(context, self, { json: sent, text: () => `${sent.rollout}: ${sent.message}` });
    });
  });
}

function by({ as, reason }: SteerOptions): { by: string; reason?: string } {
  return { by: as, ...(reason === undefined ? {} : { reason }) };
}
