/** The command line as a function: arguments in, exit code out. */
import { Command, CommanderError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addChat } from './commands/chat.ts';
import type { CommandContext } from './commands/command.ts';
import { addInventory } from './commands/inventory.ts';
import { addJobs } from './commands/jobs.ts';
import { addLedger } from './commands/ledger.ts';
import { addNodes } from './commands/nodes.ts';
import { addOutcomes } from './commands/outcomes.ts';
import { addPlan } from './commands/plan.ts';
import { addReplan } from './commands/replan.ts';
import { addReport } from './commands/report.ts';
import { addSchedule } from './commands/schedule.ts';
import { addSchema } from './commands/schema.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addSteering } from './commands/steer.ts';
import { addValidate } from './commands/validate.ts';
import { addVoting } from './commands/vote.ts';
import { addWatch } from './commands/watch.ts';
import { addOverride, addWindows } from './commands/windows.ts';
import { EXIT, TidegateError } from './errors.ts';
import { paint, printable } from './render/look.ts';
import { checkFormat, FORMATS } from './report/write.ts';
import type { Terminal } from './terminal.ts';

const AFTER_HELP = `
Exit codes:
  0    done; for "watch" and "start --wait": the rollout Succeeded
  1    the world is at fault: Temporal or a worker does not answer, a host is unreachable
  2    the rollout ended as Halted, RolledBack or Rejected
  3    the input is refused: an argument, a document, a plan, or a vote
  130  interrupted; a running rollout goes on

Connection, as for Temporal's own command line: --address, --namespace, --profile, or
TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and the other TEMPORAL_* variables.

A first rollout:
  tidegate plan examples/rollouts/containerd-deb12u3.yaml
  tidegate start examples/rollouts/containerd-deb12u3.yaml
  tidegate approve containerd-deb12u3 --digest sha256:... --as sre-lead
  tidegate watch containerd-deb12u3`;

/** Runs one command; returns the exit code and never throws. */
export async function runProgram(
  argv: readonly string[],
  options: { readonly terminal: Terminal; readonly connect?: CommandContext['connect'] },
): Promise<number> {
  const { terminal } = options;
  let exitCode: number = EXIT.ok;
  const program = buildProgram({
    terminal,
    connect: options.connect ?? connectForReal,
    exitWith: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return tell(error, terminal);
  }
}

async function connectForReal(options: Parameters<CommandContext['connect']>[0]) {
  const { RolloutClient } = await import('./rollout-client.ts');
  return await RolloutClient.connect(options);
}

function buildProgram(context: CommandContext): Command {
  const { terminal } = context;
  const program = new Command('tidegate')
    .description('Rolls container-runtime updates through fleets of Kubernetes nodes.')
    .addOption(
      new Option('--output <format>', 'format of results').choices(FORMATS).default('text'),
    )
    .option('--profile <name>', "profile of Temporal's configuration file")
    .option('--address <host:port>', 'where Temporal listens')
    .option('--namespace <name>', "Temporal's namespace")
    .version(manifest.version)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => terminal.look.width,
      getErrHelpWidth: () => terminal.errLook.width,
    })
    .exitOverride()
    .hook('preAction', (_program, command) => checkFormat(command))
    .showHelpAfterError('Try "tidegate --help", or --help after a command.')
    .addHelpText('after', AFTER_HELP);
  addPlan(program, context);
  addStart(program, context);
  addStatus(program, context);
  addWatch(program, context);
  addVoting(program, context);
  addReplan(program, context);
  addSteering(program, context);
  addNodes(program, context);
  addJobs(program, context);
  addOverride(program, context);
  addValidate(program, context);
  addWindows(program, context);
  addInventory(program, context);
  addSchedule(program, context);
  addLedger(program, context);
  addReport(program, context);
  addOutcomes(program, context);
  addSchema(program, context);
  addChat(program, context);
  return program;
}

function tell(error: unknown, { err, errLook }: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.refused;
  if (error instanceof TidegateError) {
    err(`${paint('error:', 'red', errLook)} ${printable(error.message)}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  err(`${paint('error:', 'red', errLook)} this is a bug of Tidegate: ${text}\n`);
  return EXIT.error;
}
