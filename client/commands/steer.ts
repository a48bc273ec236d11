/** `tidegate approve | reject | pause | resume | stop | rollback NAME`: what people decide about a rollout. */
import type { Command } from 'commander';
import type { RollbackAnswer, RolloutClient } from '../rollout-client.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';
import { tellStarted } from './start.ts';

const NAME = "the rollout's name";
const AS: [string, string] = ['--as <who>', 'who decides; recorded with the decision, not proved'];

interface SteerOptions {
  readonly as: string;
  readonly reason?: string;
  readonly digest?: string;
  readonly nodes?: string;
}

type Sent = Pick<RollbackAnswer, 'rollout' | 'message' | 'started'>;

/** Adds the commands `approve`, `reject`, `pause`, `resume`, `stop` and `rollback`. */
export function addSteering(program: Command, context: CommandContext): void {
  addApprove(program, context);
  addReject(program, context);
  addPause(program, context);
  addResume(program, context);
  addStop(program, context);
  addRollback(program, context);
}

function addApprove(program: Command, context: CommandContext): void {
  const command = program
    .command('approve')
    .description('approve the plan of a rollout; the digest says which plan was looked at')
    .argument('<name>', NAME)
    .requiredOption('--digest <digest>', "the plan's digest, or its first 12 or more digits")
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  acting(command, context, async (client, rollout, options) => {
    const { digest } = options;
    const vote = { ...by(options), ...(digest === undefined ? {} : { digest }) };
    return { rollout, message: await client.approve(rollout, vote) };
  });
  withExamples(command, [
    'tidegate status containerd-deb12u3 --plan',
    'tidegate approve containerd-deb12u3 --digest sha256:3f5a... --as sre-lead',
  ]);
}

function addReject(program: Command, context: CommandContext): void {
  const command = program
    .command('reject')
    .description('reject the plan of a rollout, which ends it before any node is touched')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .requiredOption('--reason <text>', 'why');
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.reject(rollout, by(options)),
  }));
  withExamples(command, [
    'tidegate reject containerd-deb12u3 --as sre-lead --reason "freeze until Monday"',
  ]);
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
