/** Does what people in chat ask for: finds out who they are, and sends it in their name. */
import type { Logger } from 'pino';
import type { Vote, VoteProof } from '../../workflows/contract.ts';
import type { Policy } from '../../workflows/domain/spec.ts';
import { type VoteContent, voteStatement } from '../../workflows/domain/vote-statement.ts';
import { EXIT, TidegateError } from '../errors.ts';
import { phaseOf, type RolloutView } from '../view.ts';
import type { Action, Answer, Section } from './chat-service.ts';
import { COMMAND_LINES } from './commands.ts';
import { planSections, progressMessage } from './progress-words.ts';
import type { Rollouts } from './rollouts.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { serviceOf } from './wanted.ts';

type VoteAction = Extract<Action, { kind: 'Vote' }>;
type Order = Extract<Action, { kind: 'Vote' | 'Steer' | 'Node' | 'Override' }>;

/** Signs votes with the bridge's own key, where it has one. */
export interface Signer {
  readonly signer: string;
  sign(statement: string): Promise<string>;
}

/** What a desk works with. */
export interface DeskParts {
  readonly rollouts: Rollouts;
  readonly snapshots: Snapshots;
  readonly signer?: Signer;
  readonly log: Logger;
}

export class Desk {
  private readonly parts: DeskParts;

  constructor(parts: DeskParts) {
    this.parts = parts;
  }

  /** Throws nothing: whatever happens is an answer. */
  async act(account: string, action: Action): Promise<Answer> {
    const { log } = this.parts;
    try {
      const answer = await this.answer(account, action);
      log.info({ account, ...action, answer: answer.kind }, 'asked in chat');
      return answer;
    } catch (error) {
      log.warn({ account, ...action, error: String(error) }, 'asked in chat');
      return explain(error);
    }
  }

  /** Returns why an account may not act on a rollout; undefined where it may, or is not known yet. */
  strangerAt(account: string, rollout: string): Answer | undefined {
    const planned = this.parts.snapshots.last(rollout)?.planned;
    if (!planned) return undefined;
    const answer = personOf(account, planned.plan.policy);
    return 'kind' in answer ? answer : undefined;
  }

  async details(rollout: string): Promise<readonly Section[]> {
    return planSections(await this.parts.rollouts.planOf(rollout));
  }

  private async answer(account: string, action: Action): Promise<Answer> {
    switch (action.kind) {
      case 'Help': {
        const { problem } = action;
        const kind = problem ? 'Malformed' : 'Done';
        return { kind, lines: [...(problem ? [problem] : []), ...COMMAND_LINES] };
      }
      case 'Status':
        return action.rollout ? await this.status(action.rollout) : await this.list();
      case 'Plan': {
        const sections = await this.details(action.rollout);
        return done(sections.flatMap(({ title, lines }) => [...(title ? [title] : []), ...lines]));
      }
      case 'Vote':
      case 'Steer':
      case 'Node':
      case 'Override':
        return await this.order(account, action);
    }
  }

  private async order(account: string, action: Order): Promise<Answer> {
    const { rollout } = action;
    const { snapshots } = this.parts;
    const snapshot = await snapshots.fresh(rollout);
    const { planned, view } = snapshot;
    if (!planned) {
      if (view.silent !== undefined) throw new TidegateError(view.silent);
      if (view.state !== 'Running') return refusedBecause(`Rollout ${rollout} has ended.`);
      const why = 'has no plan yet, so nobody is known to have a say in it. Ask again in a moment.';
      return refusedBecause(`Rollout ${rollout} ${why}`);
    }
    const person = personOf(account, planned.plan.policy);
    if ('kind' in person) return person;
    const by = { by: person.name, via: serviceOf(account) };
    if (action.kind === 'Vote') return await this.vote({ action, by, snapshot });
    const said = await this.steer(action, by);
    return done([`${rollout}: ${said}`]);
  }

  private async steer(
    action: Exclude<Order, VoteAction>,
    by: { readonly by: string; readonly via: string },
  ): Promise<string> {
    const { rollouts } = this.parts;
    const { rollout, reason } = action;
    const command = { ...by, ...(reason === undefined ? {} : { reason }) };
    if (action.kind === 'Node') {
      return await rollouts[action.what](rollout, { ...command, node: action.node });
    }
    if (action.kind === 'Override') {
      return await rollouts.overrideFreeze(rollout, { ...command, freeze: action.freeze });
    }
    if (action.what === 'rollback') return (await rollouts.rollback(rollout, command)).message;
    const { mode } = action;
    return await rollouts[action.what](rollout, { ...command, ...(mode ? { mode } : {}) });
  }

