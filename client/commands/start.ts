/** `tidegate start FILE`: starts a rollout, and watches it to its end if asked to. */
import type { Command } from 'commander';
import { readDocument } from '../document-file.ts';
import { EXIT } from '../errors.ts';
import type { RolloutClient, StartedRollout } from '../rollout-client.ts';
import { type CommandContext, patiently, print, withClient, withExamples } from './command.ts';
import { watchRollout } from './watch.ts';

/** Adds the command `start`. */
export function addStart(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('start')
    .description('start a rollout; it plans, then waits for approval of its plan')
    .argument('<file>', 'Rollout document, YAML or JSON; - for standard input')
    .option('--wait', "watch it to its end and exit with its outcome's code", false)
    .action(async (file: string, options: { wait: boolean }, self: Command) => {
      const document = await readDocument('Rollout', file, terminal);
      await withClient(context, self, async (client) => {
        const started = await client.start(document);
        const { rollout, workflowId } = started;
        if (options.wait) {
          terminal.err(`Rollout ${rollout} started (workflow ${workflowId}).\n`);
          context.exitWith(await watchRollout({ context, command: self, client, rollout }));
          return;
        }
        await tellStarted({ client, started, context, command: self });
      });
    });
  command.addHelpText(
    'after',
    '\nReturns once there is a plan, or with the reasons why there is none.',
  );
  withExamples(command, [
    'tidegate start examples/rollouts/containerd-deb12u3.yaml',
    'tidegate start rollout.yaml --wait',
    'render-rollout | tidegate start -',
  ]);
}

interface Told {
  readonly client: RolloutClient;
  readonly started: StartedRollout;
  readonly context: CommandContext;
  readonly command: Command;
}

/** Waits for the plan of a rollout that has just started, and says what comes next. */
export async function tellStarted({ client, started, context, command }: Told): Promise<void> {
  const view = await patiently(context, client.untilPlanned(started.rollout));
  const { status, failure, outcome } = view;
  const { rollout, workflowId } = started;
  print(context, command, {
    json: { ...started, phase: status?.phase ?? view.state, digest: status?.digest },
    text: () => {
      const wait = status?.waitingFor ? `; waits for ${status.waitingFor}` : '';
      const ended = outcome ? `\n${outcome.outcome}: ${outcome.reasons.join('; ')}` : '';
      const look =
        status?.phase === 'AwaitingApproval' ? [`tidegate status ${rollout} --plan`] : [];
      const next = [...look, ...(status?.next ?? [`tidegate status ${rollout}`])];
      const hints = outcome || failure ? '' : `\nNext\n  ${next.join('\n  ')}`;
      return `Rollout ${rollout} started (workflow ${workflowId})${wait}.${ended}${hints}`;
    },
  });
  if (!failure) return;
  context.terminal.err(`Rollout ${rollout}: ${failure.message}\n`);
  context.exitWith(failure.exitCode || EXIT.error);
}
