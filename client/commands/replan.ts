/** `tidegate replan NAME`: looks anew at what waits at a gate. */
import type { Command } from 'commander';
import { type CommandContext, withExamples } from './command.ts';
import { AS, acting, by, NAME } from './steer.ts';

/** Adds the command `replan`. */
export function addReplan(program: Command, context: CommandContext): void {
  const command = program
    .command('replan')
    .description('look anew at a gate: at the plan before the canary, later at the evidence')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  acting(command, context, async (client, rollout, options) => ({
    rollout,
    message: await client.replan(rollout, by(options)),
  }));
  withExamples(command, ['tidegate replan containerd-deb12u3 --as platform-oncall']);
}
