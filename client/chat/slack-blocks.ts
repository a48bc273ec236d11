/** Turns words into Slack's Block Kit, within its limits. Pure. */
import type { types } from '@slack/bolt';
import type { Button, ChatMessage, GateTarget, Section } from './chat-service.ts';

type Block = types.KnownBlock;
type View = types.ModalView;

/** Slack's limits, with room for what is cut off to be marked. */
const LIMIT = {
  header: 150,
  text: 3000,
  blocks: 50,
  dialog: 100,
  title: 24,
  fallback: 3000,
} as const;
const STATE = 'tidegate-state';
const BUTTONS = 'tidegate-buttons';
const REASON = { block: 'reason', action: 'text' } as const;
export const VOTE_VIEW = 'tidegate.vote';

/** What a dialog brings back: the vote, and where its message is. */
export interface DialogMemory extends GateTarget {
  readonly press: 'approve' | 'reject';
  readonly channel: string;
}

/** Returns the blocks of a message, and the text for notifications. */
export function messageBlocks(message: ChatMessage): { blocks: Block[]; text: string } {
  const { headline, sections, state, buttons, mentions } = message;
  const people = mentions.map((account) => `<@${account.slice(account.indexOf(':') + 1)}>`);
  const calls = people.length > 0 ? [mrkdwn(people.join(' '))] : [];
  const body = [header(headline), ...calls, ...sections.flatMap(sectionBlocks)];
  const end = [
    ...(state.length > 0 ? [stateBlock(state)] : []),
    ...(buttons.length > 0 ? [buttonBlock(buttons)] : []),
  ];
  const text = cut([escaped(headline), ...people].join(' '), LIMIT.fallback);
  return { blocks: [...body.slice(0, LIMIT.blocks - end.length), ...end], text };
}

/** Returns the blocks of a message that was posted, without buttons and with another state. */
export function closedBlocks(blocks: readonly Block[], state: readonly string[]): Block[] {
  const kept = blocks.filter(({ block_id }) => block_id !== STATE && block_id !== BUTTONS);
  return [...kept, stateBlock(state)];
}

/** Returns the dialog that asks for the reason of a vote. */
export function voteView(memory: DialogMemory): View {
  const approve = memory.press === 'approve';
  return {
    type: 'modal',
    callback_id: VOTE_VIEW,
    private_metadata: JSON.stringify(memory),
    title: plain(approve ? 'Approve' : 'Reject', LIMIT.title),
    submit: plain(approve ? 'Approve' : 'Reject', LIMIT.title),
    close: plain('Cancel', LIMIT.title),
    blocks: [
      mrkdwn(
        `*${escaped(memory.rollout)}*, ${escaped(memory.gate)}\n\`${escaped(memory.digest)}\``,
      ),
      {
        type: 'input',
        block_id: REASON.block,
        optional: approve,
        label: plain(approve ? 'Reason' : 'Reason (it ends or holds the rollout)', 100),
        element: {
          type: 'plain_text_input',
          action_id: REASON.action,
          multiline: true,
          max_length: 1000,
        },
      },
    ],
  };
}

/** Returns the reason that was typed into the dialog; empty where there is none. */
export function reasonOf(
  values: Record<string, Record<string, { value?: string | null }>>,
): string {
  return values[REASON.block]?.[REASON.action]?.value?.trim() ?? '';
}

/** Returns an error to be shown below the reason. */
export function reasonError(text: string): Record<string, string> {
  return { [REASON.block]: cut(text, 300) };
}

/** Returns the dialog that shows a plan; without sections it says that it is being read. */
export function detailsView(rollout: string, sections?: readonly Section[]): View {
  const blocks = sections?.flatMap(sectionBlocks) ?? [mrkdwn('Reading the plan …')];
  const [first] = blocks;
  return {
    type: 'modal',
    title: plain(rollout, LIMIT.title),
    close: plain('Close', LIMIT.title),
    blocks: first ? blocks.slice(0, LIMIT.dialog) : [mrkdwn('Nothing to do.')],
  };
}

/** Returns lines as text in which nothing of them means anything to Slack. */
export function textOf(lines: readonly string[]): string {
  return cut(lines.map(escaped).join('\n'), LIMIT.text);
}

/** A name or a reason that somebody wrote must not call a channel or hide a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One block holds so many characters; what has more lines than fit goes on in the next. */
function sectionBlocks({ title, lines }: Section): Block[] {
  const texts: string[] = [];
  for (const line of [...(title ? [`*${escaped(title)}*`] : []), ...lines.map(escaped)]) {
    const last = texts.at(-1);
    const longer = last === undefined ? line : `${last}\n${line}`;
    if (last === undefined || longer.length > LIMIT.text) texts.push(line);
    else texts[texts.length - 1] = longer;
  }
  return texts.map(mrkdwn);
}

function stateBlock(lines: readonly string[]): Block {
  const text = cut(lines.map((line) => `*${escaped(line)}*`).join('\n'), LIMIT.text);
  return { type: 'section', block_id: STATE, text: { type: 'mrkdwn', text } };
}

function buttonBlock(buttons: readonly Button[]): Block {
  const styles = { approve: 'primary', reject: 'danger', details: undefined } as const;
  return {
    type: 'actions',
    block_id: BUTTONS,
    elements: buttons.map(({ press, label, target }) => {
      const style = styles[press];
      return {
        type: 'button',
        action_id: `tidegate.${press}`,
        text: plain(label, 75),
        value: JSON.stringify(target),
        ...(style ? { style } : {}),
      };
    }),
  };
}

function header(text: string): Block {
  return { type: 'header', text: plain(text, LIMIT.header) };
}

function mrkdwn(text: string): Block {
  return { type: 'section', text: { type: 'mrkdwn', text: cut(text, LIMIT.text), verbatim: true } };
}

function plain(text: string, most: number): types.PlainTextElement {
  return { type: 'plain_text', text: cut(text, most) };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 2)} …`;
}
