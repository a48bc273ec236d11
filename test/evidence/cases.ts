/** What measurements have to find, and what they must not. */
import { startPrometheus, stopPrometheus } from '../../lab/monitoring.ts';
import { differences } from '../../lab/reset-nodes.ts';
import { nodes, versions } from '../../lab/settings.ts';
import { slowDown } from '../../lab/slowdown.ts';
import { together } from '../../lab/tasks.ts';
import { pauseTraffic, resumeTraffic } from '../../lab/traffic.ts';
import type { RolloutOutcomeKind } from '../../workflows/contract.ts';
import type { IndicatorVerdict, Verdict } from '../../workflows/domain/analysis-types.ts';
import type { EvidenceCase, Seen } from './case.ts';

const START = 'container-start';
/** Less than the 400 ms that the slowdown adds to a start. */
const VISIBLE_MS = 250;

/** The package that slows every start of a container. */
const slowPatch: EvidenceCase = {
  id: 'slow-patch',
  shows: 'A patch that adds 0.4 s to each start of a container goes back from the canary by itself',
  bundle: 'containerd-slow',
  waveSize: 2,
  patience: 'Usual',
  problems: (seen) => [
    ...endsAs(seen, 'RolledBack'),
    ...canaryFails(seen),
    ...(ofCanary(seen, START)?.verdict === 'Fail' ? [] : [`${START} is not what failed`]),
    ...(seen.outcome.untouched.length === nodes.length - 1 ? [] : ['more than the canary is hit']),
    ...seen.facts.flatMap((facts) => differences(facts).map((text) => `${facts.node}: ${text}`)),
  ],
};

/** The same harm without the patch, and everywhere. */
const slowEverywhere: EvidenceCase = {
  id: 'slow-everywhere',
  shows: 'The same slowdown on all nodes, patched or not, is not blamed on a harmless patch',
  bundle: 'containerd-deb12u3',
  waveSize: 2,
  patience: 'Usual',
  disturb: () => together(...nodes.map(slowDown)),
  problems: (seen) => [
    ...endsAs(seen, 'Succeeded'),
    ...allPass(seen, 3),
    ...isVisible(ofCanary(seen, START)),
    ...arePatched(seen),
  ],
};

const harmless: EvidenceCase = {
  id: 'harmless',
  shows: 'A harmless patch passes',
  bundle: 'containerd-deb12u3',
  waveSize: 4,
  patience: 'Usual',
  problems: (seen) => [...endsAs(seen, 'Succeeded'), ...allPass(seen, 2), ...arePatched(seen)],
};

const providerDies: EvidenceCase = {
  id: 'provider-dies',
  shows: 'Prometheus dies in the soak: an Error, and a person is asked',
  bundle: 'containerd-deb12u3',
  waveSize: 4,
  patience: 'Short',
  disturb: () => stopPrometheus('plug'),
  restore: startPrometheus,
  problems: (seen) => undecided(seen, 'Error'),
};

const noTraffic: EvidenceCase = {
  id: 'no-traffic',
  shows: 'Nobody uses the services in the soak: Inconclusive, and a person is asked',
  bundle: 'containerd-deb12u3',
  waveSize: 4,
  patience: 'Short',
  disturb: pauseTraffic,
  restore: resumeTraffic,
  problems: (seen) => undecided(seen, 'Inconclusive'),
};

/** The harmless one last: it is the one that is repeated. */
export const CASES: readonly EvidenceCase[] = [
  slowPatch,
  slowEverywhere,
  providerDies,
  noTraffic,
  harmless,
];

function endsAs({ outcome }: Seen, wanted: RolloutOutcomeKind): readonly string[] {
  if (outcome.outcome === wanted) return [];
  return [`it ended as ${outcome.outcome}: ${outcome.reasons.join('; ')}`];
}

function canaryFails({ judgements }: Seen): readonly string[] {
  return verdictsAre({ judgements: judgements.slice(-1) }, ['Fail']);
}

function verdictsAre(
  { judgements }: Pick<Seen, 'judgements'>,
  wanted: readonly Verdict[],
): readonly string[] {
  const found = judgements.map(({ verdict }) => verdict);
  const same = found.length === wanted.length && found.every((one, i) => one === wanted[i]);
  return same ? [] : [`verdicts are ${found.join(', ') || 'none'}, not ${wanted.join(', ')}`];
}

/** The canary and each wave, by the last word on it: a soak that showed nothing is extended. */
function allPass({ judgements }: Seen, waves: number): readonly string[] {
  const last = judgements.filter(({ wave }, index) => judgements[index + 1]?.wave !== wave);
  return verdictsAre({ judgements: last }, Array<Verdict>(waves).fill('Pass'));
}

/** Every judgement, extensions included, says that it does not know; then a person refuses. */
function undecided(seen: Seen, verdict: Verdict): readonly string[] {
  const others = seen.judgements.filter((judgement) => judgement.verdict !== verdict);
  return [
    ...(seen.judgements.length > 0 ? [] : ['nothing was judged']),
    ...others.map((judgement) => `a verdict is ${judgement.verdict}: ${judgement.reason}`),
    ...(seen.asked.length > 0 ? [] : ['nobody was asked']),
    ...endsAs(seen, 'RolledBack'),
  ];
}

function ofCanary({ judgements }: Seen, indicator: string): IndicatorVerdict | undefined {
  const [first] = judgements;
  const last = judgements.findLast(({ wave }) => wave === first?.wave);
  return last?.indicators.find((entry) => entry.indicator === indicator);
}

/** Otherwise the case would show nothing. */
function isVisible(found: IndicatorVerdict | undefined): readonly string[] {
  const { baseline = Number.NaN, patched = Number.NaN, control = Number.NaN } = found ?? {};
  const seen = patched - baseline > VISIBLE_MS && control - baseline > VISIBLE_MS;
  return seen
    ? []
    : [`the slowdown was not seen: ${baseline} ms before, ${patched} and ${control} ms`];
}

function arePatched({ facts }: Seen): readonly string[] {
  const old = facts.filter(({ dpkg, ready, schedulable, annotations }) => {
    const asWanted = dpkg === versions.containerdPatched && ready && schedulable;
    return !asWanted || annotations.length > 0;
  });
  return old.map(({ node }) => `${node} is not as an updated node has to be`);
}