  private async vote(args: {
    readonly action: VoteAction;
    readonly by: { readonly by: string; readonly via: string };
    readonly snapshot: Snapshot;
  }): Promise<Answer> {
    const { action, by, snapshot } = args;
    const { rollout, decision, reason, run } = action;
    const gate = snapshot.view.status?.gate;
    if (run !== undefined && run !== (gate?.run ?? snapshot.view.runId)) {
      return refusedBecause(
        `This message is of an earlier run of rollout ${rollout}: look at the newer one, then vote there.`,
      );
    }
    const digest = fullDigest(action.digest, gate?.digest);
    const meant = action.gate ?? gate?.id;
    const vote: Vote = {
      ...by,
      ...(reason === undefined ? {} : { reason }),
      ...(digest === undefined ? {} : { digest }),
      ...(meant === undefined ? {} : { gate: meant }),
    };
    if (decision === 'Reject' && gate && digest !== undefined && digest !== gate.digest) {
      return refusedBecause(
        `What waits at ${gate.id} is not what this message shows: look at the newer one, then vote there.`,
      );
    }
    const proof = gate
      ? await this.prove(snapshot, {
          ...{ rollout, run: gate.run, gate: meant ?? gate.id, digest: digest ?? gate.digest },
          ...{ decision, by: by.by, reason },
        })
      : undefined;
    const send = decision === 'Approve' ? 'approve' : 'reject';
    const said = await this.parts.rollouts[send](rollout, { ...vote, ...(proof ? { proof } : {}) });
    return done([`${rollout}: ${said}`]);
  }

  /** Where names are believed, a key that the policy does not know would only be in the way. */
  private async prove(
    { view, planned }: Snapshot,
    content: VoteContent,
  ): Promise<VoteProof | undefined> {
    const { signer: key } = this.parts;
    if (!key) return undefined;
    const vouches = planned?.plan.policy.spec.approval.bridges?.includes(key.signer) ?? false;
    if (!vouches && view.status?.gate?.rules.identity !== 'Attested') return undefined;
    return { signer: key.signer, signature: await key.sign(voteStatement(content)) };
  }

  private async list(): Promise<Answer> {
    const entries = (await this.parts.rollouts.list(20)).slice(0, 20);
    if (entries.length === 0) return done(['No rollout was started yet.']);
    return done(
      entries.map(({ rollout, phase, waitingFor }) => {
        return `${rollout}: ${phase}${waitingFor ? `, waits for ${waitingFor}` : ''}`;
      }),
    );
  }

  private async status(rollout: string): Promise<Answer> {
    const { view } = await this.parts.snapshots.fresh(rollout);
    if (view.silent !== undefined) throw new TidegateError(view.silent);
    const { headline, sections } = progressMessage(view);
    return done([headline, ...sections.flatMap(({ lines }) => lines), ...gateLines(view)]);
  }
}

function gateLines(view: RolloutView): string[] {
  const gate = view.status?.gate;
  if (!gate) return view.state === 'Running' ? [] : [`It has ended: ${phaseOf(view)}`];
  const digits = gate.digest.replace(/^sha256:/, '').slice(0, 12);
  return [
    ...gate.evidence,
    `${gate.approvedBy.length} of ${gate.rules.quorum} approvals of ${gate.digest}`,
    `To approve it: /tidegate approve ${view.rollout} ${digits}`,
  ];
}

/** Returns whose account it is, or why that is not known. */
function personOf(
  account: string,
  policy: { readonly name: string; readonly spec: Policy['spec'] },
): { readonly name: string } | Answer {
  const known = (policy.spec.people ?? []).filter((person) => person.chat.includes(account));
  const [person, another] = known;
  if (person && !another) return { name: person.name };
  const why = person
    ? `Policy ${policy.name} gives the account ${account} to ${known.map(({ name }) => name).join(' and ')}, so it is not known who you are.`
    : `Nobody in policy ${policy.name} has the account ${account}, so it is not known who you are.`;
  const how = person
    ? 'It may stand under one name only.'
    : `Add it to spec.people of that Policy, to "chat" of your name: - {name: YOU, roles: [...], chat: ["${account}"]}.`;
  return { kind: 'Stranger', lines: [why, `${how} It counts for rollouts that start afterwards.`] };
}

/** The first digits of what waits will do; anything else is sent as it is, to be refused. */
function fullDigest(given: string | undefined, waits: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const digits = given.replace(/^sha256:/, '');
  if (waits?.startsWith(`sha256:${digits}`) && digits.length >= 12) return waits;
  return waits === given ? waits : `sha256:${digits}`;
}

function explain(error: unknown): Answer {
  if (!(error instanceof TidegateError)) {
    return { kind: 'Silent', lines: ['This is a bug of Tidegate; its log says more.'] };
  }
  const { message, exitCode } = error;
  if (exitCode !== EXIT.refused) return { kind: 'Silent', lines: [message] };
  const again = /has approved (this )?already/.test(message);
  return again
    ? done(['You have approved this already; it counts once.'])
    : refusedBecause(message);
}

function refusedBecause(line: string): Answer {
  return { kind: 'Refused', lines: [line] };
}

function done(lines: readonly string[]): Answer {
  return { kind: 'Done', lines };
}
