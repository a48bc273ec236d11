/** What is measured of a node over the connection to its host: its kubelet's clock, its daemon's use. */
import type { HostAdapter } from '../adapters/host-adapter.ts';
import type { V1Pod } from '../adapters/kube-adapter.ts';
import { type Answer, answerOf, answerOfBoth, type Taken, take } from './answer.ts';
import { type DaemonUsage, millicores, readUsage } from './daemon-usage.ts';
import type { HostFactsOfNode, NodeAnswers, NodeQuestion, OwnSource } from './node-round.ts';
import { forgetImage, type PullInput, pullOnNode } from './pull.ts';
import {
  countersIn,
  errorsSoFar,
  OPERATION_METRICS,
  type OperationCounters,
  pullMs,
  startMs,
} from './runtime-operations.ts';
import { startProbe } from './start.ts';

/** Over less, a processor's ticks of 10 ms make millicores coarse. */
const CPU_WINDOW_MS = 2000;
/** A kubelet tells of a pull up to a second later; most of them are over by then. */
const PULL_TURN_MS = 500;

/** A start, and what was taken right before it. */
interface Started {
  readonly started: Taken<number>;
  readonly usage: Taken<DaemonUsage>;
  readonly before: Taken<OperationCounters>;
  readonly beganMs: number;
}

interface Given {
  readonly host: Taken<HostFactsOfNode>;
  readonly pods: Taken<readonly V1Pod[]>;
}

const OF_HOST: readonly OwnSource[] = [
  'ContainerStart',
  'PodStart',
  'ImagePull',
  'RuntimeErrors',
  'DaemonCpu',
  'DaemonMemory',
];

/** Returns an answer for each of the sources that need the host; the connection is closed whatever happens. */
export async function measureHost(question: NodeQuestion, given: Given): Promise<NodeAnswers> {
  const { deps, access, node, address, sources, signal } = question;
  const wanted = OF_HOST.filter((source) => sources.has(source));
  if (wanted.length === 0) return {};
  const facts = given.host;
  if (!facts.ok)
    return Object.fromEntries(wanted.map((source) => [source, answerOf(facts, never)]));
  const host = deps.host(access, { address, node, signal });
  try {
    const round = new HostRound(question, host, facts.value);
    const answers = await round.measure(given.pods);
    return Object.fromEntries(wanted.map((source) => [source, answers[source] ?? NOT_TAKEN]));
  } finally {
    host.close();
  }
}

const NOT_TAKEN: Answer = { error: 'it was not measured' };
const never = (): Answer => NOT_TAKEN;

class HostRound {
  readonly #question: NodeQuestion;
  readonly #host: HostAdapter;
  readonly #facts: HostFactsOfNode;

  constructor(question: NodeQuestion, host: HostAdapter, facts: HostFactsOfNode) {
    this.#question = question;
    this.#host = host;
    this.#facts = facts;
  }

  /** The pull comes last: its work is not to be found in what the daemon uses to start a container. */
  async measure(pods: Taken<readonly V1Pod[]>): Promise<NodeAnswers> {
    const { started, usage, before, beganMs } = await this.#start();
    const after = await this.#counters('ContainerStart', 'RuntimeErrors', 'ImagePull');
    const later = this.#wants('DaemonCpu') ? await this.#usageAfter(beganMs) : usage;
    const ImagePull = this.#wants('ImagePull') ? await this.#pull(pods, after) : NOT_TAKEN;
    return {
      ContainerStart: answerOf(started, () => answerOfBoth(before, after, startMs)),
      PodStart: answerOf(started, (value) => ({ value })),
      RuntimeErrors: answerOf(after, (counters) => ({ value: errorsSoFar(counters) })),
      DaemonCpu: answerOfBoth(usage, later, millicores),
      DaemonMemory: answerOf(later, ({ rssMiB }) => ({ value: rssMiB })),
      ImagePull,
    };
  }

  #wants(...sources: readonly OwnSource[]): boolean {
    return sources.some((source) => this.#question.sources.has(source));
  }

  #take<T>(work: () => Promise<T>): Promise<Taken<T>> {
    const { cancelled, signal } = this.#question;
    return take(cancelled, async () => {
      signal.throwIfAborted();
      return await work();
    });
  }

  async #usage(): Promise<Taken<DaemonUsage>> {
    if (!this.#wants('DaemonCpu', 'DaemonMemory')) return SKIPPED;
    const { node } = this.#question;
    return await this.#take(() => readUsage(this.#host, node, this.#facts.runtime));
  }

  async #usageAfter(beganMs: number): Promise<Taken<DaemonUsage>> {
    const { deps, signal } = this.#question;
    const waited = await this.#take(async () => {
      const leftMs = beganMs + CPU_WINDOW_MS - deps.clock.now();
      if (leftMs > 0) await deps.clock.sleep(leftMs, signal);
    });
    return waited.ok ? await this.#usage() : waited;
  }

  async #counters(...sources: readonly OwnSource[]): Promise<Taken<OperationCounters>> {
    if (!this.#wants(...sources)) return SKIPPED;
    const { deps, access, node, signal } = this.#question;
    const target = { node, port: this.#facts.kubeletPort, signal };
    return await this.#take(async () => {
      const kubelet = deps.kubelet(access, this.#host);
      return countersIn(await kubelet.metrics(target, OPERATION_METRICS), node);
    });
  }

  /** In its turn, with what has to be known right before. */
  async #start(): Promise<Started> {
    const work = async (): Promise<Started> => {
      const beganMs = this.#question.deps.clock.now();
      const [usage, before] = await Promise.all([this.#usage(), this.#counters('ContainerStart')]);
      return { beganMs, usage, before, started: await this.#probe() };
    };
    if (!this.#wants('ContainerStart', 'PodStart')) return await work();
    const taken = await this.#take(() => this.#question.turns.take(this.#question.signal, work));
    return taken.ok ? taken.value : { beganMs: 0, usage: taken, before: taken, started: taken };
  }

  async #probe(): Promise<Taken<number>> {
    if (!this.#wants('ContainerStart', 'PodStart')) return SKIPPED;
    const { deps, access, node, verification, signal } = this.#question;
    return await this.#take(() =>
      startProbe(deps.kube(access), {
        ...{ node, image: verification.probeImage, command: verification.probeCommand },
        ...{ clock: deps.clock, cancelled: signal },
      }),
    );
  }

  async #pull(pods: Taken<readonly V1Pod[]>, before: Taken<OperationCounters>): Promise<Answer> {
    const { deps, access, node, pullImage: image, turns, signal } = this.#question;
    const { runtime } = this.#facts;
    // Without the pods nobody knows who needs the image, without the kubelet nobody times it.
    if (image === undefined) return { noData: 'the policy names no analysis.pullImage' };
    if (!pods.ok) return answerOf(pods, never);
    if (!before.ok) return answerOf(before, never);
    const input: PullInput = {
      ...{ node, image, runtime, signal },
      ...{ pods: pods.value, clock: deps.clock },
    };
    const pulled = await this.#take(async () => {
      await forgetImage(this.#host, input);
      await turns.take(signal, () => pullOnNode(deps.kube(access), input), PULL_TURN_MS);
    });
    if (!pulled.ok) return answerOf(pulled, never);
    return answerOf(await this.#counters('ImagePull'), (after) => pullMs(before.value, after));
  }
}

const SKIPPED = { ok: false, error: 'it was not asked for' } as const;
