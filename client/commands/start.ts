/** `tidegate start FILE`: starts a rollout, and waits for its end if asked to. */
import type { Command } from 'commander';
import { readDocument } from '../document-file.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';
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
        const next = [`tidegate watch ${rollout}`, `tidegate status ${rollout} --plan`];
        print(context, self, {
          json: started,
          text: () =>
            `Rollout ${rollout} started (workflow ${workflowId}).\nNext\n  ${next.join('\n  ')}`,
        });
      });
    });
  withExamples(command, [
    'tidegate start examples/rollouts/containerd-deb12u3.yaml',
    'tidegate start rollout.yaml --wait',
    'render-rollout | tidegate start -',
  ]);
}
