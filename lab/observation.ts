import { type CronFirings, cronFirings } from './cron-firings.ts';
import { HttpProber, type ProbeCount } from './http-prober.ts';
import { PodWatch, type SeenPod } from './pod-watch.ts';

/** What a change did to the workload while it was watched; all of it from the API and the network. */
export interface Disturbance {
  /** Pods that the eviction API ended while they ran, as "namespace/name". */
  readonly evicted: readonly string[];
  /** Pods of Jobs that were ended before they were done, or that failed. */
  readonly jobPodsLost: readonly string[];
  /** Other pods that were ended while they ran, by whomever. */
  readonly otherPodsEnded: readonly string[];
  readonly http: ProbeCount;
  readonly cron: CronFirings;
}

/** Port of the workload's Deployment `web`, see workload.yaml. */
const web = { prefix: 'web-', port: 8080 } as const;
/** Probes of Tidegate's own come and go there. */
const ownNamespace = 'tidegate';

/** Watches the workload from outside from its start to its end. */
export class Observation {
  private readonly watch: PodWatch;
  private readonly prober: HttpProber;
  private readonly startedMs = Date.now();
  /** Pods whose end had come before. */
  private readonly past: ReadonlySet<string>;

  private constructor(watch: PodWatch) {
    this.watch = watch;
    const over = ({ ending, phase }: SeenPod) => ending || phase === 'Failed';
    this.past = new Set([...watch.pods.values()].filter(over).map(({ uid }) => uid));
    const targets = () => watch.readyAddresses(web.prefix);
    this.prober = new HttpProber({ targets, port: web.port, everyMs: 50 });
  }

  /** Begins to watch pods and to send requests; a persistent one outlives the API server. */
  static async start(options: { readonly persistent?: boolean } = {}): Promise<Observation> {
    return new Observation(await PodWatch.start(options));
  }

  /** Returns the pods that the eviction API ended on a node, or that anybody ended while they ran. */
  endedOn(node: string, how: 'Evicted' | 'Ended'): readonly string[] {
    return this.pods()
      .filter((pod) => pod.node === node)
      .filter(how === 'Evicted' ? isEvicted : wasEndedWhileRunning)
      .map(fullName);
  }

  /** How often the API server was away, so that something may not have been seen. */
  get gaps(): number {
    return this.watch.gaps;
  }

  /** Returns whether a pod is of a Job and came to its own good end. */
  jobPodSucceeded(namespace: string, name: string): boolean {
    return [...this.watch.pods.values()].some(
      (pod) =>
        pod.namespace === namespace &&
        pod.name === name &&
        pod.owner === 'Job' &&
        pod.phase === 'Succeeded',
    );
  }

  /** Ends the watch and returns what it saw. */
  async stop(): Promise<Disturbance> {
    const endedMs = Date.now();
    const http = await this.prober.stop();
    const cron = await cronFirings(this.startedMs, endedMs);
    await this.watch.settle();
    this.watch.stop();
    const pods = this.pods();
    const evicted = pods.filter(isEvicted);
    const lost = pods.filter(isLostJobPod);
    const others = pods.filter(
      (pod) => pod.owner !== 'Job' && wasEndedWhileRunning(pod) && !isEvicted(pod),
    );
    return {
      evicted: evicted.map(fullName),
      jobPodsLost: lost.map(fullName),
      otherPodsEnded: others.map(fullName),
      http,
      cron,
    };
  }

  /** Ends the watch where nobody wants to know any more; a process would go on for it. */
  async abandon(): Promise<void> {
    await this.prober.stop();
    this.watch.kill();
  }

  private pods(): readonly SeenPod[] {
    const { past, watch } = this;
    return [...watch.pods.values()].filter(
      ({ uid, namespace }) => !past.has(uid) && namespace !== ownNamespace,
    );
  }
}

function isEvicted(pod: SeenPod): boolean {
  return pod.disruption === 'EvictionByEvictionAPI';
}

function wasEndedWhileRunning(pod: SeenPod): boolean {
  return pod.ending && (pod.endedIn === 'Running' || pod.endedIn === 'Pending');
}

function isLostJobPod(pod: SeenPod): boolean {
  return pod.owner === 'Job' && (wasEndedWhileRunning(pod) || pod.phase === 'Failed');
}

function fullName({ namespace, name }: SeenPod): string {
  return `${namespace}/${name}`;
}
