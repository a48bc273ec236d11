/** Judges one node at plan time. Called from activities only: may change any day. */
import { exceptedFor } from './exceptions.ts';
import {
  ATTENTION_ANNOTATION,
  type HostFacts,
  type NodeFacts,
  type OfferedPackage,
  type PackageFacts,
  QUARANTINE,
} from './inventory.ts';
import type { PackageVersion, PlannedNode, PlannedPackage } from './plan-types.ts';
import type { Bundle, BundleVersion, Disruption, Policy, Rollout } from './spec.ts';

type BundlePackage = Bundle['spec']['releases'][number]['packages'][number];

export interface NodeQuestion {
  readonly rollout: Rollout;
  readonly bundle: Bundle;
  readonly policy: Policy;
  readonly facts: NodeFacts;
  /** Versions that the node's own package sources offer. */
  readonly offered: readonly OfferedPackage[];
  /** The day in UTC, as "2026-11-25"; empty where exceptions hold whatever day it is. */
  readonly today?: string;
}

export type NodeAnswer =
  | { readonly kind: 'Planned'; readonly node: PlannedNode }
  | { readonly kind: 'AlreadyDone'; readonly reason: string }
  | { readonly kind: 'Excluded'; readonly reason: string }
  | { readonly kind: 'Refused'; readonly reasons: readonly string[] };

/** Decides what a rollout does with one node, with every reason against it. */
export function judgeNode(question: NodeQuestion): NodeAnswer {
  const { facts, bundle, policy, today = '' } = question;
  const { host } = facts;
  const excepted = exceptedFor(policy.spec.exceptions, facts, today);
  if (excepted !== undefined) return { kind: 'Excluded', reason: excepted };
  if (facts.needsAttention !== undefined) {
    return {
      kind: 'Excluded',
      reason: `waits for a person: ${facts.needsAttention} (put it right, then remove the annotation ${ATTENTION_ANNOTATION})`,
    };
  }
  if (facts.labels[QUARANTINE] !== undefined) {
    return {
      kind: 'Excluded',
      reason: `is in quarantine (put it right, then remove the label and the taint ${QUARANTINE})`,
    };
  }
  if (!host) return judgeUnreachable(question);
  if (!facts.ready) return { kind: 'Excluded', reason: 'is not Ready; repair it first' };
  const wrongClock = clockProblem(host.clockSkewMs, question.policy);
  if (wrongClock) return { kind: 'Excluded', reason: wrongClock };
  const release = bundle.spec.releases.find(
    (entry) => entry.os === host.os && entry.architecture === host.architecture,
  );
  if (!release) {
    const known = bundle.spec.releases.map((entry) => `${entry.os}/${entry.architecture}`);
    return refuse(
      `runs ${host.os}/${host.architecture}; bundle ${bundle.metadata.name} has only ${known.join(', ')}`,
    );
  }
  const packages = release.packages.map((entry) => judgePackage(entry, question));
  const reasons = [
    ...packages.flatMap((entry) => entry.reasons),
    ...survivalProblems(
      bundle.spec.disruption,
      packages.filter((entry) => !entry.done),
      host,
    ),
  ];
  if (reasons.length > 0) return { kind: 'Refused', reasons };
  // One that an ended run has left leased is visited all the same, to be proved and handed back.
  if (packages.every((entry) => entry.done) && !facts.lease) {
    const versions = packages.map((entry) => `${entry.planned.name} ${entry.planned.to.version}`);
    return { kind: 'AlreadyDone', reason: `runs ${versions.join(', ')} already` };
  }
  const changing = packages.filter((entry) => !entry.done);
  const planned = (changing.length > 0 ? changing : packages).map((entry) => entry.planned);
  return {
    kind: 'Planned',
    node: {
      cluster: facts.cluster,
      node: facts.node,
      uid: facts.uid,
      address: facts.address,
      failureDomain: facts.failureDomain,
      cordoned: facts.unschedulable,
      disruption: bundle.spec.disruption,
      packages: planned,
      expects: { os: host.os, architecture: host.architecture, kernel: host.kernel },
    },
  };

  function refuse(reason: string): NodeAnswer {
    return { kind: 'Refused', reasons: [reason] };
  }
}

