/** Takes votes and commands over the webhook: each request signed, and taken once. */
import type { Action, Answer, Handlers } from './chat-service.ts';
import { type SignedRequest, SKEW_SECONDS, whyNotBelieved } from './webhook-signature.ts';

export interface WebhookRequest extends SignedRequest {
  /** The sender's own id of it; where it says none, the signature is. */
  readonly delivery: string | undefined;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly body: { readonly ok: boolean; readonly message: string };
}

const STATUS: Readonly<Record<Answer['kind'], number>> = {
  Done: 200,
  Malformed: 400,
  Stranger: 403,
  Refused: 409,
  Silent: 503,
};

/** The inbound half of one webhook. */
export class WebhookInbound {
  private readonly name: string;
  private readonly secret: string;
  private readonly now: () => number;
  private readonly startedMs: number;
  /** Until when each signature and delivery is refused as a replay. */
  private readonly seen = new Map<string, number>();

  constructor(options: {
    readonly name: string;
    readonly secret: string;
    readonly now: () => number;
  }) {
    this.name = options.name;
    this.secret = options.secret;
    this.now = options.now;
    this.startedMs = options.now();
  }

  async receive(request: WebhookRequest, handlers: Handlers): Promise<WebhookAnswer> {
    const why = whyNotBelieved(request, { secret: this.secret, nowMs: this.now() });
    if (why) return answer(401, why);
    // What an earlier process has taken is not remembered.
    if (Number(request.timestamp) < Math.floor(this.startedMs / 1000)) {
      return answer(
        401,
        'signed before this bridge has started: sign it anew, with the time of now',
      );
    }
    if (this.isReplay(request)) return answer(409, 'this delivery was taken already');
    const parsed = parse(request.body);
    if (typeof parsed === 'string') return answer(400, parsed);
    const said = await handlers.act(`webhook:${this.name}/${parsed.account}`, parsed.action);
    // Nothing was done, as far as is known: the same delivery may try again.
    if (said.kind === 'Silent' && request.delivery) this.seen.delete(`id ${request.delivery}`);
    return answer(STATUS[said.kind], said.lines.join('\n'));
  }

  /** The delivery's id is not signed, so that the signature has to be new as well. */
  private isReplay({ signature, delivery }: WebhookRequest): boolean {
    const nowMs = this.now();
    for (const [id, untilMs] of this.seen) if (untilMs < nowMs) this.seen.delete(id);
    const ids = [`signature ${signature}`, ...(delivery ? [`id ${delivery}`] : [])];
    if (ids.some((id) => this.seen.has(id))) return true;
    for (const id of ids) this.seen.set(id, nowMs + 2 * SKEW_SECONDS * 1000);
    return false;
  }
}

function answer(status: number, message: string): WebhookAnswer {
  return { status, body: { ok: status === 200, message } };
}

function parse(body: string): { readonly account: string; readonly action: Action } | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return 'the body is no JSON';
  }
  const { rollout, message, account, argument = {} } = (value ?? {}) as Record<string, unknown>;
  if (typeof rollout !== 'string' || rollout === '') return '"rollout" must be the name of one';
  if (typeof account !== 'string' || !/^\S+$/.test(account)) {
    return '"account" must be who asks, as the policy has it after the last "/"';
  }
  if (typeof argument !== 'object' || argument === null) return '"argument" must be an object';
  const action = actionOf(rollout, message, argument as Record<string, unknown>);
  return typeof action === 'string' ? action : { account, action };
}

function actionOf(
  rollout: string,
  message: unknown,
  argument: Record<string, unknown>,
): Action | string {
  const wrong = FIELDS.find((f) => argument[f] !== undefined && typeof argument[f] !== 'string');
  if (wrong) return `"argument.${wrong}" must be text`;
  const text = Object.fromEntries(
    FIELDS.flatMap((field) => (argument[field] === undefined ? [] : [[field, argument[field]]])),
  ) as Partial<Record<(typeof FIELDS)[number], string>>;
  const { reason, mode, node, freeze, ...vote } = text;
  const because = reason === undefined ? {} : { reason };
  switch (message) {
    case 'approve':
      if (!vote.digest) return '"argument.digest" must be the digest of what was looked at';
      return { kind: 'Vote', decision: 'Approve', rollout, ...vote, ...because };
    case 'reject':
      if (!reason) return '"argument.reason" must say why';
      return { kind: 'Vote', decision: 'Reject', rollout, ...vote, ...because };
    case 'stop': {
      if (mode === undefined) return { kind: 'Steer', what: 'stop', rollout, ...because };
      if (mode !== 'Now' && mode !== 'AfterNode' && mode !== 'AfterWave') {
        return '"argument.mode" must be Now, AfterNode or AfterWave';
      }
      return { kind: 'Steer', what: 'stop', rollout, mode, ...because };
    }
    case 'replan':
    case 'pause':
    case 'resume':
    case 'rollback':
      return { kind: 'Steer', what: message, rollout, ...because };
    case 'skipNode':
    case 'retryNode':
      if (!node) return '"argument.node" must be the name of the node';
      return { kind: 'Node', what: message, rollout, node, ...because };
    case 'overrideFreeze':
      if (!freeze || !reason)
        return '"argument.freeze" must name it, and "argument.reason" say why';
      return { kind: 'Override', rollout, freeze, reason };
    case 'status':
      return { kind: 'Status', rollout };
    default:
      return `"message" must be one of ${MESSAGES.join(', ')}`;
  }
}

const FIELDS = ['digest', 'gate', 'run', 'reason', 'mode', 'node', 'freeze'] as const;
const MESSAGES =
  'approve reject replan pause resume stop rollback skipNode retryNode overrideFreeze status'.split(
    ' ',
  );
