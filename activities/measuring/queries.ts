/** Asks providers for what a policy's queries name, once for each node or once for the fleet. */
import type { Provider } from '../../workflows/domain/analysis-spec.ts';
import type { JudgedIndicator, Reading } from '../../workflows/domain/analysis-types.ts';
import type { MetricsProvider, ProviderAnswer } from '../adapters/metrics-provider.ts';
import type { ActivityDeps } from '../deps.ts';
import { mapLimited } from '../parallel.ts';
import { type Answer, answerOf, readingOf, take } from './answer.ts';
import { fillQuery } from './promql.ts';

/** Of each provider: it has others to serve. */
const PARALLEL_QUERIES = 8;

export interface QueryQuestion {
  readonly deps: ActivityDeps;
  readonly cluster: string;
  readonly nodes: readonly string[];
  readonly indicators: readonly JudgedIndicator[];
  readonly providers: readonly Provider[];
  readonly cancelled: AbortSignal;
  readonly signal: AbortSignal;
}

/** Returns the readings of each Query by its name, the providers asked beside each other. */
export async function askQueries(
  question: QueryQuestion,
): Promise<ReadonlyMap<string, readonly Reading[]>> {
  const { deps, providers, indicators } = question;
  const asked = await Promise.all(
    providers.map(async (provider) => {
      const own = indicators.filter((entry) => entry.provider === provider.name);
      if (own.length === 0) return [];
      return await askProvider(question, deps.provider(provider), own);
    }),
  );
  return new Map(asked.flat());
}

async function askProvider(
  { cluster, nodes, cancelled, signal }: QueryQuestion,
  provider: MetricsProvider,
  indicators: readonly JudgedIndicator[],
): Promise<(readonly [string, readonly Reading[]])[]> {
  const questions = indicators.flatMap((indicator) => {
    const of = indicator.scope === 'Fleet' ? [''] : nodes;
    return of.map((node) => ({ indicator, node }));
  });
  const readings = await mapLimited(questions, PARALLEL_QUERIES, async ({ indicator, node }) => {
    const query = fillQuery(indicator.query ?? '', { node, cluster });
    const asked = await take(cancelled, async () => {
      signal.throwIfAborted();
      return await provider.ask(query, signal);
    });
    return { name: indicator.name, reading: readingOf(node, answerOf(asked, told)) };
  });
  return indicators.map(({ name }) => [
    name,
    readings.filter((entry) => entry.name === name).map(({ reading }) => reading),
  ]);
}

function told(answer: ProviderAnswer): Answer {
  switch (answer.kind) {
    case 'Number':
      return { value: answer.value };
    case 'NoData':
      return { noData: answer.reason };
    case 'NoAnswer':
      return { error: answer.reason };
  }
}
