/** The Lease by which one rollout at a time has a cluster. */
import { rolloutNameOf } from '../workflows/contract.ts';
import { NAMESPACE } from '../workflows/domain/baseline.ts';
import type { ClusterAccess } from '../workflows/domain/inventory.ts';
import type { KubeAdapter, LeaseRecord } from './adapters/kube-adapter.ts';
import type { ActivityDeps } from './deps.ts';
import { fail } from './failure.ts';

const LEASE_NAME = 'tidegate';
const MAX_CONFLICTS = 5;

/** Takes or renews the Lease of a cluster; fails with LeaseHeld while it is another's. */
export async function acquireLease(
  deps: ActivityDeps,
  access: ClusterAccess,
  holder: string,
): Promise<void> {
  await untilSettled(deps, access, async ({ kube, lease, home }) => {
    const own = lease?.holder === holder && sameHome(lease.home, home);
    if (lease && lease.holder !== '' && !own) {
      const why = await whyHeld(deps, lease, home);
      if (why) fail('LeaseHeld', heldText(access, lease, why));
      const { holder: gone, acquiredAtMs } = lease;
      deps.log.warn(
        { cluster: access.cluster, gone, since: iso(acquiredAtMs), holder },
        'the Lease of a rollout that has ended is taken over',
      );
    }
    const now = deps.clock.now();
    const taken: LeaseRecord = {
      holder,
      acquiredAtMs: own ? lease.acquiredAtMs : now,
      renewedAtMs: now,
      ...(home ? { home } : {}),
      ...(lease?.version ? { version: lease.version } : {}),
    };
    giveUpIfAborted(deps);
    // Only the version that was judged is replaced: a holder that came back meanwhile is seen.
    return await kube.putLease(NAMESPACE, LEASE_NAME, taken);
  });
}

/** Deletes the holder's Lease; one that is gone, or another's, is left. */
export async function releaseLease(
  deps: ActivityDeps,
  access: ClusterAccess,
  holder: string,
): Promise<void> {
  await untilSettled(deps, access, async ({ kube, lease, home }) => {
    if (lease?.holder !== holder || !sameHome(lease.home, home)) return true;
    giveUpIfAborted(deps);
    return await kube.deleteLease(NAMESPACE, LEASE_NAME, lease);
  });
}

/** What an attempt at the Lease works with. */
interface Attempt {
  readonly kube: KubeAdapter;
  readonly lease: LeaseRecord | undefined;
  /** Id of our Temporal namespace, where it is known. */
  readonly home: string | undefined;
}

/** Reads the Lease and tries; again where it has changed meanwhile, which is when `attempt` says false. */
async function untilSettled(
  deps: ActivityDeps,
  access: ClusterAccess,
  attempt: (found: Attempt) => Promise<boolean>,
): Promise<void> {
  const kube = deps.kube(access);
  const home = await deps.workflows.home();
  for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
    const lease = await kube.getLease(NAMESPACE, LEASE_NAME);
    if (await attempt({ kube, lease, home })) return;
  }
  fail('KubernetesUnreachable', `The Lease of ${access.cluster} changes all the time.`);
}

/** An attempt that is cancelled or was given up writes nothing behind the back of a later one. */
function giveUpIfAborted(deps: ActivityDeps): void {
  deps.context().signal.throwIfAborted();
}

/** Rollouts of two Temporals can have one name; where either is not known, the name decides. */
function sameHome(theirs: string | undefined, ours: string | undefined): boolean {
  return theirs === undefined || ours === undefined || theirs === ours;
}

/**
 * Returns why a lease has to be respected, and what can be done; undefined if its holder has ended.
 * One of which Temporal knows nothing has ended only if it is certain that it was this Temporal's.
 */
async function whyHeld(
  deps: ActivityDeps,
  lease: LeaseRecord,
  home: string | undefined,
): Promise<string | undefined> {
  const remove = `"kubectl -n ${NAMESPACE} delete lease ${LEASE_NAME}" removes it`;
  const rollout = rolloutNameOf(lease.holder);
  if (!rollout) return `Wait for it or end it; if it is long gone, ${remove}.`;
  if (!sameHome(lease.home, home)) {
    return `That rollout is one of another Temporal namespace (id ${lease.home}). Ask there; if it is long gone, ${remove}.`;
  }
  const state = await deps.workflows.workflowState(lease.holder);
  switch (state) {
    case 'Running':
      return `It still runs: "tidegate status ${rollout}" says what it waits for, "tidegate stop ${rollout} --as YOU --reason WHY" ends it.`;
    case 'Ended':
      return undefined;
    case 'Absent':
      if (lease.home !== undefined && lease.home === home) return undefined;
      return `This Temporal knows no such workflow, but another one may. If it is long gone, ${remove}.`;
    case 'Unknown':
      return `Temporal does not say whether it still runs. Wait for it or end it; if it is long gone, ${remove}.`;
  }
}

function heldText(access: ClusterAccess, lease: LeaseRecord, why: string): string {
  return `Cluster ${access.cluster} is leased by ${lease.holder} since ${iso(lease.acquiredAtMs)}. ${why}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
