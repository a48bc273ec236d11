/** `tidegate status [NAME]`: what a rollout does and waits for, or the list of all. */
import type { Command } from 'commander';
import { renderList } from '../render/list.ts';
import { renderPlan } from '../render/plan.ts';
import { renderStatus } from '../render/status.ts';
import type { RolloutClient } from '../rollout-client.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

interface StatusOptions {
  readonly plan: boolean;
}

/** Adds the command `status`. */
export function addStatus(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .description('show what a rollout does and waits for; without a name, list all rollouts')
    .argument('[name]', "the rollout's name")
    .option('--plan', 'show the plan that the rollout recorded, with its digest', false)
    .action(async (name: string | undefined, options: StatusOptions, self: Command) => {
      await withClient(context, self, async (client) => {
        if (name === undefined) await list(client, context, self);
        else if (options.plan) await plan(client, name, context, self);
        else await one(client, name, context, self);
      });
    });
  withExamples(command, [
    'tidegate status',
    'tidegate status containerd-deb12u3',
    'tidegate status containerd-deb12u3 --plan',
    'tidegate status containerd-deb12u3 --output json | jq -r .status.phase',
  ]);
}

async function list(client: RolloutClient, context: CommandContext, self: Command): Promise<void> {
  const { look, now, err } = context.terminal;
  const entries = await client.list();
  if (entries.length === 0) err('No rollout was started yet.\n');
  print(context, self, { json: entries, text: () => renderList(entries, now(), look) });
}

async function plan(
  client: RolloutClient,
  name: string,
  context: CommandContext,
  self: Command,
): Promise<void> {
  const view = await client.status(name);
  const result = await client.planOf(name);
  const waits = view.status?.phase === 'AwaitingApproval';
  const hints = { next: waits ? (view.status?.next ?? []) : [] };
  const { look } = context.terminal;
  print(context, self, { json: result, text: () => renderPlan(result, hints, look) });
}

async function one(
  client: RolloutClient,
  name: string,
  context: CommandContext,
  self: Command,
): Promise<void> {
  const { look, now } = context.terminal;
  const view = await client.status(name);
  print(context, self, { json: view, text: () => renderStatus(view, now(), look) });
}