/** A clock that is off breaks certificates, logs and windows: such a node is repaired first. */
function clockProblem(skewMs: number | undefined, policy: Policy): string | undefined {
  const limit = policy.spec.maxClockSkewSeconds;
  if (skewMs === undefined || Math.abs(skewMs) <= limit * 1000) return undefined;
  const off = `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'}`;
  return `its clock is ${off} the worker's, more than the ${limit} s of the policy's maxClockSkewSeconds; set it right (timedatectl shows what keeps it)`;
}

/** With these systemd kills what a daemon has started when it stops the daemon. */
const DEADLY_KILL_MODES = ['control-group', 'mixed'];

/**
 * Says why containers could not survive, or would not be seen to. CRI-O starts its containers' monitors
 * outside its unit, so that only containerd's KillMode matters.
 */
function survivalProblems(
  disruption: Disruption,
  changing: readonly PackageAnswer[],
  host: HostFacts,
): string[] {
  if (changing.length === 0 || disruption === 'Drain' || disruption === 'Reboot') return [];
  const daemons = changing.flatMap((entry) => entry.planned.daemon ?? []);
  const mode = host.killModes?.['containerd'] ?? '';
  if (daemons.includes('containerd') && DEADLY_KILL_MODES.includes(mode)) {
    return [
      `containerd.service has KillMode=${mode}: a restart would kill its containers (a drop-in with KillMode=process keeps them; disruption Drain does without)`,
    ];
  }
  return daemons.length === 0 && Object.keys(host.daemons).length === 0
    ? ['no container runtime answers: what has to survive cannot be counted; repair it first']
    : [];
}

function judgeUnreachable({ facts, rollout }: NodeQuestion): NodeAnswer {
  const type = facts.unreachable?.type ?? 'HostUnreachable';
  const message = facts.unreachable?.message ?? 'the host was not read';
  const mayExclude = type === 'HostUnreachable' || type === 'HostCommandFailed';
  if (mayExclude && rollout.spec.strategy.onUnreachable === 'Exclude') {
    return { kind: 'Excluded', reason: `${type}: ${message}` };
  }
  const hint = mayExclude ? ' (spec.strategy.onUnreachable: Exclude leaves such nodes out)' : '';
  return { kind: 'Refused', reasons: [`${type}: ${message}${hint}`] };
}

interface PackageAnswer {
  readonly planned: PlannedPackage;
  readonly done: boolean;
  readonly reasons: readonly string[];
}

function judgePackage(entry: BundlePackage, question: NodeQuestion): PackageAnswer {
  const { facts, rollout, policy, offered } = question;
  const installed = facts.host?.packages.find((known) => known.name === entry.name);
  const ends = chooseEnds(entry, rollout.spec.direction, installed?.version);
  const planned = plannedPackage(entry, ends.from ?? ends.to, ends.to);
  const running = entry.daemon ? facts.host?.daemons[entry.daemon] : undefined;
  const done = installed?.version === ends.to.version;
  const reasons = [...installationProblems(entry, installed)];
  if (installed?.version !== undefined && !done && !ends.from) {
    reasons.push(unlisted(entry, installed.version, rollout.spec.direction));
  }
  const expected = done ? planned.to.daemonVersion : planned.from.daemonVersion;
  if (entry.daemon && (done || ends.from) && running !== expected) {
    reasons.push(
      `has ${entry.name} ${installed?.version ?? ''} installed, but the running ${entry.daemon} is ${running ?? 'not answering'}; restart ${entry.daemon} on the node first`,
    );
  }
  const kernel = done ? planned.to.kernelRelease : planned.from.kernelRelease;
  if (kernel !== undefined && (done || ends.from) && facts.host?.kernel !== kernel) {
    reasons.push(
      `has ${entry.name} ${installed?.version ?? ''} installed, but runs kernel ${facts.host?.kernel} instead of ${kernel}; reboot the node first`,
    );
  }
  if (!done) {
    if (rollout.spec.direction === 'Forward') reasons.push(...unsupported(planned, policy));
    reasons.push(
      ...offerProblems(planned, 'to', offered),
      ...offerProblems(planned, 'from', offered),
    );
  }
  return { planned, done, reasons };
}

