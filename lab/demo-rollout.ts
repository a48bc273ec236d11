import type { RolloutClient } from '../client/rollout-client.ts';
import { waitFor } from './run.ts';

/** How long a plan of five nodes may take before something is wrong. */
const planTimeoutMs = 120_000;

/**
 * Ends what an interrupted run of the demo left: a rollout that waits for approval is rejected, one
 * that works is waited for. Throws if another rollout runs. Returns what it did, in words.
 */
export async function clearTheWay(client: RolloutClient, rollout: string): Promise<string[]> {
  const running = (await client.list()).filter(({ state }) => state === 'Running');
  const ours = [rollout, `${rollout}-back`];
  const strangers = running.filter((entry) => !ours.includes(entry.rollout));
  if (strangers.length > 0) {
    const names = strangers.map((entry) => entry.rollout).join(', ');
    throw new Error(
      `another rollout runs in the lab (${names}): let it end, or end it with "bin/tidegate stop"`,
    );
  }
  const done: string[] = [];
  for (const { rollout: name } of running) {
    const { status } = await client.status(name);
    const waits = status?.phase === 'AwaitingApproval' || status?.phase === 'Planning';
    if (waits) {
      await client.reject(name, { by: 'platform-oncall', reason: 'the demo begins anew' });
      done.push(`rejected ${name}, which an earlier run left waiting for approval`);
    } else {
      done.push(`waited for ${name}, which an earlier run had left at work`);
    }
    await client.waitFor(name);
  }
  return done;
}

/** Waits until a rollout's plan waits for approval, and returns its digest. */
export async function planDigest(client: RolloutClient, rollout: string): Promise<string> {
  let digest: string | undefined;
  await waitFor({
    what: `the plan of ${rollout}`,
    timeoutMs: planTimeoutMs,
    until: async () => {
      const { status, state, failure } = await client.status(rollout);
      if (state !== 'Running')
        throw new Error(failure?.message ?? `${rollout} has ended: ${state}`);
      digest = status?.phase === 'AwaitingApproval' ? status.digest : undefined;
      return digest !== undefined;
    },
  });
  return digest ?? '';
}
