/** What activities need of a node's kubelet: some of the metrics that it keeps. */

/** One line of the text format: a name, its labels, a number. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Which kubelet, and what ends the question. */
export interface KubeletTarget {
  readonly node: string;
  /** Where it listens; the Node object says so. */
  readonly port: number;
  readonly signal: AbortSignal;
}

export interface KubeletAdapter {
  /** Returns the samples of these names; fails with KubernetesForbidden where the kubelet says so. */
  metrics(target: KubeletTarget, names: readonly string[]): Promise<readonly MetricSample[]>;
}
