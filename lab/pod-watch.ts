import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { kubectl } from './control-plane.ts';
import { waitFor } from './run.ts';

/** One pod as the API told of it, from its first sight to its last. */
export interface SeenPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Kind of its controller: ReplicaSet, Job, ...; empty without one. */
  readonly owner: string;
  node: string;
  ip: string;
  phase: string;
  ready: boolean;
  /** Told to stop. */
  ending: boolean;
  /** Gone from the API. */
  gone: boolean;
  /** Phase in which it was told to stop. */
  endedIn: string;
  /** Why Kubernetes ended it: EvictionByEvictionAPI, ...; empty if it did not. */
  disruption: string;
}

// Not a tab: kubectl would align the columns with spaces.
const separator = '|';

const fields = [
  '{.type}',
  '{.object.metadata.uid}',
  '{.object.metadata.namespace}',
  '{.object.metadata.name}',
  '{.object.metadata.ownerReferences[0].kind}',
  '{.object.spec.nodeName}',
  '{.object.status.podIP}',
  '{.object.status.phase}',
  '{.object.status.conditions[?(@.type=="Ready")].status}',
  '{.object.metadata.deletionTimestamp}',
  '{.object.status.conditions[?(@.type=="DisruptionTarget")].reason}',
];

/** Follows all pods of the cluster through the API's own watch, so that none is missed. */
export class PodWatch {
  readonly pods = new Map<string, SeenPod>();
  /** How often the watch had to be taken up again, which only a persistent one is. */
  gaps = 0;
  private child: ChildProcess;
  private failure = '';
  private toldAt = Date.now();
  private over = false;
  /** Whether pods that are gone are forgotten, in a watch that may last for days. */
  private forgets = false;
  /** By uid: after how many gaps a pod was told of last. */
  private readonly toldAfter = new Map<string, number>();
  private readonly persistent: boolean;

  private constructor(persistent: boolean) {
    this.persistent = persistent;
    this.child = this.spawn();
  }

  private spawn(): ChildProcess {
    const template = `jsonpath=${fields.join(separator)}{"\\n"}`;
    const [file = '', ...args] = kubectl('get', 'pods', '-A', '--watch', '--output-watch-events');
    const child = spawn(file, [...args, '-o', template], { stdio: ['ignore', 'pipe', 'pipe'] });
    const { stdout, stderr } = child;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.take(line));
    stderr?.on('data', (chunk: Buffer) => {
      this.failure = chunk.toString().trim();
    });
    child.once('error', (error) => {
      this.failure = error.message;
    });
    if (this.persistent) child.once('close', () => this.takeUpAgain());
    return child;
  }

  private takeUpAgain(): void {
    if (this.over) return;
    setTimeout(() => {
      if (this.over) return;
      this.gaps++;
      this.child = this.spawn();
    }, 250);
  }

  /** Waits until a persistent watch sees again, and takes pods that are not listed any more for gone. */
  async settle(): Promise<void> {
    if (this.gaps === 0) return;
    await waitFor({
      what: 'the pods of the cluster to be listed again',
      timeoutMs: 60_000,
      until: async () => {
        const seesAgain = [...this.toldAfter.values()].includes(this.gaps);
        return seesAgain && Date.now() - this.toldAt > 300;
      },
    });
    for (const pod of this.pods.values()) {
      if (pod.gone || this.toldAfter.get(pod.uid) === this.gaps) continue;
      Object.assign(pod, { gone: true, ending: true, endedIn: pod.endedIn || pod.phase });
    }
  }

  /** Starts to watch whatever the API server does, and returns at once, before any pod was told. */
  static follow(): PodWatch {
    const watch = new PodWatch(true);
    watch.forgets = true;
    return watch;
  }

  /**
   * Starts to watch; returns when the pods there are have been told. A persistent watch is taken up
   * again where the API server went away.
   */
  static async start(options: { readonly persistent?: boolean } = {}): Promise<PodWatch> {
    const watch = new PodWatch(options.persistent ?? false);
    await waitFor({
      what: 'the pods of the cluster to be listed',
      timeoutMs: 20_000,
      until: async () => {
        watch.assertAlive();
        // The list is over when nothing more comes.
        return watch.pods.size > 0 && Date.now() - watch.toldAt > 300;
      },
    });
    return watch;
  }

  /** Ends the watch; throws if it ended before by itself, since then something may be missing. */
  stop(): void {
    this.assertAlive();
    this.kill();
  }

  /** Ends the watch whatever became of it. */
  kill(): void {
    this.over = true;
    this.child.kill();
  }

  /** Returns the addresses of Ready pods whose name begins so, as a Service would have them. */
  readyAddresses(prefix: string): string[] {
    return [...this.pods.values()]
      .filter((pod) => pod.name.startsWith(prefix) && pod.ready && !pod.ending && !pod.gone)
      .map((pod) => pod.ip);
  }

  /** Returns the Ready pods among those that were told of since the watch was last taken up. */
  readyPods(): readonly SeenPod[] {
    const latest = Math.max(...this.toldAfter.values());
    return [...this.pods.values()].filter(
      ({ uid, ready, ending, gone }) =>
        ready && !ending && !gone && this.toldAfter.get(uid) === latest,
    );
  }

  private assertAlive(): void {
    if (this.persistent) return;
    if (this.child.exitCode === null && this.child.signalCode === null) return;
    throw new Error(`the watch of pods ended: ${this.failure || 'without a word'}`);
  }

  private take(line: string): void {
    this.toldAt = Date.now();
    const [type = '', uid = '', namespace = '', name = '', owner = '', ...rest] =
      line.split(separator);
    const [node = '', ip = '', phase = '', ready = '', deletedAt = '', disruption = ''] = rest;
    const earlier = this.pods.get(uid);
    this.toldAfter.set(uid, this.gaps);
    if (type === 'DELETED' && this.forgets) {
      this.pods.delete(uid);
      this.toldAfter.delete(uid);
      return;
    }
    const ending = deletedAt !== '' || type === 'DELETED';
    const endedIn = earlier?.endedIn || (ending ? earlier?.phase || phase : '');
    this.pods.set(uid, {
      ...{ uid, namespace, name, owner, node, ip, phase, ending, endedIn },
      ready: ready === 'True',
      gone: type === 'DELETED',
      disruption: disruption || (earlier?.disruption ?? ''),
    });
  }
}
