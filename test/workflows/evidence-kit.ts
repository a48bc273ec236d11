/** What tests of measured rollouts share: a policy that measures, and its rollout over five fake nodes. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { GateStatus } from '../../workflows/contract.ts';
import { type Analysis, analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import type { RecordedJudgement } from '../../workflows/domain/analysis-types.ts';
import type { FakeFleet } from './fake-fleet.ts';
import { type AskedReading, usual } from './fake-measures.ts';
import { statusOf, withRollout } from './rollout-kit.ts';

export const STRATEGY = {
  canary: { count: 1, soakSeconds: 60 },
  waves: { size: 2, soakSeconds: 60 },
  ...{ maxUnavailable: 1, onFailure: 'Rollback' },
};

const MEASURED: Analysis = {
  ...analysisSchema.parse({
    ...{ intervalSeconds: 20, baselineRounds: 6, minSamples: 6, extendSeconds: 200 },
    ...{ maxExtensions: 2, maxErrors: 2, maxNodes: 2 },
    providers: [{ name: 'prom', kind: 'Prometheus', url: 'http://127.0.0.1:9090' }],
    indicators: [
      { name: 'latency', source: 'Query', provider: 'prom', query: 'x', tolerance: 150 },
    ],
  }),
};

/** The server's clock stands still while nobody awaits the end: rounds follow each other at once. */
export const QUICK = { intervalSeconds: 0.02, extendSeconds: 0.15 };
export const QUICK_STRATEGY = {
  ...STRATEGY,
  canary: { count: 1, soakSeconds: 0 },
  waves: { size: 2, soakSeconds: 0 },
};

type Body = Parameters<typeof withRollout>[0];
export type Handle = Parameters<Body>[0]['handle'];

/** Runs a rollout whose policy measures; nobody has to approve its plan. */
export async function withMeasured(
  body: Body,
  options: {
    readonly prepare?: (fleet: FakeFleet) => void;
    readonly analysis?: Partial<Analysis>;
    readonly strategy?: object;
    readonly approval?: object;
    readonly people?: readonly object[];
  } = {},
): Promise<void> {
  const { prepare, analysis, strategy = STRATEGY, approval, people } = options;
  await withRollout(body, {
    strategy,
    approval: { required: false, ...approval },
    policy: { analysis: { ...MEASURED, ...analysis }, ...(people ? { people } : {}) },
    ...(prepare ? { prepare } : {}),
  });
}

/** Patched nodes are slower by so much, where they are slower at all. */
export const slower =
  (byMs: number, where: (asked: AskedReading) => boolean = () => true) =>
  (asked: AskedReading) => {
    const { value } = usual(asked);
    return { value: asked.patched && where(asked) ? value + byMs : value };
  };

export async function judgementsOf(handle: Handle): Promise<readonly RecordedJudgement[]> {
  return (await statusOf(handle)).judgements ?? [];
}

/** Returns "wave verdict" of each. */
export async function verdictsOf(handle: Handle): Promise<string[]> {
  return (await judgementsOf(handle)).map(({ wave, verdict }) => `${wave} ${verdict}`);
}

/** Waits for a gate, without a look at the server's clock. */
export async function atGate(handle: Handle, id: string): Promise<GateStatus> {
  for (let i = 0; i < 500; i++) {
    const { gate } = await statusOf(handle);
    if (gate?.id === id) return gate;
    await delay(20);
  }
  return assert.fail(`never at ${id}: ${JSON.stringify(await statusOf(handle))}`);
}

export const send = (handle: Handle, name: string, argument: object) =>
  handle.executeUpdate<string, [object]>(name, { args: [argument] });

/** Checks that what was sent is refused, with these words. */
export async function refusedWith(answer: Promise<unknown>, words: RegExp): Promise<void> {
  await assert.rejects(answer, (error: Error) => {
    assert.match(String((error.cause as Error | undefined)?.message), words);
    return true;
  });
}
