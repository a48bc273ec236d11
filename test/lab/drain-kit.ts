/** What the lab's tests of the activity `drain` share: one cordoned node, and workloads pinned to it. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { ensureWorkerAccount } from '../../lab/control-plane.ts';
import { paths, tool } from '../../lab/paths.ts';
import { attempt } from '../../lab/run.ts';
import type { DrainResult, JobChoice } from '../../workflows/contract.ts';
import { policySchema } from '../../workflows/domain/spec.ts';
import { activities, ref } from './activity-kit.ts';
import { kubectl } from './rollout-kit.ts';

export const NAMESPACE = 'drain-test';
export const FORCE_BINDING = 'drain-test-force';
const NODE = ref.node;

/** Gives a file's tests a namespace and takes it away again, with the node as it was found. */
export function aroundNode(): void {
  before(async () => {
    await ensureWorkerAccount();
    await clean();
    await kubectl('create', 'namespace', NAMESPACE);
  });
  after(clean);
}

async function clean(): Promise<void> {
  const gone = '--ignore-not-found';
  await release();
  await kubectl('delete', 'clusterrolebinding', FORCE_BINDING, gone);
  await kubectl('delete', 'volumeattachment', 'drain-test', gone);
  await kubectl('delete', 'namespace', NAMESPACE, gone, '--wait=true');
  await kubectl('delete', 'pv', 'drain-test', gone);
  await kubectl('uncordon', NODE);
}

/** Takes away finalizers, controllers first: else they would make pods with new ones. */
async function release(): Promise<void> {
  const within = ['-n', NAMESPACE];
  await kubectl(...within, 'delete', 'deployment,job', '--all', '--ignore-not-found');
  const pods = await kubectl(...within, 'get', 'pods', '-o', 'name');
  for (const pod of pods.split('\n').filter((name) => name)) {
    const none = '{"metadata":{"finalizers":null}}';
    const argv = [...within, 'patch', pod, '--type=merge', '-p', none];
    await attempt([tool('kubectl'), '--kubeconfig', paths.kubeconfig, ...argv]);
  }
}

/** Takes the workloads of a test away, so that the next one finds none. */
export async function removeWorkloads(): Promise<void> {
  await release();
  await kubectl('-n', NAMESPACE, 'delete', 'pdb,pod,pvc', '--all', '--wait=true');
  await kubectl('uncordon', NODE);
}

export async function apply(...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const argv = [tool('kubectl'), '--kubeconfig', paths.kubeconfig, 'apply', '-f', '-'];
  const { code, stderr } = await attempt(argv, { input: JSON.stringify(list) });
  assert.equal(code, 0, stderr);
}

/** A pod's spec on the node: it sleeps, and ends quickly. */
function podSpec(more: object): object {
  const image = 'tidegate.lab/tool:1';
  const args = ['sleep', '600'];
  return {
    terminationGracePeriodSeconds: 2,
    nodeSelector: { 'kubernetes.io/hostname': NODE },
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image, imagePullPolicy: 'Never', args }],
    ...more,
  };
}

export function barePod(name: string, metadata: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: name }, ...metadata },
    spec: podSpec(spec),
  };
}

export function deployment(name: string, spec: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(spec) },
    },
  };
}

export function job(name: string): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { app: name } },
        spec: podSpec({ restartPolicy: 'Never' }),
      },
    },
  };
}

/** Starts workloads on the node, waits until each of their pods is ready, and cordons it. */
export async function runOnNode(names: readonly string[], ...objects: object[]): Promise<void> {
  await apply(...objects);
  for (const name of names) await podOf(name);
  const selector = `app in (${names.join(',')})`;
  const ready = ['--for=condition=Ready', '--timeout=60s'];
  await kubectl('-n', NAMESPACE, 'wait', 'pod', '-l', selector, ...ready);
  await kubectl('cordon', NODE);
}

/** Waits until there is a pod of a workload, and returns its name. */
async function podOf(name: string): Promise<string> {
  for (let tries = 0; tries < 50; tries += 1) {
    const found = await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', `app=${name}`, '-o', 'name');
    if (found) return found;
  }
  throw new Error(`there is no pod of ${name}`);
}

/** Drains the node of what a test has put there; the lab's own workload is left in peace by a rule. */
export async function drain(
  policy: { readonly rules?: readonly object[]; readonly [field: string]: unknown },
  more: { readonly jobChoice?: JobChoice; readonly onHeartbeat?: (details: unknown) => void } = {},
): Promise<DrainResult> {
  const others = { name: 'the-shop', match: { namespaces: ['shop'] }, action: 'Skip' };
  const rules = [others, ...(policy.rules ?? [])];
  const parsed = policySchema.shape.spec.parse({ drain: { ...policy, rules } }).drain;
  const { jobChoice, onHeartbeat } = more;
  const input = { ...ref, policy: parsed, ...(jobChoice ? { jobChoice } : {}) };
  return await activities(onHeartbeat).drain(input);
}

/** Returns the notes of a drain but those of the lab's own workload. */
export function ownNotes(result: DrainResult): readonly string[] {
  return (result.notes ?? []).filter((note) => !note.includes('by rule "the-shop"'));
}

/** Returns a pod's name as its workload gave it: without the parts that the controller added. */
export function workloadNames(pods: readonly string[]): string[] {
  return pods.map((pod) =>
    pod.replace(/^drain-test\//, '').replace(/(-[a-z0-9]+)?-[a-z0-9]{5}$/, ''),
  );
}

/** Awaits a failure of a type, and returns its message. */
export async function failing(work: Promise<unknown>, type: string): Promise<string> {
  const error = await work.then(
    (result) => assert.fail(`it did not fail: ${JSON.stringify(result)}`),
    (reason: unknown) => reason as Error & { type?: string },
  );
  assert.equal(error.type, type, error.message);
  return error.message;
}
