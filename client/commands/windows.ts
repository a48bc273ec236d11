/** `tidegate windows` shows when nodes may start; `tidegate override` lifts a freeze for one rollout. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Calendar, nextOpenings } from '../../workflows/domain/next-openings.ts';
import { readDocument } from '../document-file.ts';
import { refused } from '../errors.ts';
import { renderWindows } from '../render/windows.ts';
import { type CommandContext, print, withClient, withExamples } from './command.ts';

interface WindowsOptions {
  readonly policy?: string;
  readonly region?: string;
  readonly count: number;
  readonly from?: number;
}

/** Adds the command `windows`. */
export function addWindows(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command('windows')
    .description('show when the windows of a policy open next, and what freezes take away')
    .argument('[name]', 'a rollout: the policy is that of its plan')
    .option('--policy <file>', 'Policy document, YAML or JSON; - for standard input')
    .option('--region <name>', 'only what is for this region')
    .option('--count <number>', 'how many openings', countOf, 10)
    .option('--from <time>', 'from this time on, such as 2026-12-01 or 2026-12-01T22:00Z', timeOf)
    .action(async (name: string | undefined, options: WindowsOptions, self: Command) => {
      const policy = await calendarOf(context, self, { name, file: options.policy });
      const { region, count, from: fromMs = terminal.now() } = options;
      const asked = { fromMs, count, ...(region === undefined ? {} : { region }) };
      const openings = nextOpenings(policy, asked);
      const shown = { openings, hasWindows: policy.windows.length > 0, freezes: policy.freezes };
      print(context, self, {
        json: { from: new Date(fromMs).toISOString(), openings, freezes: policy.freezes },
        text: () => renderWindows(shown, terminal.look),
      });
    });
  withExamples(command, [
    'tidegate windows --policy examples/policy.yaml',
    'tidegate windows containerd-deb12u3 --region east --count 3',
    'tidegate windows --policy policy.yaml --from 2026-12-15 --output json | jq -r ".openings[].opens"',
  ]);
}

async function calendarOf(
  context: CommandContext,
  command: Command,
  { name, file }: { readonly name: string | undefined; readonly file: string | undefined },
): Promise<Calendar> {
  if (file !== undefined && name === undefined) {
    return (await readDocument('Policy', file, context.terminal)).spec;
  }
  if (name === undefined || file !== undefined) {
    throw refused('Say whose windows: a rollout, or --policy with the file of a Policy.');
  }
  const { plan } = await withClient(context, command, (client) => client.planOf(name));
  // Rollouts that were planned with an older release have none of it.
  const { windows = [], onCall = [], freezes = [], regionsTogether = false } = plan.policy.spec;
  return { windows, onCall, freezes, regionsTogether };
}

const MOST = 1000;

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  throw new InvalidArgumentError(`Say a number from 1 to ${MOST}.`);
}

function timeOf(text: string): number {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError('Say a time such as 2026-12-01 or 2026-12-01T22:00Z.');
}

/** Adds the command `override`. */
export function addOverride(program: Command, context: CommandContext): void {
  const command = program
    .command('override')
    .description('start nodes of one rollout in spite of a freeze; who and why is kept')
    .argument('<name>', "the rollout's name")
    .requiredOption('--freeze <name>', 'the freeze, as the policy names it')
    .requiredOption('--as <who>', 'who decides; recorded with the decision, not proved')
    .requiredOption('--reason <text>', 'why')
    .action(
      async (
        rollout: string,
        { freeze, as: by, reason }: { freeze: string; as: string; reason: string },
        self: Command,
      ) => {
        const message = await withClient(context, self, (client) =>
          client.overrideFreeze(rollout, { by, freeze, reason }),
        );
        const sent = { rollout, message };
        print(context, self, { json: sent, text: () => `${rollout}: ${message}` });
      },
    );
  withExamples(command, [
    'tidegate override containerd-deb12u3 --freeze year-end --as duty-manager --reason "CVE-2025-64329 is exploited"',
  ]);
}
