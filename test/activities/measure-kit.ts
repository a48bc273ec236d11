/** A node to be measured: its API, its host and its kubelet as fakes that move together. */
import assert from 'node:assert/strict';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import type { KubeletAdapter, MetricSample } from '../../activities/adapters/kubelet-adapter.ts';
import type {
  MetricsProvider,
  ProviderAnswer,
} from '../../activities/adapters/metrics-provider.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { measureActivities } from '../../activities/measure.ts';
import { DAEMON_USAGE_SCRIPT } from '../../activities/scripts/daemon-usage.ts';
import { FORGET_IMAGE_SCRIPT } from '../../activities/scripts/forget-image.ts';
import { analysisSchema } from '../../workflows/domain/analysis-spec.ts';
import type { Reading, Round } from '../../workflows/domain/analysis-types.ts';
import { access, FakeKube, fakeDeps } from './fakes.ts';

export type AnalysisInput = Parameters<typeof analysisSchema.parse>[0];
type Times = Partial<Record<'run_podsandbox' | 'create_container' | 'start_container', number>>;

/** What a start takes by default, in seconds: 300 ms in all. */
const START: Times = { run_podsandbox: 0.2, create_container: 0.03, start_container: 0.07 };

/** A kubelet in memory; what starts and pulls on its node is counted. */
export class FakeKubelet implements KubeletAdapter {
  startedAt = 1000;
  /** Called before each look. */
  onLook: () => void = () => undefined;
  readonly ports: number[] = [];
  private readonly values = new Map<string, number>();

  count(operation: string, seconds: number): void {
    this.add(`kubelet_runtime_operations_duration_seconds_sum ${operation}`, seconds);
    this.add(`kubelet_runtime_operations_duration_seconds_count ${operation}`, 1);
    this.add(`kubelet_runtime_operations_total ${operation}`, 1);
  }
  fail(operation: string): void {
    this.add(`kubelet_runtime_operations_errors_total ${operation}`, 1);
  }
  private add(key: string, value: number): void {
    this.values.set(key, (this.values.get(key) ?? 0) + value);
  }

  async metrics(
    target: { readonly port: number },
    names: readonly string[],
  ): Promise<readonly MetricSample[]> {
    this.ports.push(target.port);
    this.onLook();
    const samples = [...this.values].map(([key, value]) => {
      const [name = '', operation = ''] = key.split(' ');
      return { name, labels: { operation_type: operation }, value };
    });
    const started = { name: 'process_start_time_seconds', labels: {}, value: this.startedAt };
    return [...samples, started].filter(({ name }) => names.includes(name));
  }
}

/** A cluster in which a created pod starts, or is pulled, by the kubelet's count. */
class CountingKube extends FakeKube {
  readonly kubelet: FakeKubelet;
  starts: Times = START;
  pullSeconds = 0.5;
  /** Names of the pods that were created. */
  readonly created: string[] = [];

  constructor(kubelet: FakeKubelet) {
    super();
    this.kubelet = kubelet;
  }

  override async createPod(...[namespace, pod]: Parameters<FakeKube['createPod']>) {
    this.created.push(pod.metadata?.name ?? '');
    if (!pod.metadata?.name?.startsWith('probe-pull-')) {
      for (const [operation, seconds] of Object.entries(this.starts)) {
        this.kubelet.count(operation, seconds);
      }
      return await super.createPod(namespace, pod);
    }
    this.kubelet.count('pull_image', this.pullSeconds);
    const made = await super.createPod(namespace, pod);
    const waiting = { reason: 'CreateContainerConfigError' };
    if (made)
      made.status = { phase: 'Pending', containerStatuses: [{ state: { waiting } }] as never };
    return made;
  }
}

/** What a host prints for the script of the daemon's use. */
export const usage = (more: Readonly<Record<string, string>> = {}): string => {
  const fields = { process: '7-100', cpuTicks: '10', uptime: '50.00', clockTicks: '100', ...more };
  const lines = Object.entries({ ...fields, rssKiB: '51200', ...more });
  return [...lines.map(([kind, value]) => `${kind}\t${value}`), 'end', ''].join('\n');
};

/** Returns one node, and how to measure it; everything about it can be changed. */
export function scene() {
  const kubelet = new FakeKubelet();
  kubelet.count('list_containers', 0.01);
  const kube = new CountingKube(kubelet);
  const nodeInfo = { containerRuntimeVersion: 'containerd://1.6.20' };
  for (const node of ['east-1', 'east-2']) kube.addNode(node, { status: { nodeInfo } as never });
  const run = fakeDeps(kube);
  const state = {
    /** What the host prints for its first, second … look at the daemon. */
    usages: [usage(), usage({ cpuTicks: '30', uptime: '52.00' })],
    forgotten: 'removed\tdocker.io/library/pull:1\nend\n',
    /** Called before each script. */
    onScript: (_node: string): unknown => undefined,
    closed: 0,
    scripts: [] as { script: string; args: readonly string[] }[],
    answers: (_expression: string): ProviderAnswer => ({ kind: 'Number', value: 1 }),
    asked: [] as string[],
  };
  let looks = 0;
  const host = (_access: unknown, { node }: { node: string }): HostAdapter => ({
    exec: async () => assert.fail('only scripts'),
    connect: async () => assert.fail('the fake kubelet needs no port'),
    run: async (script, args) => {
      state.onScript(node);
      state.scripts.push({ script, args });
      const printed = {
        [DAEMON_USAGE_SCRIPT]: () => state.usages[Math.min(looks++, state.usages.length - 1)],
        [FORGET_IMAGE_SCRIPT]: () => state.forgotten,
      }[script];
      return { code: 0, stdout: printed?.() ?? '', stderr: '', truncated: false };
    },
    close: () => {
      state.closed += 1;
    },
  });
  const provider = (): MetricsProvider => ({
    ask: async (expression, signal) => {
      signal.throwIfAborted();
      state.asked.push(expression);
      return state.answers(expression);
    },
  });
  const deps: ActivityDeps = { ...run.deps, host, kubelet: () => kubelet, provider };
  const measure = (
    analysis: AnalysisInput = {},
    {
      nodes = ['east-1'],
      probeImage = 'probe:1',
    }: { nodes?: string[]; probeImage?: string | null } = {},
  ): Promise<Round> =>
    measureActivities(deps).measure({
      access,
      nodes: nodes.map((node) => ({ node, address: '192.0.2.1' })),
      analysis: analysisSchema.parse(analysis),
      verification: {
        ...{ timeoutSeconds: 10, probeCommand: [], execCommand: [] },
        ...(probeImage === null ? {} : { probeImage }),
      },
    });
  /** Measures one source alone and returns its only reading. */
  const only = async (source: string, more: object = {}): Promise<Reading | undefined> => {
    const round = await measure({ ...more, indicators: [{ name: 'it', source }] } as AnalysisInput);
    return round.readings['it']?.[0];
  };
  return { ...run, deps, kube, kubelet, state, measure, only };
}
