/** What people do in Slack: buttons, dialogs and the slash command, each answered in private. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { App, BlockAction, ButtonAction, ViewSubmitAction } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Answer, GateTarget, Handlers } from './chat-service.ts';
import { parseCommand } from './commands.ts';
import { Once } from './once.ts';
import {
  type DialogMemory,
  detailsView,
  reasonError,
  reasonOf,
  textOf,
  VOTE_VIEW,
  voteView,
} from './slack-blocks.ts';
import type { SlackCalls } from './slack-calls.ts';

/** Slack waits for 3 s; until then a dialog stays open, with what was typed. */
const ACK_MS = 2000;

interface Ear {
  readonly handlers: Handlers;
  readonly calls: SlackCalls;
  readonly log: Logger;
  /** Takes work that goes on after Slack has its acknowledgement. */
  readonly later: (work: Promise<unknown>) => void;
}

/** Registers everything that the app reacts to. */
export function listen(app: App, ear: Ear): void {
  const once = new Once<Answer>();
  const presses = new Once<void>();
  for (const press of ['approve', 'reject', 'details'] as const) {
    app.action<BlockAction<ButtonAction>>(`tidegate.${press}`, async ({ ack, body, action }) => {
      await ack();
      ear.later(presses.run(body.trigger_id, () => pressed(ear, press, body, action)));
    });
  }
  app.view<ViewSubmitAction>(VOTE_VIEW, async ({ ack, body, view }) => {
    const memory = JSON.parse(view.private_metadata) as DialogMemory;
    const reason = reasonOf(view.state.values);
    if (memory.press === 'reject' && reason === '') {
      await ack({ response_action: 'errors', errors: reasonError('Say why.') });
      return;
    }
    const again = once.knows(body.trigger_id);
    const work = once.run(body.trigger_id, () => vote(ear, body.user.id, memory, reason));
    ear.later(work);
    const soon = await Promise.race([work, sleep(ACK_MS)]);
    if (soon?.kind === 'Silent') {
      const errors = reasonError(
        `Not recorded, as far as is known; try again. ${textOf(soon.lines)}`,
      );
      await ack({ response_action: 'errors', errors });
      return;
    }
    await ack();
    if (again) return;
    ear.later(work.then((answer) => tell(ear, memory.channel, body.user.id, answer)));
  });
  app.command('/tidegate', async ({ ack, body, respond }) => {
    await ack();
    if (once.knows(body.trigger_id)) return;
    const work = once.run(body.trigger_id, () => {
      return ear.handlers.act(`slack:${body.user_id}`, parseCommand(body.text));
    });
    ear.later(
      work.then(({ lines }) => respond({ response_type: 'ephemeral', text: textOf(lines) })),
    );
  });
}

/** A dialog has to be opened within 3 s of the press: nothing is asked of Temporal before. */
async function pressed(
  ear: Ear,
  press: 'approve' | 'reject' | 'details',
  body: BlockAction<ButtonAction>,
  action: ButtonAction,
): Promise<void> {
  const target = JSON.parse(action.value ?? '{}') as GateTarget;
  const channel = body.channel?.id ?? body.user.id;
  const { trigger_id } = body;
  if (press === 'details') return await details(ear, trigger_id, target.rollout);
  const stranger = ear.handlers.strangerAt(`slack:${body.user.id}`, target.rollout);
  if (stranger) return await tell(ear, channel, body.user.id, stranger);
  const view = voteView({ ...target, press, channel });
  await ear.calls.call('views.open', (client) => client.views.open({ trigger_id, view }));
}

async function details(ear: Ear, trigger_id: string, rollout: string): Promise<void> {
  const { calls, handlers } = ear;
  const opened = await calls.call('views.open', (client) =>
    client.views.open({ trigger_id, view: detailsView(rollout) }),
  );
  const view_id = opened.view?.id;
  if (!view_id) return;
  const sections = await handlers
    .details(rollout)
    .catch((error: unknown) => [
      { lines: [error instanceof Error ? error.message : String(error)] },
    ]);
  const view = detailsView(rollout, sections);
  await calls.call('views.update', (client) => client.views.update({ view_id, view }));
}

async function vote(ear: Ear, user: string, memory: DialogMemory, reason: string): Promise<Answer> {
  const { press, rollout, run, gate, digest } = memory;
  return await ear.handlers.act(`slack:${user}`, {
    kind: 'Vote',
    decision: press === 'approve' ? 'Approve' : 'Reject',
    ...{ rollout, run, gate, digest },
    ...(reason === '' ? {} : { reason }),
  });
}

/** Only that person sees it. */
async function tell(ear: Ear, channel: string, user: string, answer: Answer): Promise<void> {
  const text = textOf(answer.lines);
  await ear.calls.call('chat.postEphemeral', (client) =>
    client.chat.postEphemeral({ channel, user, text }),
  );
}
