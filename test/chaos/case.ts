/** One fault, struck in one rollout, with what came of it. */
import { kubectl } from '../../lab/control-plane.ts';
import { onNode } from '../../lab/node.ts';
import { type Disturbance, Observation } from '../../lab/observation.ts';
import { forget } from '../../lab/reset-nodes.ts';
import { attempt, run } from '../../lab/run.ts';
import type { LabNode } from '../../lab/settings.ts';
import { BAD, containerd, NEW, OLD } from '../lab/activity-kit.ts';
import { bookGaps, outcomeGaps, ownOutcomes, rolloutOutcome, toldOf } from './accounting.ts';
import * as blows from './blows.ts';
import type { Fault } from './fault.ts';
import { type FleetState, readFleet } from './fleet-state.ts';
import type { Story } from './history.ts';
import { type Told, violationsOf } from './invariant.ts';
import { takesApiAway } from './order.ts';
import { versionOf } from './rollout.ts';
import { draw } from './seed.ts';
import { type Clients, rollOutAgain, type Struck, strikeInRollout } from './strike.ts';
import type { CaseRow } from './table.ts';

/** Strikes one fault and returns its row; whatever it left is healed, and nodes are not reset. */
export async function runCase(
  clients: Clients,
  fault: Fault,
  args: { readonly nodes: readonly LabNode[]; readonly seed: number },
): Promise<CaseRow> {
  const { nodes, seed } = args;
  const [node] = nodes as [LabNode];
  const version = versionOf(fault);
  const began = Date.now();
  await prepare(fault, nodes);
  const before = await readFleet();
  const observation = await Observation.start({ persistent: true });
  try {
    const started = Date.now();
    const delayMs = draw(seed, fault.id, fault.moment.delayMs);
    const struck = await strikeInRollout(clients, fault, { nodes, delayMs });
    const second = fault.again ? await rollOutAgain(clients, fault, nodes) : undefined;
    const ended = Date.now();
    const after = await readFleet();
    const harm = await observation.stop();
    const told = (name: string) => lastWord(name, struck.stories, second?.stories ?? []);
    const installs = count(version, after, node.name) - count(version, before, node.name);
    const books = nodes.flatMap(({ name }) =>
      booksOf({ name, fault, before, after, observation, stories: storiesOf(struck, second) }),
    );
    const own = told(node.name);
    return {
      fault: fault.id,
      does: fault.does,
      moment: struck.moment,
      node: node.name,
      outcome: own,
      reason: reasonOf(node.name, storiesOf(struck, second)),
      seconds: (ended - started) / 1000,
      aroundSeconds: (started - began + (Date.now() - ended)) / 1000,
      installs,
      harm,
      gaps: observation.gaps,
      violations: [
        ...struck.violations,
        ...(second?.violations ?? []),
        ...judgeEnd(fault, struck, second),
        ...judgeExpected(fault, struck, own),
        ...judgeFleet(before, after, told, containerdEnd(version)),
        ...books,
        ...judgeHarm(fault, harm),
      ],
    };
  } finally {
    await observation.abandon();
    await undoPreparation(fault, node);
  }
}

async function prepare(fault: Fault, nodes: readonly LabNode[]): Promise<void> {
  const drains = fault.bundle === 'Drain' || fault.bundle === 'Reboot';
  if (drains && fault.jobs === 'Absent') {
    // Its pods would be waited for, longer than a test should.
    await run(kubectl('-n', 'shop', 'delete', 'job', 'batch', '--ignore-not-found', '--wait'));
  }
  for (const node of nodes) {
    const { code, stderr } = await onNode(node, forget);
    if (code !== 0) throw new Error(`${node.name} cannot be prepared: ${stderr}`);
  }
  if (fault.prepare === 'Cordon') await run(kubectl('cordon', nodes[0]?.name ?? ''));
  if (fault.prepare === 'ExhaustBudget') await blows.setBudget(6);
}

/** What was prepared was as the fleet was found, and is none of Tidegate's. */
async function undoPreparation(fault: Fault, node: LabNode): Promise<void> {
  if (fault.prepare === 'Cordon') await attempt(kubectl('uncordon', node.name));
  if (fault.prepare === 'ExhaustBudget') await blows.setBudget(5);
}

