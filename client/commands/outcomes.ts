/** `tidegate outcomes --since 90d`: what all rollouts of a time have come to, from the ledger alone. */
import { type Command, InvalidArgumentError } from 'commander';
import { measureOutcomes, OUTCOME_KINDS } from '../../workflows/domain/outcomes.ts';
import { readDocument } from '../document-file.ts';
import { type LedgerSource, ledgerEntries } from '../ledger-source.ts';
import { PLAIN } from '../render/look.ts';
import { outcomesDocument } from '../report/outcomes-document.ts';
import { formatOf, written } from '../report/write.ts';
import { type CommandContext, withExamples } from './command.ts';
import { put } from './report.ts';

const DAY_MS = 86_400_000;

interface OutcomesOptions extends LedgerSource {
  readonly since: Since;
  readonly policy?: string;
  readonly out?: string;
}

/** Days before now, or a day. */
type Since = { readonly days: number } | { readonly day: string };

/** Adds the command `outcomes`. */
export function addOutcomes(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('outcomes')
    .description('measure all rollouts of a time: coverage, times to patch, failures, exceptions')
    .option('--since <days>', 'e.g. "90d", or a day such as 2026-09-01', parseSince, { days: 90 })
    .option('--policy <file>', 'Policy document whose exceptions are listed as well')
    .option('--out <file>', 'write the result into this file')
    .option('--ledger <url>', "where the ledger is; default: TIDEGATE_LEDGER, or the worker's own")
    .option('--from <file>', 'read an export of the ledger (JSON lines, or - for standard input)')
    .action(async (options: OutcomesOptions, self: Command) => {
      const { policy: file, out } = options;
      const policy = file === undefined ? undefined : await readDocument('Policy', file, terminal);
      const filter = { kinds: OUTCOME_KINDS };
      const entries = await ledgerEntries({ source: options, filter, terminal });
      const nowMs = terminal.now();
      const outcomes = measureOutcomes(entries, {
        since: sinceAt(options.since, nowMs),
        now: new Date(nowMs).toISOString(),
        ...(policy ? { policy } : {}),
      });
      const text = written({
        ...{ format: formatOf(self), json: outcomes },
        document: outcomesDocument(outcomes),
        look: out === undefined ? terminal.look : PLAIN,
      });
      await put(text, out, terminal);
    });
  withExamples(command, [
    'tidegate outcomes --since 90d',
    'tidegate outcomes --since 2026-09-01 --output markdown --out outcomes.md',
    'tidegate outcomes --policy examples/policy.yaml --output json | jq .changes',
  ]);
}

function parseSince(text: string): Since {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined) return { days: Number(days) };
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  if (isDay) return { day: text };
  throw new InvalidArgumentError('Expected days such as "90d", or a day such as 2026-09-01.');
}

function sinceAt(since: Since, nowMs: number): string {
  const ms = 'days' in since ? nowMs - since.days * DAY_MS : Date.parse(since.day);
  return new Date(ms).toISOString();
}
