/** `tidegate inventory FLEET`: what every node runs, so that differences stand out. */
import type { Command } from 'commander';
import { readNamed } from '../document-file.ts';
import { renderInventory } from '../render/inventory.ts';
import {
  type CommandContext,
  globalOptions,
  patiently,
  print,
  withClient,
  withExamples,
} from './command.ts';

/** Adds the command `inventory`. */
export function addInventory(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('inventory')
    .description('list what every node of a fleet runs; "*" marks what differs from most nodes')
    .argument('<fleet>', 'Fleet document (a file, or - for standard input), or the name of one')
    .action(async (fleet: string, _options: unknown, self: Command) => {
      const asked = await readNamed('Fleet', fleet, terminal);
      const inventory = await withClient(context, self, (client) =>
        patiently(context, client.inventory(asked)),
      );
      const { table, notes } = renderInventory(inventory, terminal.look);
      const text = globalOptions(self).output === 'text';
      if (!terminal.look.aligned && text && notes !== '') terminal.err(`${notes}\n`);
      const parts = terminal.look.aligned ? [table, notes || 'All nodes agree.'] : [table];
      print(context, self, {
        json: inventory,
        text: () => parts.filter((part) => part !== '').join('\n\n'),
      });
    });
  withExamples(command, [
    'tidegate inventory lab',
    'tidegate inventory examples/fleet.yaml',
    'tidegate inventory lab --output json | jq -r ".nodes[].host.daemons.containerd"',
  ]);
}
