/** One rollout on the lab whose measurements have to come to something that is known beforehand. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutClient } from '../../client/rollout-client.ts';
import type { RolloutView } from '../../client/view.ts';
import { fleetFacts, type NodeFacts } from '../../lab/fleet-facts.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import type { RolloutOutcome } from '../../workflows/contract.ts';
import type { RecordedJudgement } from '../../workflows/domain/analysis-types.ts';
import { rolloutTo, startApproved } from '../lab/rollout-kit.ts';
import { measuredPolicy, type Patience } from './policy.ts';
import type { CaseRow } from './table.ts';

const POLL_MS = 300;
/** A person who decides where measurements do not. */
const PERSON = 'sre-lead';

/** What a rollout came to, by its own word and by the nodes'. */
export interface Seen {
  readonly outcome: RolloutOutcome;
  /** In the order in which they were made; one that an extension replaced is in it as well. */
  readonly judgements: readonly RecordedJudgement[];
  /** Gates at which a person was asked because measurements decided nothing. */
  readonly asked: readonly string[];
  readonly facts: readonly NodeFacts[];
}

export interface EvidenceCase {
  readonly id: string;
  /** What it shows, for the table. */
  readonly shows: string;
  /** Name of one of the example bundles. */
  readonly bundle: string;
  /** Nodes in each wave after the canary. */
  readonly waveSize: number;
  readonly patience: Patience;
  /** What happens when the soak of the canary begins. */
  readonly disturb?: () => Promise<void>;
  /** Takes that back; also where the case failed. */
  readonly restore?: () => Promise<void>;
  /** Returns what is not as it has to be. */
  readonly problems: (seen: Seen) => readonly string[];
}

/** Rolls the case out over a fleet that is as the lab starts it, and judges what came of it. */
export async function runCase(
  client: RolloutClient,
  entry: EvidenceCase,
  run: number,
): Promise<CaseRow> {
  await resetNodes();
  const started = performance.now();
  const name = `evidence-${entry.id}-${run}-${Date.now().toString(36)}`;
  try {
    const { outcome } = await startApproved(client, await documentOf(entry, name));
    const followed = await follow(client, name, entry.disturb);
    const seen = { ...followed, outcome: await outcome, facts: await fleetFacts() };
    const problems = entry.problems(seen);
    return rowOf(entry, { run, seen, problems, seconds: (performance.now() - started) / 1000 });
  } finally {
    await entry.restore?.();
  }
}

async function documentOf(entry: EvidenceCase, name: string) {
  return rolloutTo({
    name,
    bundle: entry.bundle,
    strategy: {
      canary: { soakSeconds: 20 },
      waves: { size: entry.waveSize, soakSeconds: 20 },
      maxUnavailable: 2,
      onFailure: 'Rollback',
    },
    spec: { policy: await measuredPolicy(entry.patience) },
  });
}

/** Watches a rollout to its end; disturbs its canary's soak, and answers as a person who is asked. */
async function follow(
  client: RolloutClient,
  name: string,
  disturb: (() => Promise<void>) | undefined,
): Promise<Pick<Seen, 'judgements' | 'asked'>> {
  const judgements = new Map<string, RecordedJudgement>();
  const asked: string[] = [];
  let disturbed = false;
  for (;;) {
    const view = await client.status(name);
    for (const judgement of view.status?.judgements ?? [])
      judgements.set(`${judgement.wave} ${judgement.at}`, judgement);
    if (view.state !== 'Running') return { judgements: [...judgements.values()], asked };
    if (view.status?.phase === 'Soaking' && !disturbed) {
      disturbed = true;
      await disturb?.();
    }
    asked.push(...(await answer(client, name, view)));
    await sleep(POLL_MS);
  }
}

/** Refuses what measurements do not decide; returns the gate at which it was asked. */
async function answer(client: RolloutClient, name: string, view: RolloutView): Promise<string[]> {
  const gate = view.status?.gate;
  if (!gate?.id.startsWith('judgement-')) return [];
  const reason = 'nothing shows that it is harmless';
  await client.reject(name, { by: PERSON, gate: gate.id, digest: gate.digest, reason });
  return [gate.id];
}

function rowOf(
  entry: EvidenceCase,
  args: {
    readonly run: number;
    readonly seen: Seen;
    readonly problems: readonly string[];
    readonly seconds: number;
  },
): CaseRow {
  const { run, seen, problems, seconds } = args;
  return {
    ...{ id: entry.id, shows: entry.shows, run, problems, seconds },
    outcome: seen.outcome.outcome,
    reasons: seen.outcome.reasons,
    verdicts: seen.judgements.map(({ wave, verdict, reason }) => ({ wave, verdict, reason })),
  };
}
