import { get } from 'node:http';

/** What a prober counted. */
export interface ProbeCount {
  readonly sent: number;
  readonly failed: number;
  /** The first failures, in words. */
  readonly examples: readonly string[];
}

const timeoutMs = 5000;
const maxInFlight = 32;

/** Sends requests at a steady rate to addresses in turn, as clients of a service do. */
export class HttpProber {
  private readonly timer: NodeJS.Timeout;
  private readonly targets: () => readonly string[];
  private readonly port: number;
  private readonly open = new Set<Promise<void>>();
  private readonly failures: string[] = [];
  private sent = 0;

  constructor(options: {
    /** Addresses that are served now; asked before each request. */
    readonly targets: () => readonly string[];
    readonly port: number;
    readonly everyMs: number;
  }) {
    this.targets = options.targets;
    this.port = options.port;
    this.timer = setInterval(() => this.next(), options.everyMs);
  }

  /** Stops, waits for the answers that are due, and returns the count. */
  async stop(): Promise<ProbeCount> {
    clearInterval(this.timer);
    await Promise.all(this.open);
    const { sent, failures } = this;
    return { sent, failed: failures.length, examples: failures.slice(0, 5) };
  }

  private next(): void {
    if (this.open.size >= maxInFlight) return;
    const targets = this.targets();
    const address = targets[this.sent % Math.max(1, targets.length)];
    this.sent += 1;
    if (address === undefined) {
      this.failures.push('no pod was ready');
      return;
    }
    const request = this.request(address).then((trouble) => {
      this.open.delete(request);
      if (trouble !== '') this.failures.push(`${address}: ${trouble}`);
    });
    this.open.add(request);
  }

  /** Returns what went wrong; nothing if the whole answer came. */
  private request(address: string): Promise<string> {
    return new Promise((settle) => {
      const options = { host: address, port: this.port, agent: false, timeout: timeoutMs };
      const request = get(options, (response) => {
        response.resume();
        response.once('error', (error) => settle(error.message));
        response.once('end', () =>
          settle(response.statusCode === 200 ? '' : `status ${response.statusCode}`),
        );
      });
      request.once('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      request.once('error', (error) => settle(error.message));
    });
  }
}
