/** What `tidegate chat` is told by flags and by its environment. */
import { refused } from '../errors.ts';
import type { SlackConfig } from './slack.ts';
import { serviceOf } from './wanted.ts';
import type { WebhookTarget } from './webhook.ts';

/** Flags of the command, as they come. */
export interface ChatFlags {
  readonly channel?: readonly string[];
  readonly port?: string;
  readonly pollSeconds?: string;
  readonly signKey?: string;
  readonly signer?: string;
}

export interface ChatConfig {
  readonly slack?: SlackConfig;
  readonly webhooks: readonly WebhookTarget[];
  readonly channels: readonly string[];
  readonly port: number;
  readonly pollMs: number;
  readonly signing?: { readonly keyFile: string; readonly signer: string };
  readonly logLevel: string;
}

type Env = Readonly<Record<string, string | undefined>>;
const MIN_SECRET = 16;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];

/** Returns the configuration; refuses one that can't work, with everything that is wrong in it. */
export function readChatConfig(env: Env, flags: ChatFlags): ChatConfig {
  const problems: string[] = [];
  const slack = slackOf(env, problems);
  const webhooks = webhooksOf(env, problems);
  if (!slack && webhooks.length === 0 && problems.length === 0) problems.push(NOTHING);
  const channels = flags.channel ?? [];
  const services = [...(slack ? ['slack'] : []), ...webhooks.map(() => 'webhook')];
  for (const channel of channels) {
    if (problems.length > 0 || services.includes(serviceOf(channel))) continue;
    problems.push(`--channel ${channel} must begin with ${[...new Set(services)].join(': or ')}:`);
  }
  const port = numberOf({ text: flags.port ?? '3000', name: '--port', least: 0 }, problems);
  const poll = { text: flags.pollSeconds ?? '10', name: '--poll-seconds', least: 0.05 };
  const pollMs = numberOf(poll, problems) * 1000;
  const signing = signingOf(env, flags, problems);
  const logLevel = env['TIDEGATE_LOG_LEVEL'] || 'info';
  if (!LEVELS.includes(logLevel)) {
    problems.push(`TIDEGATE_LOG_LEVEL must be one of ${LEVELS.join(', ')}`);
  }
  if (problems.length > 0) {
    throw refused(`tidegate chat can't start:\n${problems.map((p) => `  ${p}`).join('\n')}`);
  }
  return {
    ...(slack ? { slack } : {}),
    ...{ webhooks, channels, port, pollMs, logLevel },
    ...(signing ? { signing } : {}),
  };
}

const NOTHING =
  'neither Slack nor a webhook is set up. Set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET; or TIDEGATE_WEBHOOK_<NAME>_URL and _SECRET. docs/chat.md says how.';

function slackOf(env: Env, problems: string[]): SlackConfig | undefined {
  const botToken = env['SLACK_BOT_TOKEN'];
  const appToken = env['SLACK_APP_TOKEN'];
  const signingSecret = env['SLACK_SIGNING_SECRET'];
  const apiUrl = env['SLACK_API_URL'];
  if (!botToken && !appToken && !signingSecret) return undefined;
  if (!botToken) problems.push('SLACK_BOT_TOKEN is not set; the app\'s "Install App" page has it');
  else if (!botToken.startsWith('xoxb-')) problems.push('SLACK_BOT_TOKEN must begin with xoxb-');
  if (appToken && signingSecret) {
    problems.push(
      'SLACK_APP_TOKEN (Socket Mode) and SLACK_SIGNING_SECRET (HTTP) are both set; one is to be',
    );
  } else if (!appToken && !signingSecret) {
    problems.push(
      'SLACK_APP_TOKEN (for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP) is not set',
    );
  }
  if (appToken && !appToken.startsWith('xapp-')) {
    problems.push('SLACK_APP_TOKEN must begin with xapp-');
  }
  return {
    botToken: botToken ?? '',
    ...(appToken ? { appToken } : {}),
    ...(signingSecret ? { signingSecret } : {}),
    ...(apiUrl ? { apiUrl } : {}),
  };
}

function webhooksOf(env: Env, problems: string[]): WebhookTarget[] {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(env)) {
    const name = /^TIDEGATE_WEBHOOK_([A-Z0-9_]+)_(URL|SECRET)$/.exec(key)?.[1];
    if (name && value) found.add(name);
  }
  return [...found].sort().flatMap((upper) => {
    const [url, secret] = [`TIDEGATE_WEBHOOK_${upper}_URL`, `TIDEGATE_WEBHOOK_${upper}_SECRET`];
    const [urlText = '', secretText = ''] = [env[url], env[secret]];
    if (!/^https?:$/.test(URL.parse(urlText)?.protocol ?? '')) {
      problems.push(`${url} must be an http or https address`);
    }
    if (secretText.length < MIN_SECRET) {
      problems.push(`${secret} must have at least ${MIN_SECRET} characters`);
    }
    const name = upper.toLowerCase().replaceAll('_', '-');
    return [{ name, url: urlText, secret: secretText }];
  });
}

function signingOf(env: Env, flags: ChatFlags, problems: string[]): ChatConfig['signing'] {
  const keyFile = flags.signKey ?? env['TIDEGATE_CHAT_KEY'];
  const signer = flags.signer ?? env['TIDEGATE_CHAT_SIGNER'];
  if (!keyFile && !signer) return undefined;
  if (keyFile && signer) return { keyFile, signer };
  problems.push(
    'votes are signed with --sign-key FILE and --signer PRINCIPAL together (or TIDEGATE_CHAT_KEY and TIDEGATE_CHAT_SIGNER)',
  );
  return undefined;
}

function numberOf(
  { text, name, least }: { readonly text: string; readonly name: string; readonly least: number },
  problems: string[],
): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) {
    problems.push(`${name} must be a number of at least ${least}`);
  }
  return value;
}
