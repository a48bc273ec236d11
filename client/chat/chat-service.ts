/** What a chat service has to do: little enough that another one fits beside Slack. */
import type { StopMode } from '../../workflows/contract.ts';

/** A message without anything of a service in it. */
export interface ChatMessage {
  readonly headline: string;
  readonly sections: readonly Section[];
  /** How things stand; all that changes once the matter is decided. */
  readonly state: readonly string[];
  readonly buttons: readonly Button[];
  /** Accounts to be called, such as "slack:U012AB3CD". */
  readonly mentions: readonly string[];
}

/** Lines that belong together. */
export interface Section {
  readonly title?: string;
  readonly lines: readonly string[];
}

/** Something to press; it means the gate and the digest that its message shows. */
export interface Button {
  readonly press: 'approve' | 'reject' | 'details';
  readonly label: string;
  readonly target: GateTarget;
}

/** Exactly what is voted on. */
export interface GateTarget {
  readonly rollout: string;
  readonly run: string;
  readonly gate: string;
  readonly digest: string;
}

/** What is remembered with each message, in the chat service itself. */
export interface Tag {
  /** Unique: "<run>/<gate or notice>/<channel>". */
  readonly key: string;
  readonly rollout: string;
  readonly run: string;
  /** Of the content: where it differs the message is updated. */
  readonly revision: string;
  /** Set for a gate whose buttons work. */
  readonly open?: { readonly gate: string; readonly digest: string };
}

/** A message that is to be there. */
export interface Post {
  readonly tag: Tag;
  readonly message: ChatMessage;
}

/** A message that was found. */
export interface Posted {
  readonly tag: Tag;
  /** The service's own id of it; later ones sort after earlier ones. */
  readonly id: string;
}

/** Where to look for messages: in a channel, or below one message of it. */
export interface Place {
  readonly channel: string;
  readonly sinceMs: number;
  readonly under?: Posted;
}

/** What people ask for. */
export type Action =
  | {
      readonly kind: 'Vote';
      readonly decision: 'Approve' | 'Reject';
      readonly rollout: string;
      /** Of the message that was pressed; absent where it was typed. */
      readonly run?: string;
      readonly gate?: string;
      /** In full, or its first 12 or more digits. */
      readonly digest?: string;
      readonly reason?: string;
    }
  | {
      readonly kind: 'Steer';
      readonly what: 'replan' | 'pause' | 'resume' | 'stop' | 'rollback';
      readonly rollout: string;
      readonly reason?: string;
      readonly mode?: StopMode;
    }
  | {
      readonly kind: 'Node';
      readonly what: 'skipNode' | 'retryNode';
      readonly rollout: string;
      readonly node: string;
      readonly reason?: string;
    }
  | {
      readonly kind: 'Override';
      readonly rollout: string;
      /** The freeze, as the policy names it. */
      readonly freeze: string;
      readonly reason: string;
    }
  | { readonly kind: 'Status'; readonly rollout?: string }
  | { readonly kind: 'Plan'; readonly rollout: string }
  | { readonly kind: 'Help'; readonly problem?: string };

/** What the person is told, and nobody else. */
export interface Answer {
  /** Silent: Temporal or a worker did not answer, so nothing is known. */
  readonly kind: 'Done' | 'Refused' | 'Stranger' | 'Malformed' | 'Silent';
  readonly lines: readonly string[];
}

/** What a service calls when people act. */
export interface Handlers {
  /** Does what an account asks for, once it is known whose it is. */
  act(account: string, action: Action): Promise<Answer>;
  /** Returns why an account may not act on a rollout, as far as that is known without asking. */
  strangerAt(account: string, rollout: string): Answer | undefined;
  /** Returns what a plan does, wave by wave. */
  details(rollout: string): Promise<readonly Section[]>;
}

/** A chat service. Every method throws ChatError; what was not done is done in the next round. */
export interface ChatService {
  /** Before the colon of its channels and accounts. */
  readonly name: string;
  start(handlers: Handlers): Promise<void>;
  stop(): Promise<void>;
  /** Returns what this bridge has posted there, oldest first; `fresh` asks the service again. */
  posted(place: Place, fresh: boolean): Promise<readonly Posted[]>;
  post(place: Place, post: Post): Promise<void>;
  update(place: Place, posted: Posted, post: Post): Promise<void>;
  /** Takes the buttons off and says how things stand; the rest stays as it was shown. */
  close(place: Place, posted: Posted, state: readonly string[]): Promise<void>;
}

/** Something a chat service did not do, in words. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  /** Set where the service was not reached, or did not say what became of the call. */
  readonly silent: boolean;

  constructor(
    message: string,
    options: { readonly silent?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.silent = options.silent ?? false;
  }
}
