/** All activities, made of the parts they are given. */
import type { TidegateActivities } from '../workflows/contract.ts';
import { kubeCluster } from './adapters/kube.ts';
import { kubeletThrough } from './adapters/kubelet.ts';
import { sshHost } from './adapters/ssh.ts';
import { analysisActivities } from './analysis.ts';
import { baselineActivities } from './baseline.ts';
import { clusterActivities } from './cluster.ts';
import { currentContext, systemClock } from './context.ts';
import type { ActivityDeps, LedgerPort, Log, Workflows } from './deps.ts';
import { drainActivities } from './drain.ts';
import { healthActivities } from './health.ts';
import { hostActivities } from './host.ts';
import { kubernetesActivities } from './kubernetes.ts';
import { ledgerActivities } from './ledger.ts';
import { loadActivities } from './load.ts';
import { loggedKube } from './logged-kube.ts';
import { lookActivities } from './look-before-start.ts';
import { measureActivities } from './measure.ts';
import { openProvider } from './measuring/providers.ts';
import { packageActivities } from './packages.ts';
import { peopleActivities } from './people.ts';
import { planningActivities } from './planning.ts';
import { rebootActivities } from './reboot.ts';
import { silenceActivities } from './silences.ts';
import { transactionActivities } from './transaction.ts';
import { validationActivities } from './validation.ts';
import { verifyActivities } from './verify.ts';

export type { ActivityDeps, Log } from './deps.ts';

/** Returns all activities over the given adapters. */
export function createActivities(deps: ActivityDeps): TidegateActivities {
  return {
    ...planningActivities(deps),
    ...peopleActivities(deps),
    ...hostActivities(deps),
    ...packageActivities(deps),
    ...transactionActivities(deps),
    ...baselineActivities(deps),
    ...verifyActivities(deps),
    ...kubernetesActivities(deps),
    ...drainActivities(deps),
    ...clusterActivities(deps),
    ...healthActivities(deps),
    ...lookActivities(deps),
    ...rebootActivities(deps),
    ...validationActivities(deps),
    ...loadActivities(deps),
    ...measureActivities(deps),
    ...analysisActivities(),
    ...silenceActivities(deps),
    ...ledgerActivities(deps),
  };
}

/** Returns the parts that touch the world: SSH, the Kubernetes API, the machine's clock. */
export function realDeps(settings: {
  readonly configFolder: string;
  readonly log: Log;
  /** Without it nothing is known of other workflows, and no lease of theirs is taken over. */
  readonly workflows?: Workflows;
  /** Without it nothing is kept. */
  readonly ledger?: LedgerPort;
}): ActivityDeps {
  return {
    workflows: { workflowState: async () => 'Unknown', home: async () => undefined },
    kube: (access) => loggedKube(kubeCluster(access)),
    host: (access, target) => sshHost(access.ssh, target),
    kubelet: kubeletThrough,
    provider: openProvider,
    clock: systemClock,
    context: currentContext,
    ...settings,
  };
}
