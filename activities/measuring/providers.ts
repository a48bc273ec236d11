/** Who answers queries: one adapter a kind of provider, and whether all of them answer at all. */
import type { Analysis, Indicator, Provider } from '../../workflows/domain/analysis-spec.ts';
import type { Policy } from '../../workflows/domain/spec.ts';
import type { MetricsProvider } from '../adapters/metrics-provider.ts';
import { prometheus } from '../adapters/prometheus.ts';
import type { ActivityDeps } from '../deps.ts';
import { fail } from '../failure.ts';
import { mapLimited } from '../parallel.ts';
import { fillQuery } from './promql.ts';

const ADAPTERS: { readonly [Kind in Provider['kind']]: (provider: Provider) => MetricsProvider } = {
  Prometheus: prometheus,
};

const PARALLEL_ASKED = 8;

/** Returns the adapter of a provider; a kind that there is none for stops whatever needs it. */
export function openProvider(provider: Provider): MetricsProvider {
  if (!Object.hasOwn(ADAPTERS, provider.kind)) {
    const known = Object.keys(ADAPTERS).join(', ');
    fail(
      'InvalidDocument',
      `Provider ${provider.name}: its kind "${provider.kind}" is unknown; there is ${known}. Correct analysis.providers of the Policy.`,
    );
  }
  return ADAPTERS[provider.kind](provider);
}

/** A node that is nowhere: what is asked of it has no data, which is no mistake of the query. */
const NOBODY = { node: 'tidegate-asks-whether-this-works', cluster: 'tidegate' };

/**
 * Returns in words what keeps an analysis from being measured: a provider that does not answer, a
 * query that it does not understand, a source that lacks what it needs. Empty where all is well.
 */
export async function checkProviders(
  deps: Pick<ActivityDeps, 'provider' | 'context'>,
  analysis: Analysis,
  verification?: Policy['spec']['verification'],
): Promise<readonly string[]> {
  const looked = await mapLimited(analysis.providers, PARALLEL_ASKED, async (provider) => {
    const down = await providerProblem(deps, provider);
    if (down !== undefined) return [down];
    const queries = analysis.indicators.filter((entry) => entry.provider === provider.name);
    const found = await mapLimited(queries, PARALLEL_ASKED, (indicator) =>
      queryProblem(deps, provider, indicator),
    );
    return found.flatMap((problem) => problem ?? []);
  });
  return [...looked.flat(), ...unmeasurable(analysis, verification)];
}

async function providerProblem(
  { provider: open, context }: Pick<ActivityDeps, 'provider' | 'context'>,
  provider: Provider,
): Promise<string | undefined> {
  const answer = await open(provider).ask('1', context().signal);
  const who = `Provider ${provider.name} (${provider.url})`;
  const help = 'Start it, or correct analysis.providers of the Policy.';
  switch (answer.kind) {
    case 'Number':
      return answer.value === 1 ? undefined : `${who} says that 1 is ${answer.value}. ${help}`;
    case 'NoData':
    case 'NoAnswer':
      return `${who} does not answer the query "1": ${answer.reason}. ${help}`;
  }
}

async function queryProblem(
  { provider: open, context }: Pick<ActivityDeps, 'provider' | 'context'>,
  provider: Provider,
  { name, query = '' }: Indicator,
): Promise<string | undefined> {
  const answer = await open(provider).ask(fillQuery(query, NOBODY), context().signal);
  if (answer.kind !== 'NoAnswer') return undefined;
  return `Indicator ${name}: provider ${provider.name} (${provider.url}) has no answer to its query: ${answer.reason}. Correct the query in analysis.indicators of the Policy.`;
}

const NEEDS_PROBE: readonly Indicator['source'][] = ['ContainerStart', 'PodStart'];

/** Indicators that are named and start a probe, which has no image. */
function unmeasurable(
  analysis: Analysis,
  verification: Policy['spec']['verification'] | undefined,
): readonly string[] {
  if (!verification || verification.probeImage !== undefined) return [];
  return analysis.indicators
    .filter(({ source }) => NEEDS_PROBE.includes(source))
    .map(
      ({ name, source }) =>
        `Indicator ${name}: ${source} starts a probe, and the Policy names no verification.probeImage. Name one, or leave the indicator out.`,
    );
}
