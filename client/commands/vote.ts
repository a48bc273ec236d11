/** `tidegate approve | reject | vote-statement NAME`: what people say at a gate, signed or not. */
import { type Command, Option } from 'commander';
import type { Vote } from '../../workflows/contract.ts';
import { VOTE_NAMESPACE } from '../../workflows/domain/vote-statement.ts';
import { type Ballot, ballotOf, type Intention } from '../ballot.ts';
import { readText } from '../document-file.ts';
import { refused } from '../errors.ts';
import type { RolloutClient } from '../rollout-client.ts';
import { signStatement } from '../signing.ts';
import { type CommandContext, globalOptions, print, withClient, withExamples } from './command.ts';

const NAME = "the rollout's name";
const AS: [string, string] = ['--as <who>', 'who votes; proved only by a signature'];
const DIGEST: [string, string] = [
  '--digest <digest>',
  'the digest that the gate shows, or its first 12 or more digits',
];

interface VoteOptions {
  readonly as: string;
  readonly reason?: string;
  readonly digest?: string;
  readonly signKey?: string;
  readonly signature?: string;
  readonly reject?: boolean;
}

/** Adds the commands `approve`, `reject` and `vote-statement`. */
export function addVoting(program: Command, context: CommandContext): void {
  addApprove(program, context);
  addReject(program, context);
  addVoteStatement(program, context);
}

function addApprove(program: Command, context: CommandContext): void {
  const command = program
    .command('approve')
    .description('approve what waits at a gate; the digest says what was looked at')
    .argument('<name>', NAME)
    .requiredOption(...DIGEST)
    .requiredOption(...AS)
    .option('--reason <text>', 'why');
  voting(command, context, 'Approve');
  withExamples(command, [
    'tidegate status containerd-deb12u3 --plan',
    'tidegate approve containerd-deb12u3 --digest sha256:3f5a... --as sre-lead',
    'tidegate approve containerd-deb12u3 --digest sha256:3f5a... --as ada --sign-key ~/.ssh/id_ed25519',
  ]);
}

function addReject(program: Command, context: CommandContext): void {
  const command = program
    .command('reject')
    .description('reject what waits at a gate; before the canary this ends the rollout untouched')
    .argument('<name>', NAME)
    .requiredOption(...AS)
    .requiredOption('--reason <text>', 'why')
    .option(...DIGEST);
  voting(command, context, 'Reject');
  withExamples(command, [
    'tidegate reject containerd-deb12u3 --as sre-lead --reason "freeze until Monday"',
  ]);
}

function addVoteStatement(program: Command, context: CommandContext): void {
  const command = program
    .command('vote-statement')
    .description('print the text to sign, for those who sign it elsewhere')
    .argument('<name>', NAME)
    .requiredOption(...DIGEST)
    .requiredOption(...AS)
    .option('--reason <text>', 'why; to be given in the same words with the signature')
    .option('--reject', 'for a rejection');
  command.action(async (rollout: string, options: VoteOptions, self: Command) => {
    await withClient(context, self, async (client) => {
      const decision = options.reject ? 'Reject' : 'Approve';
      const view = await client.status(rollout);
      const { gate, statement } = ballotOf(view, intentionOf(options, decision));
      const json = { rollout, gate: gate.id, digest: gate.digest, statement };
      if (globalOptions(self).output === 'json')
        return print(context, self, { json, text: String });
      // Each letter of it is signed, so it is written as it is.
      context.terminal.out(statement);
    });
  });
  withExamples(command, [
    'tidegate vote-statement NAME --digest sha256:3f5a... --as ada > vote',
    `ssh-keygen -Y sign -n ${VOTE_NAMESPACE} -f ~/.ssh/id_ed25519 vote`,
    'tidegate approve NAME --digest sha256:3f5a... --as ada --signature vote.sig',
  ]);
}

function voting(command: Command, context: CommandContext, decision: Intention['decision']): void {
  command
    .addOption(
      new Option('--sign-key <file>', 'sign with this SSH key, or with its .pub and ssh-agent').env(
        'TIDEGATE_SIGN_KEY',
      ),
    )
    .addOption(
      new Option('--signature <file>', 'a signature over what "vote-statement" prints; "-": stdin'),
    );
  command.action(async (rollout: string, options: VoteOptions, self: Command) => {
    await withClient(context, self, async (client) => {
      const vote = await voteOf({ client, rollout, options, decision, context, command: self });
      const message =
        decision === 'Approve'
          ? await client.approve(rollout, vote)
          : await client.reject(rollout, vote);
      print(context, self, { json: { rollout, message }, text: () => `${rollout}: ${message}` });
    });
  });
}

interface Voting {
  readonly client: RolloutClient;
  readonly rollout: string;
  readonly options: VoteOptions;
  readonly decision: Intention['decision'];
  readonly context: CommandContext;
  readonly command: Command;
}

/** Returns the vote with a signature where one is given, or asked for and a key is at hand. */
async function voteOf(voting: Voting): Promise<Vote> {
  const { client, rollout, options, decision, context, command } = voting;
  const intention = intentionOf(options, decision);
  const { signKey, signature } = options;
  const wanted = command.getOptionValueSource('signKey') === 'cli';
  if (wanted && signature !== undefined) {
    throw refused('Give either --sign-key or --signature.');
  }
  const view = await client.status(rollout);
  const asked = view.status?.gate?.rules.identity === 'Attested' && decision === 'Approve';
  if (!asked && !wanted && signature === undefined) return unsigned(intention);
  const ballot = ballotOf(view, intention);
  if (signature !== undefined) {
    return withProof(ballot, await readText(signature, context.terminal));
  }
  if (signKey === undefined) throw keyNeeded(rollout, ballot);
  return withProof(ballot, await signStatement(ballot.statement, signKey));
}

function unsigned({ by, reason, digest }: Intention): Vote {
  return {
    by,
    ...(reason === undefined ? {} : { reason }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function withProof({ vote }: Ballot, signature: string): Vote {
  return { ...vote, proof: { signature } };
}

function keyNeeded(rollout: string, { gate, vote }: Ballot) {
  const what = `${rollout} --digest ${gate.digest} --as ${shellWord(vote.by)}`;
  return refused(
    `Gate ${gate.id} of ${rollout} takes signed votes only. Sign with your SSH key:\n  tidegate approve ${what} --sign-key ~/.ssh/id_ed25519\nor set TIDEGATE_SIGN_KEY. To sign elsewhere: tidegate vote-statement --help`,
  );
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function intentionOf(
  { as, reason, digest }: VoteOptions,
  decision: Intention['decision'],
): Intention {
  return { decision, by: as, reason, digest };
}
