/** The ways in which people reach a gate. Each votes as a person would there, and returns what that person is told. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { RolloutClient } from '../../client/rollout-client.ts';
import { tool } from '../../lab/paths.ts';
import { attempt, run, waitFor } from '../../lab/run.ts';
import { rolloutWorkflowId } from '../../workflows/contract.ts';
import { BOT_TOKEN, type Message, SIGNING_SECRET, SlackStandIn } from '../chat/slack-stand-in.ts';
import type { TemporalUi } from './temporal-ui.ts';

const PATIENCE_MS = 30_000;

/** An approval as somebody gives it. */
export interface Approval {
  readonly rollout: string;
  readonly by: string;
  readonly digest: string;
}

export interface Told {
  readonly taken: boolean;
  readonly words: string;
}

/** Votes at some gate, through one channel. */
export type Channel = (approval: Approval) => Promise<Told>;

/** `tidegate approve`, signed with the voter's own key. */
export function commandLine(keyFile: (name: string) => string): Channel {
  return async ({ rollout, by, digest }) => {
    const vote = ['--digest', digest, '--as', by, '--reason', 'looked at the plan'];
    const sign = ['--sign-key', keyFile(by)];
    const words = ['bin/tidegate', 'approve', rollout, ...vote, ...sign];
    const { code, stdout, stderr } = await attempt(words);
    return { taken: code === 0, words: (stdout + stderr).trim() };
  };
}

/** `temporal workflow signal`: its sender is told nothing, so what counts is what the status shows. */
export function signal(client: RolloutClient): Channel {
  return async ({ rollout, by, digest }) => {
    const known = (await client.status(rollout)).status?.refusedVotes.length ?? 0;
    const vote = JSON.stringify({ by, digest });
    const to = ['--workflow-id', rolloutWorkflowId(rollout), '--name', 'approve'];
    await run([tool('temporal'), 'workflow', 'signal', ...to, '--input', vote]);
    let told: Told | undefined;
    await waitFor({
      what: `the vote of ${by} to be shown`,
      timeoutMs: PATIENCE_MS,
      until: async () => {
        const { status } = await client.status(rollout);
        const refused = status?.refusedVotes.slice(known).find((entry) => entry.by === by);
        const counts = status?.votes.some((entry) => entry.by === by && entry.digest === digest);
        if (refused) told = { taken: false, words: refused.reason };
        else if (counts) told = { taken: true, words: '' };
        return told !== undefined;
      },
    });
    return told ?? { taken: false, words: '' };
  };
}

/** More Actions, Send an Update in Temporal's UI. */
export function form(ui: TemporalUi): Channel {
  return async ({ rollout, by, digest }) => {
    await ui.show(rolloutWorkflowId(rollout));
    const { kind, text } = await ui.sendUpdate('approve', { by, digest, reason: 'seen in the UI' });
    return { taken: kind === 'Sent', words: text };
  };
}

/** `tidegate chat` as a process of its own, with a stand-in of Slack on its other side. */
export class Chat {
  readonly slack = new SlackStandIn();
  private readonly accounts: Readonly<Record<string, string>>;
  private stopBridge: () => Promise<void> = async () => undefined;

  /** Who has which account: "ada" has "U0ADA". */
  constructor(accounts: Readonly<Record<string, string>>) {
    this.accounts = accounts;
  }

  async start(sign: { readonly keyFile: string; readonly signer: string }): Promise<void> {
    await this.slack.start();
    const flags = ['--port', '0', '--poll-seconds', '1', '--channel', 'slack:#platform'];
    const signing = ['--sign-key', sign.keyFile, '--signer', sign.signer];
    const child = spawn('bin/tidegate', ['chat', ...flags, ...signing], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        SLACK_BOT_TOKEN: BOT_TOKEN,
        SLACK_SIGNING_SECRET: SIGNING_SECRET,
        SLACK_API_URL: `${this.slack.url}/api/`,
      },
    });
    const ended = new Promise<void>((settle) => child.once('close', () => settle()));
    this.stopBridge = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    const log: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => log.push(line));
    await waitFor({
      what: 'the bridge to be ready',
      timeoutMs: PATIENCE_MS,
      until: async () => {
        if (child.exitCode !== null) throw new Error(`the bridge has ended:\n${log.join('\n')}`);
        const ready = log.map((line) => /"port":(\d+).*"chat ready"/.exec(line)?.[1]);
        const port = ready.find((found) => found !== undefined);
        if (port !== undefined) this.slack.bridge = `http://127.0.0.1:${port}`;
        return port !== undefined;
      },
    });
  }

  async stop(): Promise<void> {
    await this.stopBridge();
    await this.slack.stop();
  }

  /** Presses Approve under the message of the gate that is open, and gives a reason in the dialog. */
  readonly button: Channel = async ({ rollout, by }) => {
    const { slack } = this;
    const user = this.accounts[by] ?? '';
    const mine = () => slack.ephemerals.filter((entry) => entry.user === user);
    const before = mine().length;
    const message = await this.gateOf(rollout);
    const pressed = await slack.press(message, 'Approve', user);
    await until('the dialog', () => slack.viewOf(pressed) !== undefined || mine().length > before);
    const dialog = slack.viewOf(pressed);
    if (dialog) await slack.submit(dialog, 'looks good');
    await until(`${by} to be told`, () => mine().length > before);
    const words = mine().at(-1)?.text ?? '';
    return { taken: /: (approved|counted)/.test(words), words };
  };

  private async gateOf(rollout: string): Promise<Message> {
    const open = () =>
      this.slack
        .top()
        .filter((message) => this.slack.buttons(message).includes('Approve'))
        .findLast((message) => this.slack.shown(message).includes(rollout));
    await until(`${rollout} in chat`, () => open() !== undefined);
    return open() as Message;
  }
}

function until(what: string, look: () => boolean): Promise<void> {
  return waitFor({ what, timeoutMs: PATIENCE_MS, everyMs: 100, until: async () => look() });
}
