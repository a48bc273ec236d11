/** `tidegate plan FILE`: shows what a rollout would do, and touches nothing. */
import type { Command } from 'commander';
import { readDocument } from '../document-file.ts';
import { renderPlan } from '../render/plan.ts';
import { type CommandContext, patiently, print, withClient, withExamples } from './command.ts';

/** Adds the command `plan`. */
export function addPlan(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('plan')
    .description('show what a rollout would do: who, when, from, to, what it disturbs')
    .argument('<file>', 'Rollout document, YAML or JSON; - for standard input')
    .action(async (file: string, _options: unknown, self: Command) => {
      const document = await readDocument('Rollout', file, terminal);
      const result = await withClient(context, self, (client) =>
        patiently(context, client.plan(document)),
      );
      const { name } = document.metadata;
      const next = [
        `tidegate start ${file}`,
        `tidegate approve ${name} --digest ${result.approve ?? result.plan.digest} --as WHO`,
      ];
      const hints = { next: result.plan.waves.length > 0 ? next : [] };
      print(context, self, {
        json: result,
        text: () => renderPlan(result, hints, terminal.look),
      });
    });
  withExamples(command, [
    'tidegate plan examples/rollouts/containerd-deb12u3.yaml',
    'tidegate plan rollout.json --output json | jq -r .plan.digest',
  ]);
}
