/** Shapes what a rollout has seen into bodies of the ledger. Called from workflows: replay-visible. */
import type { GateStatus, NodeOutcome, RolloutOutcome, WaveStatus } from '../contract.ts';
import type { LedgerBodies, LedgerEntry, PlannedBody } from '../ledger-contract.ts';
import { keyOf } from './lifecycle.ts';
import type { Plan, PlanResult } from './plan-types.ts';

/** In characters of JSON: far below the 2 MB that Temporal takes in one payload, whatever the alphabet. */
const LONGEST_REQUEST = 500_000;
const LONGEST_BATCH = 250_000;
const MOST_ENTRIES = 100;
const LONGEST_TEXT = 2000;
const MOST_DETAILS = 10;

/** Returns the request as it was given; one too large for an entry is left out, and that is said. */
export function requestedBody(request: unknown, run: string): LedgerBodies['Requested'] {
  const { length } = JSON.stringify(request) ?? '';
  if (length <= LONGEST_REQUEST) return { request, run };
  const where = "the input of the rollout's workflow has it";
  return { request: `left out: ${length} characters long; ${where}`, run };
}

/** Returns who a request says that it is from, or undefined where it names nobody. */
export function requesterOf(request: unknown): string | undefined {
  const spec = (request as { spec?: { requestedBy?: unknown } } | null | undefined)?.spec;
  return typeof spec?.requestedBy === 'string' ? spec.requestedBy : undefined;
}

/** Returns what is kept of a plan: everything but what the nodes look like, which the digest stands for. */
export function plannedBody(
  plan: Plan,
  result: Omit<PlanResult, 'plan' | 'impact'> = {},
): PlannedBody {
  const { approve, warnings = [], owners = [], validations = [] } = result;
  return {
    digest: plan.digest,
    ...(approve === undefined ? {} : { approve }),
    direction: plan.direction,
    requestedBy: plan.requestedBy,
    reason: plan.reason,
    ...(plan.urgent ? { urgent: plan.urgent } : {}),
    bundle: plan.bundle,
    policy: plan.policy.name,
    strategy: plan.strategy,
    waves: plan.waves.map(({ name, canary, cluster, soakSeconds, nodes }) => ({
      ...{ name, canary, cluster, soakSeconds, nodes: nodes.map(keyOf) },
    })),
    ...{ alreadyDone: plan.alreadyDone, excluded: plan.excluded, warnings, owners, validations },
  };
}

/** Returns what is kept of a gate that opens. */
export function gateBody(gate: GateStatus): LedgerBodies['GateOpened'] {
  const { id, digest, evidence, rules, expiresAt } = gate;
  return { id, digest, evidence, rules, expiresAt };
}

/** Returns what is kept of a person's command, which as a signal may be any JSON, and who sent it. */
export function commandEntry(
  command: string,
  said: unknown,
  answer: string,
): { readonly actor: string; readonly body: LedgerBodies['Command'] } {
  const isObject = typeof said === 'object' && said !== null;
  const words = Object.entries(isObject ? said : {}).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, shortened(value)] as const] : [],
  );
  const { by = 'nobody who gave a name', reason, via, ...others } = Object.fromEntries(words);
  const details = Object.fromEntries(Object.entries(others).slice(0, MOST_DETAILS));
  const body = {
    command,
    ...(reason === undefined ? {} : { reason }),
    ...(via === undefined ? {} : { via }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    answer: shortened(answer),
  };
  return { actor: by, body };
}

/** Returns what is kept of each node of a wave. */
export function nodeBodies(
  outcomes: readonly NodeOutcome[],
  wave: string,
  direction: Plan['direction'],
): readonly LedgerBodies['Node'][] {
  return outcomes.map((outcome) => ({ ...outcome, wave, direction }));
}

/** Returns what is kept of a wave that has ended, as the rollout shows it then. */
export function waveBody(
  { wave, state, nodes }: WaveStatus,
  direction: Plan['direction'],
  reason: string,
): LedgerBodies['WaveEnded'] {
  const left = nodes.filter(({ phase }) => phase === 'Pending').map(({ node }) => node);
  const ended = state === 'Pending' ? 'NotStarted' : state;
  return { wave, direction, state: ended, ...(reason === '' ? {} : { reason }), notStarted: left };
}

/** Returns what is kept of a rollout's outcome: its nodes have entries of their own. */
export function outcomeBody(
  { nodes: _nodes, rolledBack: _rolledBack, ...outcome }: RolloutOutcome,
  ended?: LedgerBodies['Outcome']['ended'],
): LedgerBodies['Outcome'] {
  return { ...outcome, ...(ended ? { ended } : {}) };
}

/** Returns the oldest entries that go into one payload; one that is too large for any goes alone. */
export function nextBatch(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  let length = 0;
  const fits = (entry: LedgerEntry, index: number) => {
    length += JSON.stringify(entry).length;
    return index < MOST_ENTRIES && (index === 0 || length <= LONGEST_BATCH);
  };
  const end = entries.findIndex((entry, index) => !fits(entry, index));
  return end < 0 ? [...entries] : entries.slice(0, end);
}

function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
