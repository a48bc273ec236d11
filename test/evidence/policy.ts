/** The policy that the cases are rolled out under: the example's, with measurements in seconds, not minutes. */
import { readDocuments } from '../../activities/adapters/documents.ts';
import { prometheusUrl } from '../../lab/monitoring.ts';
import { versions } from '../../lab/settings.ts';
import type { Policy } from '../../workflows/domain/spec.ts';

/** What Tidegate measures by itself. */
const OWN = [
  { name: 'container-start', source: 'ContainerStart' },
  { name: 'pod-restarts', source: 'PodRestarts' },
  { name: 'runtime-errors', source: 'RuntimeErrors' },
  { name: 'node-conditions', source: 'NodeConditions' },
  { name: 'daemon-cpu', source: 'DaemonCpu' },
  { name: 'daemon-memory', source: 'DaemonMemory' },
] as const;

const where = 'cluster="$cluster",node="$node"';
const rate = (metric: string, more = '') => `rate(${metric}{${where}${more}}[10s])`;

/** What users of a node's pods get; 0 / 0 where nobody asks for anything, which is no number. */
const USERS = [
  {
    name: 'latency',
    query: `histogram_quantile(0.9, sum by (le) (${rate('http_request_duration_seconds_bucket')}))`,
    tolerance: 0.25,
  },
  {
    name: 'errors',
    query:
      `1 - sum(${rate('http_requests_total', ',code="200"')})` +
      ` / sum(${rate('http_requests_total')})`,
    tolerance: 0.05,
  },
] as const;

/** Returns an inline policy that measures every few seconds and asks a person soon. */
export async function measuredPolicy(): Promise<object> {
  const { documents } = await readDocuments('examples');
  const standard = documents.find(({ kind, name }) => kind === 'Policy' && name === 'standard');
  if (!standard) throw new Error('examples/ holds no Policy named standard');
  const document = standard.value as Pick<Policy, 'apiVersion' | 'kind' | 'spec'>;
  const { apiVersion, kind, spec } = document;
  const allowed = [versions.containerdPatched, versions.containerdSlow];
  return {
    ...{ apiVersion, kind, metadata: { name: 'evidence' } },
    spec: {
      ...spec,
      supported: [{ package: 'containerd', versions: allowed }],
      analysis: {
        ...{ intervalSeconds: 2, baselineRounds: 8, minSamples: 8 },
        ...{ extendSeconds: 6, maxExtensions: 1, maxErrors: 2 },
        providers: [{ name: 'prometheus', kind: 'Prometheus', url: prometheusUrl }],
        indicators: [
          ...OWN,
          ...USERS.map((user) => ({ ...user, source: 'Query', provider: 'prometheus' })),
        ],
      },
    },
  };
}
