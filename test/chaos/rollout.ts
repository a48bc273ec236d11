/** The documents of the rollouts that faults are struck into. */
import { image } from '../../lab/settings.ts';
import { BAD, NEW } from '../lab/activity-kit.ts';
import { bundleTo, rolloutTo } from '../lab/rollout-kit.ts';
import type { Fault } from './fault.ts';

const usual = {
  drain: { timeoutSeconds: 60, jobs: 'Wait' },
  verification: {
    // A kubelet's watch may come back half a minute after the API server has.
    timeoutSeconds: 45,
    probeImage: image,
    probeCommand: ['/tool', 'sleep', '2'],
    execCommand: ['/tool', 'true'],
  },
  undoDeadlineSeconds: 75,
} as const;

/** Returns the version that a fault's rollout installs. */
export function versionOf({ bundle }: Fault): string {
  return bundle === 'Bad' ? BAD : NEW;
}

/** Returns the Rollout document of a fault, for the node that is struck and those beside it. */
export function documentOf(name: string, fault: Fault, nodes: readonly string[]) {
  const canary = { count: nodes.length, soakSeconds: 0 };
  return rolloutTo({
    name,
    bundle: bundleOf(fault),
    strategy: { canary, onFailure: 'Halt', maxUnavailable: nodes.length },
    spec: { policy: policyOf(fault), targets: { nodes } },
  });
}

function bundleOf(fault: Fault): object {
  const { bundle } = fault;
  const document = bundleTo(versionOf(fault), bundle === 'Drain' ? 'Drain' : 'Restart') as {
    spec: object;
  };
  if (bundle !== 'Reboot') return document;
  return { ...document, spec: { ...document.spec, disruption: 'Reboot' } };
}

function policyOf({ policy = {} }: Fault): object {
  const { drain, verification, ...rest } = policy;
  return {
    apiVersion: 'tidegate.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'chaos' },
    spec: {
      ...usual,
      ...rest,
      drain: { ...usual.drain, ...drain },
      verification: { ...usual.verification, ...verification },
    },
  };
}
