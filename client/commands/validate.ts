/** `tidegate validate BUNDLE`: updates one node, drives it before and after, and judges what it shows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ValidationInput, ValidationOutcome } from '../../workflows/contract.ts';
import { readNamed } from '../document-file.ts';
import { EXIT } from '../errors.ts';
import { renderValidation } from '../render/validation.ts';
import type { RolloutClient } from '../rollout-client.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

const INTERVAL_MS = 1000;

interface ValidateOptions {
  readonly node: string;
  readonly control?: string;
  readonly fleet: string;
  readonly policy: string;
  readonly as: string;
  readonly reason: string;
  readonly name?: string;
  readonly putBack: boolean;
}

/** Adds the command `validate`. */
export function addValidate(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('validate')
    .description('update one node, measure it idle and under load before and after, and judge that')
    .argument('<bundle>', 'Bundle document (a file, or - for standard input), or the name of one')
    .requiredOption('--node <name>', 'the node that is updated: one of a lab, or a canary')
    .option(
      '--control <name>',
      'a node of the same cluster that is driven the same and left as it is',
    )
    .requiredOption('--fleet <fleet>', 'Fleet document, or the name of one')
    .requiredOption('--policy <policy>', 'Policy document with `analysis`, or the name of one')
    .requiredOption('--as <who>', 'who asks for it')
    .option('--reason <why>', 'why', 'validation of the bundle')
    .option('--name <name>', 'what it is called; default: validate-<bundle>')
    .option('--put-back', 'take the node back to where it was at the end', false)
    .action(async (bundle: string, options: ValidateOptions, self: Command) => {
      const input = await inputOf(bundle, options, terminal);
      await withClient(context, self, async (client) => {
        const { workflowId } = await client.validations.start(input);
        terminal.err(`Validation ${input.name} started (workflow ${workflowId}).\n`);
        const outcome = await untilEnded(client, input.name, terminal);
        print(context, self, {
          json: outcome,
          text: () => renderValidation(outcome, terminal.look),
        });
        if (outcome.verdict !== 'Pass') context.exitWith(EXIT.notSucceeded);
      });
    });
  command.addHelpText(
    'after',
    `
The node is updated by a rollout of the validation's name, under the policy's rules: where it asks
for approval, somebody else approves. What was found is shown with every plan of the same bundle, and
is what "analysis.validation: Require" asks for. Exit code 0 for Pass, 2 for any other verdict.
Interrupting this command does not stop the validation.`,
  );
  withExamples(command, [
    'tidegate validate containerd-deb12u3 --fleet lab --policy measured --node east-1 --control east-2 --as ada',
    'tidegate validate bundle.yaml --fleet lab --policy measured --node east-1 --put-back --as ada',
  ]);
}

async function inputOf(
  argument: string,
  options: ValidateOptions,
  terminal: Terminal,
): Promise<ValidationInput> {
  const bundle = await readNamed('Bundle', argument, terminal);
  const called = typeof bundle === 'string' ? bundle : bundle.metadata.name;
  const { node, control, as: requestedBy, reason, putBack } = options;
  return {
    name: options.name ?? `validate-${called}`,
    bundle,
    fleet: await readNamed('Fleet', options.fleet, terminal),
    policy: await readNamed('Policy', options.policy, terminal),
    ...{ node, requestedBy, reason, putBack },
    ...(control === undefined ? {} : { control }),
  };
}

/** Tells each change of what it does, on standard error. */
async function untilEnded(
  client: RolloutClient,
  name: string,
  terminal: Terminal,
): Promise<ValidationOutcome> {
  for (let told = ''; ; ) {
    const view = await client.validations.look(name);
    if (view.kind === 'Ended') return view.outcome;
    const { phase, detail } = view.status;
    const now = `${phase}: ${detail}`;
    if (now !== told) terminal.err(`${now}\n`);
    told = now;
    await sleep(INTERVAL_MS);
  }
}