function storiesOf(
  first: Pick<Struck, 'stories'>,
  second: Pick<Struck, 'stories'> | undefined,
): readonly Story[] {
  return [...first.stories, ...(second?.stories ?? [])];
}

/** A second rollout has the last word on the nodes that it found something to do on. */
function lastWord(name: string, first: readonly Story[], second: readonly Story[]): Told {
  const told = toldOf(name, second);
  return told === 'Untouched' ? toldOf(name, first) : told;
}

function reasonOf(name: string, stories: readonly Story[]): string {
  const own = ownOutcomes(name, stories).at(-1);
  return (own ? own.reasons : (rolloutOutcome(stories)?.reasons ?? [])).join('; ');
}

function containerdEnd(version: string) {
  const { sha256 } = containerd(version);
  return { version, daemonVersion: version === BAD ? NEW : version, sha256 };
}

function count(version: string, state: FleetState, node: string): number {
  return (state.installed.get(node) ?? []).filter((entry) => entry === version).length;
}

/** The rollout's workflow ended as it had to, and its outcome names every node of the plan. */
function judgeEnd(
  fault: Fault,
  struck: Struck,
  second: Omit<Struck, 'moment'> | undefined,
): readonly string[] {
  const wanted = fault.ends === 'Cancelled' ? 'Canceled' : fault.ends;
  const [rollout] = struck.stories;
  const kind = rollout?.end?.kind ?? 'not at all';
  const missed = struck.moment.startsWith('MISSED');
  const other = kind !== wanted && !missed ? [`the rollout ended ${kind}, not ${wanted}`] : [];
  const both = [struck, ...(second ? [second] : [])].flatMap(({ planned, stories }) => {
    const outcome = rolloutOutcome(stories);
    return outcome ? outcomeGaps(planned, outcome) : [];
  });
  return [...other, ...both];
}

function judgeExpected({ expect }: Fault, { moment }: Struck, told: Told): readonly string[] {
  if (!expect || expect.includes(told) || moment.startsWith('MISSED')) return [];
  return [`ended ${told}, where only ${expect.join(' or ')} is right`];
}

function judgeFleet(
  before: FleetState,
  after: FleetState,
  told: (node: string) => Told,
  to: ReturnType<typeof containerdEnd>,
): readonly string[] {
  const cases = before.nodes.flatMap((found) => {
    const now = after.nodes.find(({ node }) => node === found.node);
    return now ? [{ before: found, after: now, told: told(found.node), to }] : [];
  });
  return violationsOf(cases, after.clusterLease);
}

function booksOf(args: {
  readonly name: string;
  readonly fault: Fault;
  readonly before: FleetState;
  readonly after: FleetState;
  readonly observation: Observation;
  readonly stories: readonly Story[];
}): readonly string[] {
  const { name, fault, before, after, observation, stories } = args;
  const more = (version: string) => count(version, after, name) - count(version, before, name);
  const outcomes = ownOutcomes(name, stories);
  const books = {
    node: name,
    told: toldOf(name, stories),
    evictedSeen: observation.endedOn(name, 'Evicted'),
    evictedSaid: [...new Set(outcomes.flatMap((outcome) => outcome.podsEvicted))],
    installed: { to: more(versionOf(fault)), from: more(OLD) },
    powerLost: fault.powerLost,
  };
  return bookGaps(books, stories).map((gap) => `${name}: ${gap}`);
}

function judgeHarm(fault: Fault, harm: Disturbance): readonly string[] {
  if (fault.harmsPods) return [];
  const { jobPodsLost, cron, evicted } = harm;
  const drains = fault.bundle === 'Drain' || fault.bundle === 'Reboot';
  return [
    ...jobPodsLost.map((pod) => `Job pod ${pod} lost`),
    // Without an API server there are no Jobs, and its controllers are late when it is back.
    ...(takesApiAway(fault) ? [] : cron.missed.map((at) => `CronJob missed ${at}`)),
    ...(drains ? [] : evicted.map((pod) => `${pod} evicted for no reason`)),
  ];
}