function unlisted(entry: BundlePackage, version: string, direction: 'Forward' | 'Back'): string {
  const known =
    direction === 'Forward'
      ? `does not list under "from" (${entry.from.map((from) => from.version).join(', ')})`
      : `cannot take back: its "to" is ${entry.to.version}`;
  return `has ${entry.name} ${version}, which the bundle ${known}`;
}

function chooseEnds(
  entry: BundlePackage,
  direction: 'Forward' | 'Back',
  installed: string | undefined,
): { from: BundleVersion | undefined; to: BundleVersion } {
  if (direction === 'Forward') {
    return { from: entry.from.find((known) => known.version === installed), to: entry.to };
  }
  const back = entry.from.find((known) => known.version === installed) ?? entry.from[0];
  if (!back) throw new Error(`bundle package ${entry.name} has no "from"`);
  return { from: installed === entry.to.version ? entry.to : undefined, to: back };
}

function plannedPackage(
  entry: BundlePackage,
  from: BundleVersion,
  to: BundleVersion,
): PlannedPackage {
  return {
    name: entry.name,
    ...(entry.daemon ? { daemon: entry.daemon } : {}),
    ...(entry.onHold === 'Rehold' ? { onHold: entry.onHold } : {}),
    from: packageVersion(from),
    to: packageVersion(to),
  };
}

function packageVersion(known: BundleVersion): PackageVersion {
  const { version, sha256, kernelRelease } = known;
  const daemonVersion = known.daemonVersion ?? version;
  return { version, sha256, daemonVersion, ...(kernelRelease ? { kernelRelease } : {}) };
}

function installationProblems(entry: BundlePackage, installed: PackageFacts | undefined): string[] {
  if (installed?.version === undefined) return [`has no package ${entry.name} installed`];
  return installed.held && entry.onHold !== 'Rehold'
    ? [
        `has package ${entry.name} on hold (apt-mark unhold ${entry.name} releases it; onHold: Rehold in the bundle changes it all the same)`,
      ]
    : [];
}

function unsupported(planned: PlannedPackage, policy: Policy): string[] {
  const rule = policy.spec.supported.find((entry) => entry.package === planned.name);
  if (!rule || rule.versions.includes(planned.to.version)) return [];
  return [
    `policy ${policy.metadata.name} does not support ${planned.name} ${planned.to.version} (spec.supported has ${rule.versions.join(', ')})`,
  ];
}

function offerProblems(
  planned: PlannedPackage,
  end: 'from' | 'to',
  offered: readonly OfferedPackage[],
): string[] {
  const wanted = planned[end];
  const known = offered.filter((entry) => entry.name === planned.name);
  const same = known.filter((entry) => entry.version === wanted.version);
  const way = end === 'to' ? 'to install' : 'for the way back';
  if (same.length === 0) {
    const versions = [...new Set(known.map((entry) => entry.version))].join(', ') || 'nothing';
    return [
      `PackageUnavailable: its package sources do not offer ${planned.name} ${wanted.version} ${way} (they offer ${versions})`,
    ];
  }
  if (same.some((entry) => entry.sha256 === wanted.sha256)) return [];
  return [
    `DigestMismatch: its package sources offer ${planned.name} ${wanted.version} with sha256 ${same[0]?.sha256}, the bundle says ${wanted.sha256}`,
  ];
}
