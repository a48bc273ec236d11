/** `tidegate pause | resume | stop | rollback NAME`: what people decide about a rollout. */
import { type Command, Option } from 'commander';
import type { StopMode } from '../../workflows/contract.ts';
import type { RollbackAnswer, RolloutClient } from '../rollout-client.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';
import { tellStarted } from './start.ts';

export const NAME = "the rollout's name";
export const AS: [string, string] = [
  '--as <who>',
  'who decides; recorded with the decision, not proved',
];

/** What the stronger stops contradict. */
const LATER = ['afterNode', 'afterWave'];

export interface SteerOptions {
  readonly as: string;
  readonly reason?: string;
  readonly now?: boolean;
  readonly afterWave?: boolean;
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
    .description('end a rollout: now, after the nodes in work or after their wave')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why')
    .addOption(
      new Option('--now', 'put the nodes in work back as they were found').conflicts(LATER),
    )
    .addOption(new Option('--after-node', 'finish the nodes in work first (default)'))
    .addOption(
      new Option('--after-wave', 'finish the wave that runs first, with its soak').conflicts(
        'afterNode',
      ),
    );
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.stop(rollout, { ...by(options), mode: modeOf(options) }),
  }));
  command.addHelpText(
    'after',
    '\nWhat each leaves behind, wherever the rollout is: docs/control.md. A stronger stop may\n' +
      'follow a weaker one, and so may a rollback.',
  );
  withExamples(command, [
    'tidegate stop containerd-deb12u3 --as platform-oncall --reason "latency alert"',
    'tidegate stop containerd-deb12u3 --as platform-oncall --now',
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

function modeOf({ now, afterWave }: SteerOptions): StopMode {
  if (now) return 'Now';
  return afterWave ? 'AfterWave' : 'AfterNode';
}

/** Sends what a command says, and shows the answer or what has started because of it. */
export function acting<T extends SteerOptions>(
  command: Command,
  context: CommandContext,
  act: (client: RolloutClient, rollout: string, options: T) => Promise<Sent>,
): void {
  command.action(async (rollout: string, options: T, self: Command) => {
    await withClient(context, self, async (client) => {
      const { started, ...sent } = await act(client, rollout, options);
      if (started) await tellStarted({ client, started, context, command: self });
      else print(context, self, { json: sent, text: () => `${sent.rollout}: ${sent.message}` });
    });
  });
}

/** Returns who says it and why. */
export function by({ as, reason }: SteerOptions): { by: string; reason?: string } {
  return { by: as, ...(reason === undefined ? {} : { reason }) };
}
