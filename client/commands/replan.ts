/** `tidegate replan NAME`: looks anew at what waits at a gate. */
import type { Command } from 'commander';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

/** Adds the command `replan`. */
export function addReplan(program: Command, context: CommandContext): void {
  const command = program
    .command('replan')
    .description('look anew at a gate: at the plan before the canary, later at the evidence')
    .argument('<name>', "the rollout's name")
    .requiredOption('--as <who>', 'who asks; recorded, not proved')
    .option('--reason <text>', 'why');
  command.action(
    async (rollout: string, options: { as: string; reason?: string }, self: Command) => {
      await withClient(context, self, async (client) => {
        const { as, reason } = options;
        const message = await client.replan(rollout, { by: as, ...(reason ? { reason } : {}) });
        print(context, self, { json: { rollout, message }, text: () => `${rollout}: ${message}` });
      });
    },
  );
  withExamples(command, ['tidegate replan containerd-deb12u3 --as platform-oncall']);
}
