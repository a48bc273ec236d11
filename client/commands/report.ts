/** `tidegate report NAME`: what happened in a rollout and what proves it, from the ledger alone. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { buildReport } from '../../workflows/domain/report.ts';
import { refused, TidegateError } from '../errors.ts';
import { type LedgerSource, ledgerEntries } from '../ledger-source.ts';
import { counted, PLAIN } from '../render/look.ts';
import { reportDocument } from '../report/report-document.ts';
import { formatOf, written } from '../report/write.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, withExamples } from './command.ts';

interface ReportOptions extends LedgerSource {
  readonly run?: string;
  readonly out?: string;
}

/** Adds the command `report`. */
export function addReport(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('report')
    .description('report on a rollout from the ledger: as text, markdown, json or html')
    .argument('<name>', 'name of the rollout')
    .option('--run <id>', 'a run of that name; default: the newest one')
    .option('--out <file>', 'write the report into this file')
    .option('--ledger <url>', "where the ledger is; default: TIDEGATE_LEDGER, or the worker's own")
    .option('--from <file>', 'read an export of the ledger (JSON lines, or - for standard input)')
    .action(async (name: string, options: ReportOptions, self: Command) => {
      const entries = await ledgerEntries({ source: options, filter: { rollout: name }, terminal });
      const { run } = options;
      const answer = buildReport(entries, { rollout: name, ...(run === undefined ? {} : { run }) });
      if (answer.kind === 'Unknown') throw unknown(name, answer, run);
      const text = written({
        ...{ format: formatOf(self), json: answer.report },
        document: reportDocument(answer.report),
        // A file is no terminal: it gets no colours.
        look: options.out === undefined ? terminal.look : PLAIN,
      });
      await put(text, options.out, terminal);
    });
  withExamples(command, [
    'tidegate report containerd-deb12u3',
    'tidegate report containerd-deb12u3 --output html --out report.html',
    'tidegate report containerd-deb12u3 --from ledger.jsonl --output markdown',
  ]);
}

/** Writes to the file where one is named, else to the terminal. */
export async function put(
  text: string,
  file: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (file === undefined) {
    terminal.out(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new TidegateError(`${file} can't be written: ${(error as Error).message}`);
  }
  terminal.err(`wrote ${file}\n`);
}

function unknown(
  name: string,
  known: { readonly rollouts: readonly string[]; readonly runs: readonly string[] },
  run: string | undefined,
): TidegateError {
  if (run !== undefined && known.runs.length > 0) {
    return refused(`The ledger has no run ${run} of ${name}; it has ${known.runs.join(', ')}.`);
  }
  const { rollouts } = known;
  const others =
    rollouts.length > 0
      ? ` What was read is of ${counted(rollouts.length, 'other rollout')}: ${rollouts.slice(0, 10).join(', ')}.`
      : '';
  return refused(`The ledger knows no rollout ${name}.${others}`);
}
