/** `tidegate ledger verify | export | anchor | status`: reads the ledger; changes nothing in it. */
import { access, constants, readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { signAnchor } from '../../ledger/anchors.ts';
import { LedgerSettingError, LedgerUnavailableError } from '../../ledger/errors.ts';
import type { EntryFilter, Ledger } from '../../ledger/reader.ts';
import { ledgerName } from '../../ledger/settings.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import { LEDGER_KINDS, type LedgerKind } from '../../workflows/contract.ts';
import { EXIT, refused, TidegateError } from '../errors.ts';
import { renderLedgerStatus, renderVerdict } from '../render/ledger.ts';
import { type CommandContext, print, withExamples } from './command.ts';

interface Where {
  readonly ledger?: string;
}

/** Adds the command `ledger` with its own commands. */
export function addLedger(program: Command, context: CommandContext): void {
  const ledger = program
    .command('ledger')
    .description('check and read the record of everything that was decided and done');
  addVerify(ledger, context);
  addExport(ledger, context);
  addAnchor(ledger, context);
  addStatus(ledger, context);
  withExamples(ledger, [
    'tidegate ledger verify',
    'tidegate ledger export --rollout containerd-deb12u3 >containerd-deb12u3.jsonl',
    'tidegate ledger anchor --key ~/.ssh/id_ed25519 >>/mnt/elsewhere/anchors.jsonl',
  ]);
}

interface VerifyOptions extends Where {
  readonly anchors?: string;
  readonly signers?: string;
}

function addVerify(ledger: Command, context: CommandContext): void {
  const command = withLedger(ledger.command('verify'))
    .description('find the first record that was changed, removed, moved or put in')
    .option('--anchors <file>', 'signed heads that were kept elsewhere, one JSON line each')
    .option('--signers <file>', 'allowed_signers file of OpenSSH: whose anchors count')
    .action(async (options: VerifyOptions, self: Command) => {
      const anchors = await anchorsIn(options);
      const verdict = await reading(options, (open) => verifyLedger(open, anchors));
      const { look } = context.terminal;
      print(context, self, { json: verdict, text: () => renderVerdict(verdict, look) });
      if (!verdict.sound) context.exitWith(EXIT.notSucceeded);
    });
  command.addHelpText('after', '\nExit code: 0 if it is sound, 2 if it is not.');
  withExamples(command, [
    'tidegate ledger verify',
    'tidegate ledger verify --anchors /mnt/elsewhere/anchors.jsonl --signers allowed_signers',
    'tidegate ledger verify --output json | jq .firstBad',
  ]);
}

async function anchorsIn({ anchors, signers }: VerifyOptions) {
  if (anchors === undefined && signers === undefined) return undefined;
  if (anchors === undefined || signers === undefined) {
    throw refused('Say both: --anchors with the signed heads, --signers with whose count.');
  }
  try {
    await access(signers, constants.R_OK);
    return { text: await readFile(anchors, 'utf8'), signersFile: signers };
  } catch (error) {
    throw refused(`There is no file to be read: ${(error as Error).message}.`);
  }
}

interface ExportOptions extends Where {
  readonly rollout?: string;
  readonly since?: string;
  readonly kind?: readonly LedgerKind[];
}

function addExport(ledger: Command, context: CommandContext): void {
  const { out } = context.terminal;
  const command = withLedger(ledger.command('export'))
    .description('write records as JSON lines, in the order of the chain')
    .option('--rollout <name>', 'only those of one rollout')
    .option('--since <time>', 'only of what happened then or later, e.g. 2026-12-01', timeOf)
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(LEDGER_KINDS))
    .action(async ({ kind: kinds, ...options }: ExportOptions) => {
      const { rollout, since } = options;
      const filter: EntryFilter = {
        ...(rollout === undefined ? {} : { rollout }),
        ...(since === undefined ? {} : { since }),
        ...(kinds === undefined ? {} : { kinds }),
      };
      await reading(options, async (open) => {
        const { readEntries } = await reader();
        for await (const entry of readEntries(open, filter)) out(`${JSON.stringify(entry)}\n`);
      });
    });
  command.addHelpText('after', '\nIt is JSON whatever --output says.');
  withExamples(command, [
    'tidegate ledger export >ledger.jsonl',
    'tidegate ledger export --rollout containerd-deb12u3 --kind Vote Command | jq -r .actor',
    'tidegate ledger export --since 2026-12-01 | jq -c "{at, rollout, kind, subject}"',
  ]);
}

function addAnchor(ledger: Command, context: CommandContext): void {
  const { out, now } = context.terminal;
  const command = withLedger(ledger.command('anchor'))
    .description('print the head of the chain, signed, as one JSON line to keep elsewhere')
    .requiredOption('--key <file>', 'SSH key to sign with; .pub if ssh-agent holds the key')
    .action(async ({ key, ...options }: Where & { readonly key: string }) => {
      const head = await reading(options, headOf);
      if (head.seq === 0) throw refused('The ledger is empty: there is nothing to sign.');
      const at = new Date(now()).toISOString();
      const anchor = await signAnchor(head, { at, keyFile: key }).catch((error: Error) => {
        throw refused(`${error.message}.`);
      });
      out(`${JSON.stringify(anchor)}\n`);
    });
  command.addHelpText('after', '\nVerify the ledger first: whatever the head is, is signed.');
  withExamples(command, [
    'tidegate ledger anchor --key ~/.ssh/id_ed25519 >>/mnt/elsewhere/anchors.jsonl',
  ]);
}

function addStatus(ledger: Command, context: CommandContext): void {
  const command = withLedger(ledger.command('status'))
    .description('show where the ledger is, how many records it holds, and its newest one')
    .action(async (options: Where, self: Command) => {
      const status = await reading(options, async (open) => {
        const head = await headOf(open);
        const [newest] = await open.page({ after: head.seq - 1 });
        const where = ledgerName(options.ledger, process.env);
        return { ledger: where, head, ...(newest ? { newest } : {}) };
      });
      const { look } = context.terminal;
      print(context, self, { json: status, text: () => renderLedgerStatus(status, look) });
    });
  withExamples(command, ['tidegate ledger status', 'tidegate ledger status --output json']);
}

function withLedger(command: Command): Command {
  return command.option(
    '--ledger <url>',
    'postgres:// URL (default: TIDEGATE_LEDGER, or the embedded one of TIDEGATE_DATA)',
  );
}

async function headOf(ledger: Ledger) {
  const head = await ledger.head();
  if (head) return head;
  throw new TidegateError(
    'The ledger has lost its note of the newest record: "tidegate ledger verify" says more.',
  );
}

/** On demand: other commands never load the driver of the database. */
const reader = () => import('../../ledger/reader.ts');

/** Runs with a ledger that is closed afterwards; an embedded one runs no longer than that. */
async function reading<T>({ ledger }: Where, read: (open: Ledger) => Promise<T>): Promise<T> {
  try {
    const { openLedger } = await reader();
    const open = await openLedger(ledger, process.env);
    try {
      return await read(open);
    } finally {
      await open.close();
    }
  } catch (error) {
    if (error instanceof LedgerSettingError) throw refused(sentence(error.message));
    if (error instanceof LedgerUnavailableError) {
      throw new TidegateError(sentence(error.message), { cause: error });
    }
    throw error;
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function timeOf(text: string): string {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw refused(
    `--since: expected a time such as 2026-12-01 or 2026-12-01T22:00Z, found ${JSON.stringify(text)}`,
  );
}
