/** Judges what a host and its Node object say after a change. */
import type { NodeOutcome } from '../../workflows/contract.ts';
import type { PlannedPackage } from '../../workflows/domain/plan-types.ts';
import type { V1Node } from '../adapters/kube-adapter.ts';
import type { HostInspection } from '../host-facts.ts';
import { conditionText, hasCondition } from '../node-facts.ts';
import type { CheckAnswer } from './poll.ts';

/** What a host must look like. */
export interface HostExpectation {
  readonly packages: readonly PlannedPackage[];
  readonly expect: 'From' | 'To';
}

/** Judges packages, the kernel, daemons and CRI of one inspection. */
export function judgeHost(
  found: HostInspection,
  wanted: HostExpectation,
): CheckAnswer<NodeOutcome['packages']> {
  const { packages, expect } = wanted;
  const broken = packages.flatMap((entry) => [
    ...packageProblems(entry, expect, found),
    ...wrongKernel(entry, expect, found),
    ...wrongDaemon(entry, expect, found),
  ]);
  const waiting = packages.flatMap((entry) => silentDaemon(entry, found));
  if (broken.length > 0) return { kind: 'Failed', reasons: [...broken, ...waiting] };
  if (waiting.length > 0) return { kind: 'Waiting', reasons: waiting };
  return {
    kind: 'Passed',
    value: packages.map((entry) => packageOutcome(entry, expect, found)),
  };
}

function packageProblems(
  entry: PlannedPackage,
  expect: 'From' | 'To',
  found: HostInspection,
): string[] {
  const { version } = expect === 'To' ? entry.to : entry.from;
  const installed = found.host.packages.find((known) => known.name === entry.name);
  if (installed?.version === version && installed.status?.endsWith(' ok installed')) return [];
  const is = installed?.version ? `${installed.version} (${installed.status})` : 'not installed';
  return [`${entry.name} is ${is} instead of ${version} (install ok installed)`];
}

/** A host that has come back on another kernel than the package's will not change by being waited for. */
function wrongKernel(
  entry: PlannedPackage,
  expect: 'From' | 'To',
  found: HostInspection,
): string[] {
  const { kernelRelease, version } = expect === 'To' ? entry.to : entry.from;
  const { kernel } = found.host;
  if (kernelRelease === undefined || kernel === kernelRelease) return [];
  return [`runs kernel ${kernel} instead of ${kernelRelease} of ${entry.name} ${version}`];
}

/** A daemon that answers has loaded its plugins, and the transaction has restarted it if need be. */
function wrongDaemon(
  entry: PlannedPackage,
  expect: 'From' | 'To',
  found: HostInspection,
): string[] {
  const running = entry.daemon && found.host.daemons[entry.daemon];
  if (!running) return [];
  const { daemonVersion } = expect === 'To' ? entry.to : entry.from;
  const problems = entry.daemon === 'containerd' ? criProblems(found.criPlugins) : [];
  if (running !== daemonVersion) {
    problems.unshift(`the running ${entry.daemon} is ${running} instead of ${daemonVersion}`);
  }
  return problems;
}

function silentDaemon(entry: PlannedPackage, found: HostInspection): string[] {
  if (!entry.daemon) return [];
  if (!found.host.daemons[entry.daemon]) return [`${entry.daemon} does not answer`];
  const silent = entry.daemon === 'containerd' && !found.criPlugins;
  return silent ? ['containerd does not tell its plugins'] : [];
}

/** A default configuration of containerd disables the plugin: then the daemon runs, but not for Kubernetes. */
function criProblems(plugins: HostInspection['criPlugins']): string[] {
  if (!plugins) return [];
  const entries = Object.entries(plugins);
  if (entries.length === 0) return ['containerd serves no CRI: its plugin is not loaded'];
  return entries
    .filter(([, state]) => !/(^| )ok$/.test(state))
    .map(([name, state]) => `containerd's plugin ${name} is "${state}"`);
}

function packageOutcome(entry: PlannedPackage, expect: 'From' | 'To', found: HostInspection) {
  const after = expect === 'To' ? entry.to.version : entry.from.version;
  const daemon = entry.daemon ? found.host.daemons[entry.daemon] : undefined;
  return { name: entry.name, before: entry.from.version, after, ...(daemon && { daemon }) };
}

/** Conditions that must not be True on a node that takes pods. */
const BAD_CONDITIONS = ['NetworkUnavailable', 'DiskPressure', 'MemoryPressure', 'PIDPressure'];

export interface NodeProblem {
  /** Type of the condition. */
  readonly type: string;
  readonly reason: string;
}

/** Returns which conditions keep pods from running on a node: not Ready, or one that is bad. */
export function nodeProblems(node: V1Node): readonly NodeProblem[] {
  const bad = BAD_CONDITIONS.filter((type) => hasCondition(node, type));
  const types = hasCondition(node, 'Ready') ? bad : ['Ready', ...bad];
  return types.map((type) => ({ type, reason: conditionText(node, type) }));
}

/** Judges a Node object: it must be Ready; of other conditions those of `before` are told. */
export function judgeNode(
  node: V1Node,
  before: readonly string[] = [],
): CheckAnswer<readonly string[]> {
  const problems = nodeProblems(node);
  const news = problems.filter(({ type }) => type === 'Ready' || !before.includes(type));
  if (news.length > 0) return { kind: 'Waiting', reasons: news.map(({ reason }) => reason) };
  return { kind: 'Passed', value: problems.map(({ reason }) => `was so before: ${reason}`) };
}
