/** The activity that measures nodes, once. */
import type { MeasuringActivities } from '../workflows/contract.ts';
import type { JudgedIndicator, Reading, Round } from '../workflows/domain/analysis-types.ts';
import { indicatorsOf } from '../workflows/domain/indicators.ts';
import { withHeartbeats } from './context.ts';
import type { ActivityDeps } from './deps.ts';
import { readingOf } from './measuring/answer.ts';
import { measureNode, type NodeAnswers, type OwnSource } from './measuring/node-round.ts';
import { askQueries } from './measuring/queries.ts';
import { Turns } from './measuring/turns.ts';
import { mapLimited } from './parallel.ts';

type MeasureInput = Parameters<MeasuringActivities['measure']>[0];

const PARALLEL_NODES = 16;
/** Nodes whose starts and pulls take turns with each other; of more there are several such groups. */
const NODES_IN_TURN = 8;
/** With a call's own deadline on top, this must stay below the activity's startToClose of two minutes. */
const ROUND_DEADLINE_MS = 75_000;

/** Returns the activity `measure`. */
export function measureActivities(deps: ActivityDeps): Pick<MeasuringActivities, 'measure'> {
  return {
    /**
     * *Effect*: none that lasts; on each node a probe pod comes and goes, and the policy's pullImage, where
     * there is one, is removed and pulled again.
     * *Idempotent because*: it only looks, and the pods' names are always the same: what a dead worker left
     * is removed by the next round, and ends by itself.
     * *Heartbeats*: { measured, of } every 2 s; nodes are measured sixteen at a time, but for starts and pulls,
     * which come one after the other, so that none is slow by another one's.
     * *Fails with*: KubernetesForbidden, KubeconfigInvalid, InvalidDocument. Whatever else gives no answer
     * is a reading that says so.
     */
    async measure(input): Promise<Round> {
      let measured = 0;
      return await withHeartbeats(
        deps.context(),
        () => ({ measured, of: input.nodes.length }),
        () => measureRound(deps, input, () => (measured += 1)),
      );
    },
  };
}

async function measureRound(
  deps: ActivityDeps,
  input: MeasureInput,
  onNode: () => void,
): Promise<Round> {
  const { access, nodes, analysis } = input;
  const indicators = indicatorsOf(analysis);
  const at = new Date(deps.clock.now()).toISOString();
  const cancelled = deps.context().signal;
  const over = new AbortController();
  const timer = setTimeout(
    () => over.abort(new Error(`it was not measured in ${ROUND_DEADLINE_MS / 1000} s`)),
    ROUND_DEADLINE_MS,
  );
  const signal = AbortSignal.any([cancelled, over.signal]);
  try {
    const [own, queries] = await settleBoth(
      measureNodes(deps, input, { indicators, signal, cancelled, onNode }),
      askQueries({
        ...{ deps, cluster: access.cluster, nodes: nodes.map(({ node }) => node) },
        ...{ indicators, providers: analysis.providers, signal, cancelled },
      }),
    );
    const readings = indicators.map(({ name, source }) => [
      name,
      source === 'Query' ? (queries.get(name) ?? []) : own.map(ownReading(source)),
    ]);
    return { cluster: access.cluster, at, readings: Object.fromEntries(readings) };
  } finally {
    clearTimeout(timer);
  }
}

interface NodesQuestion {
  readonly indicators: readonly JudgedIndicator[];
  readonly signal: AbortSignal;
  readonly cancelled: AbortSignal;
  readonly onNode: () => void;
}

interface MeasuredNode {
  readonly node: string;
  readonly answers: NodeAnswers;
}

async function measureNodes(
  deps: ActivityDeps,
  { access, nodes, analysis, verification }: MeasureInput,
  { indicators, signal, cancelled, onNode }: NodesQuestion,
): Promise<readonly MeasuredNode[]> {
  const sources = new Set(
    indicators.flatMap(({ source }): OwnSource[] => (source === 'Query' ? [] : [source])),
  );
  const turns = new Turns(Math.ceil(nodes.length / NODES_IN_TURN));
  const settled = await mapLimited(nodes, PARALLEL_NODES, async ({ node, address }) => {
    const measuring = measureNode({
      ...{ deps, access, node, address, sources, verification, cancelled, signal },
      ...{ pullImage: analysis.pullImage, turns },
    });
    const [result] = await Promise.allSettled([measuring]);
    onNode();
    return { node, result };
  });
  return settled.map(({ node, result }) => {
    if (result.status === 'rejected') throw result.reason;
    return { node, answers: result.value };
  });
}

const ownReading =
  (source: OwnSource) =>
  ({ node, answers }: MeasuredNode): Reading =>
    readingOf(node, answers[source] ?? { error: 'it was not measured' });

/** Waits for both whatever happens: nothing may still be at work on a node when the activity has ended. */
async function settleBoth<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}
