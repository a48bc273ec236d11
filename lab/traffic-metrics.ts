/** How long requests took and how they ended, as Prometheus reads it; by node and service. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

interface Series {
  readonly node: string;
  readonly service: string;
  readonly buckets: number[];
  readonly byCode: Map<string, number>;
  seconds: number;
  count: number;
}

export class TrafficMetrics {
  private readonly series = new Map<string, Series>();

  /** Counts one request; the code of one that got no answer is "000". */
  add(where: { readonly node: string; readonly service: string }, code: string, ms: number): void {
    const series = this.of(where);
    const seconds = ms / 1000;
    bounds.forEach((bound, index) => {
      if (seconds <= bound) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
    });
    series.seconds += seconds;
    series.count += 1;
    series.byCode.set(code, (series.byCode.get(code) ?? 0) + 1);
  }

  /** Returns the text that Prometheus scrapes. */
  text(): string {
    const all = [...this.series.values()];
    return [
      '# HELP http_request_duration_seconds How long clients waited for an answer.',
      '# TYPE http_request_duration_seconds histogram',
      ...all.flatMap(histogram),
      '# HELP http_requests_total Requests of clients by the code of the answer; 000: none came.',
      '# TYPE http_requests_total counter',
      ...all.flatMap(counters),
      '',
    ].join('\n');
  }

  private of({ node, service }: { readonly node: string; readonly service: string }): Series {
    const id = `${node}/${service}`;
    const known = this.series.get(id);
    if (known) return known;
    const buckets = bounds.map(() => 0);
    const made = { node, service, buckets, byCode: new Map(), seconds: 0, count: 0 };
    this.series.set(id, made);
    return made;
  }
}

function histogram(series: Series): readonly string[] {
  const name = 'http_request_duration_seconds';
  const labels = labelsOf(series);
  return [
    ...bounds.map(
      (bound, index) => `${name}_bucket{${labels},le="${bound}"} ${series.buckets[index]}`,
    ),
    `${name}_bucket{${labels},le="+Inf"} ${series.count}`,
    `${name}_sum{${labels}} ${series.seconds}`,
    `${name}_count{${labels}} ${series.count}`,
  ];
}

function counters(series: Series): readonly string[] {
  return [...series.byCode].map(
    ([code, count]) => `http_requests_total{${labelsOf(series)},code="${code}"} ${count}`,
  );
}

function labelsOf({ node, service }: Series): string {
  return `node="${node}",service="${service}"`;
}
