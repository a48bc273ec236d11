/** Puts the parts of chat together, starts them in order and stops them in reverse. */
import type { Logger } from 'pino';
import { signStatement } from '../signing.ts';
import { Bridge } from './bridge.ts';
import type { Action, ChatService, Handlers } from './chat-service.ts';
import type { ChatConfig } from './config.ts';
import { Desk } from './desk.ts';
import { ChatHttp } from './http.ts';
import type { Rollouts } from './rollouts.ts';
import { SLACK_PATH, SlackService } from './slack.ts';
import { Snapshots } from './snapshots.ts';
import { WebhookService } from './webhook.ts';

/** A chat that runs. */
export interface RunningChat {
  readonly port: number;
  /** Makes a round at once; for tests. */
  readonly round: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts chat; throws where it can't. */
export async function startChat(
  config: ChatConfig,
  parts: { readonly rollouts: Rollouts; readonly log: Logger; readonly now: () => number },
): Promise<RunningChat> {
  const { rollouts, log, now } = parts;
  const slack = config.slack && new SlackService(config.slack, log);
  const webhooks =
    config.webhooks.length > 0 ? new WebhookService(config.webhooks, now) : undefined;
  const services: ChatService[] = [slack, webhooks].filter((service) => service !== undefined);
  const snapshots = new Snapshots(rollouts, log);
  const { channels, pollMs, signing } = config;
  const signer = signing && {
    signer: signing.signer,
    sign: (statement: string) => signStatement(statement, signing.keyFile),
  };
  const desk = new Desk({ rollouts, snapshots, log, ...(signer ? { signer } : {}) });
  const bridge = new Bridge({ snapshots, services, channels, log, pollMs, now });
  const http = new ChatHttp({
    port: config.port,
    health: () => ({ temporalSeenAt: isoOf(bridge.lastSeenMs) }),
    ...(webhooks ? { webhooks } : {}),
    ...(slack?.requests
      ? { slack: { path: SLACK_PATH, listener: slack.requests.requestListener } }
      : {}),
  });
  for (const service of services) await service.start(handlersOf(desk, bridge));
  const port = await http.start();
  bridge.start();
  log.info({ port, services: services.map(({ name }) => name), channels }, 'chat ready');
  return {
    port,
    round: () => bridge.round(),
    stop: async () => {
      await http.stop();
      for (const service of services) await service.stop();
      await bridge.stop();
      log.info({}, 'chat stopped');
    },
  };
}

const READING: ReadonlySet<Action['kind']> = new Set(['Status', 'Plan', 'Help']);

/** Whatever a person has done shows at once, not in the next round. */
function handlersOf(desk: Desk, bridge: Bridge): Handlers {
  return {
    act: async (account, action) => {
      const answer = await desk.act(account, action);
      if (!READING.has(action.kind)) void bridge.round();
      return answer;
    },
    strangerAt: (account, rollout) => desk.strangerAt(account, rollout),
    details: (rollout) => desk.details(rollout),
  };
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
