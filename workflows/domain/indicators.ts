/** Which indicators a policy has judged, with what it leaves open filled in. docs/indicators.md gives the reasons. */
import type { Analysis, Indicator, Source } from './analysis-spec.ts';
import type { JudgedIndicator } from './analysis-types.ts';

/** What is known of a source by itself. */
interface SourceFacts {
  readonly unit: string;
  readonly kind: JudgedIndicator['kind'];
  readonly tolerance: number;
  readonly tolerancePercent?: number;
}

/** Must match the table of docs/indicators.md, which a test reads. */
export const SOURCE_FACTS: Readonly<Record<Source, SourceFacts>> = {
  ContainerStart: { unit: 'ms', kind: 'Level', tolerance: 150, tolerancePercent: 25 },
  PodStart: { unit: 'ms', kind: 'Level', tolerance: 1000, tolerancePercent: 50 },
  ImagePull: { unit: 'ms', kind: 'Level', tolerance: 500, tolerancePercent: 50 },
  PodRestarts: { unit: 'restarts', kind: 'Counter', tolerance: 1 },
  RuntimeErrors: { unit: 'errors', kind: 'Counter', tolerance: 5 },
  NodeConditions: { unit: 'conditions', kind: 'Level', tolerance: 0 },
  DaemonCpu: { unit: 'millicores', kind: 'Level', tolerance: 100, tolerancePercent: 50 },
  DaemonMemory: { unit: 'MiB', kind: 'Level', tolerance: 64, tolerancePercent: 50 },
  // Its unit is its query's, and the policy has to say what it tolerates.
  Query: { unit: '', kind: 'Level', tolerance: 0 },
};

/** Measured where a policy names no indicators. PodStart is not among them: it moves in whole seconds. */
const BY_DEFAULT: readonly { readonly name: string; readonly source: Source }[] = [
  { name: 'container-start', source: 'ContainerStart' },
  { name: 'pod-restarts', source: 'PodRestarts' },
  { name: 'runtime-errors', source: 'RuntimeErrors' },
  { name: 'node-conditions', source: 'NodeConditions' },
  { name: 'daemon-cpu', source: 'DaemonCpu' },
  { name: 'daemon-memory', source: 'DaemonMemory' },
];
const WITH_PULL_IMAGE = { name: 'image-pull', source: 'ImagePull' } as const;

/**
 * Returns the indicators of an analysis, in its order. A tolerance of the policy, in whichever of the two
 * forms, stands alone: the larger of both counts, and a default would widen a narrow one.
 */
export function indicatorsOf(analysis: Analysis): readonly JudgedIndicator[] {
  if (analysis.indicators.length > 0) return analysis.indicators.map(judged);
  const sources = analysis.pullImage === undefined ? BY_DEFAULT : [...BY_DEFAULT, WITH_PULL_IMAGE];
  return sources.map((entry) => judged({ ...entry, scope: 'Node', worse: 'Higher' }));
}

function judged(indicator: Indicator): JudgedIndicator {
  const { unit, kind, tolerance, tolerancePercent } = SOURCE_FACTS[indicator.source];
  const own = indicator.tolerance !== undefined || indicator.tolerancePercent !== undefined;
  if (own) return { ...indicator, unit, kind, tolerance: indicator.tolerance ?? 0 };
  return {
    ...indicator,
    ...{ unit, kind, tolerance },
    ...(tolerancePercent === undefined ? {} : { tolerancePercent }),
  };
}
