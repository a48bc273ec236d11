/** `tidegate skip | retry NAME`: single nodes that are left out or tried again. */
import type { Command } from 'commander';
import { type CommandContext, withExamples } from './command.ts';
import { AS, acting, by, NAME, type SteerOptions } from './steer.ts';

interface SkipOptions extends SteerOptions {
  readonly node: string;
}

interface RetryOptions extends SteerOptions {
  readonly node?: readonly string[];
}

/** Adds the commands `skip` and `retry`. */
export function addNodes(program: Command, context: CommandContext): void {
  addSkip(program, context);
  addRetry(program, context);
}

function addSkip(program: Command, context: CommandContext): void {
  const command = program
    .command('skip')
    .description('leave out a node that has not started; it stays as it is')
    .argument('<name>', NAME)
    .requiredOption('--node <node>', 'the node, or CLUSTER/NODE')
    .requiredOption(...AS)
    .requiredOption('--reason <text>', 'why; stands in the report');
  acting<SkipOptions>(command, context, async (client, rollout, options) => {
    const { node } = options;
    return { rollout, message: await client.skipNode(rollout, { ...by(options), node }) };
  });
  withExamples(command, [
    'tidegate skip containerd-deb12u3 --node east-4 --as platform-oncall --reason "a demo runs there"',
  ]);
}

function addRetry(program: Command, context: CommandContext): void {
  const command = program
    .command('retry')
    .description('try nodes again that were put back or left, by the same plan')
    .argument('<name>', NAME)
    .option('--node <node...>', 'the nodes, or CLUSTER/NODE; default: those that were put back')
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  acting<RetryOptions>(command, context, async (client, rollout, options) =>
    client.retry(rollout, by(options), options.node),
  );
  command.addHelpText(
    'after',
    '\nA running rollout tries them before its next wave. For a finished one a new rollout\n' +
      '<name>-retry-1 starts, with the versions and the policy that the finished one recorded;\n' +
      'it has a plan and needs an approval like any other.',
  );
  withExamples(command, [
    'tidegate retry containerd-deb12u3 --node east-4 --as platform-oncall',
    'tidegate retry containerd-deb12u3 --as platform-oncall',
  ]);
}
