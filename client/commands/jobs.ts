/** `tidegate jobs NAME NODE`: what becomes of Jobs that outlast their node's turn. */
import type { Command } from 'commander';
import type { JobChoice } from '../../workflows/contract.ts';
import { refused } from '../errors.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

interface JobsOptions {
  readonly as: string;
  readonly reason?: string;
  readonly wait?: boolean;
  readonly later?: boolean;
  readonly evict?: boolean;
}

/** Adds the command `jobs`. */
export function addJobs(program: Command, context: CommandContext): void {
  const command = program
    .command('jobs')
    .description('answer a node that asks what becomes of its running Jobs')
    .argument('<name>', "the rollout's name")
    .argument('<node>', 'the node that asks')
    .option('--wait', 'wait for them once more, as long as the policy says')
    .option('--later', 'leave the node for later: it comes last')
    .option('--evict', 'evict them now, which ends them')
    .requiredOption('--as <who>', 'who decides; recorded with the decision, not proved')
    .option('--reason <text>', 'why');
  command.action(async (rollout: string, node: string, options: JobsOptions, self: Command) => {
    const choice = choiceOf(options);
    const { as: by, reason } = options;
    const decision = { by, choice, ...(reason === undefined ? {} : { reason }) };
    await withClient(context, self, async (client) => {
      const message = await client.decideJobs(rollout, node, decision);
      const sent = { rollout, node, message };
      print(context, self, { json: sent, text: () => `${node}: ${message}` });
    });
  });
  withExamples(command, [
    'tidegate jobs containerd-1.7.24 east-2 --later --as platform-oncall',
    'tidegate jobs containerd-1.7.24 east-2 --evict --as data-lead --reason "can be repeated"',
  ]);
}

function choiceOf({ wait, later, evict }: JobsOptions): JobChoice {
  const chosen: JobChoice[] = [];
  if (wait) chosen.push('Wait');
  if (later) chosen.push('Later');
  if (evict) chosen.push('Evict');
  const [choice, ...more] = chosen;
  if (choice && more.length === 0) return choice;
  throw refused('Say one of --wait, --later and --evict.');
}
