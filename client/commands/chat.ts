/** `tidegate chat`: the bridge between rollouts and chat, until it is told to stop. */
import type { Command } from 'commander';
import type { ChatFlags } from '../chat/config.ts';
import { type CommandContext, withClient, withExamples } from './command.ts';

const EXIT_MS = 2000;

/** Adds the command `chat`. */
export function addChat(program: Command, context: CommandContext): void {
  const command = program
    .command('chat')
    .description('serve rollouts in chat: post gates and notices, take votes and commands')
    .option('--channel <channel...>', 'channels besides those of the policies: slack:#name')
    .option('--port <number>', 'HTTP port for health, webhooks and Slack', '3000')
    .option('--poll-seconds <number>', 'time between two looks at the rollouts', '10')
    .option('--sign-key <file>', "the bridge's SSH key: signs the votes of people in chat")
    .option('--signer <principal>', 'whose key that is, in the allowed_signers file')
    .action(async (flags: ChatFlags, self: Command) => await chat(flags, self, context));
  command.addHelpText(
    'after',
    '\nEnvironment: SLACK_BOT_TOKEN with SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET\n' +
      '(HTTP), TIDEGATE_WEBHOOK_<NAME>_URL and _SECRET, TIDEGATE_CHAT_KEY, TIDEGATE_CHAT_SIGNER,\n' +
      'TIDEGATE_LOG_LEVEL. docs/chat.md says how to set it up.',
  );
  withExamples(command, [
    'tidegate chat --channel "slack:#platform"',
    'tidegate chat --sign-key /etc/tidegate/chat_ed25519 --signer chat-bridge@example.com',
  ]);
}

/** The libraries of chat services are loaded here, not with every command. */
async function chat(flags: ChatFlags, self: Command, context: CommandContext): Promise<void> {
  const [{ readChatConfig }, { chatLog }, { startChat }] = await Promise.all([
    import('../chat/config.ts'),
    import('../chat/log.ts'),
    import('../chat/run.ts'),
  ]);
  const config = readChatConfig(process.env, flags);
  const { out, now } = context.terminal;
  await withClient(context, self, async (rollouts) => {
    const log = chatLog(config.logLevel, out);
    const running = await startChat(config, { rollouts, log, now });
    await stopSignal();
    await running.stop();
  });
  // A Slack that is away is dialled again and again, which must not keep the process.
  setTimeout(() => process.exit(), EXIT_MS).unref();
}

/** Ctrl-C ends it in order as well: what was acknowledged is done first. */
function stopSignal(): Promise<void> {
  return new Promise((stopped) => {
    process.removeAllListeners('SIGINT');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped());
  });
}
