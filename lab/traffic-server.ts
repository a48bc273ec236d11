import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { PodWatch, type SeenPod } from './pod-watch.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

// Asks the workload's pods in turn, as its users do, and tells Prometheus what they got:
// traffic-server.ts ADDRESS PORT. POST /pause and /resume stop the requests and take them up again.

const [address = '', port = ''] = process.argv.slice(2);

/** One request in so many milliseconds, to all pods together. */
const everyMs = 50;
const timeoutMs = 5000;
const maxInFlight = 32;

/** Ports of what workload.yaml serves, by the beginning of the pods' names. */
const services = { web: 8080, db: 8080, agent: 9090 } as const;
const namespace = 'shop';

const metrics = new TrafficMetrics();
const watch = PodWatch.follow();
let paused = false;
let inFlight = 0;
let turn = 0;

setInterval(() => void next(), everyMs);

async function next(): Promise<void> {
  if (paused || inFlight >= maxInFlight) return;
  const targets = served();
  const target = targets[turn++ % Math.max(1, targets.length)];
  if (!target) return;
  const [service, { node, ip }] = target;
  const begun = performance.now();
  inFlight++;
  const code = await ask(ip, services[service]);
  inFlight--;
  metrics.add({ node, service }, code, performance.now() - begun);
}

function served(): readonly (readonly [keyof typeof services, SeenPod])[] {
  const names = Object.keys(services) as (keyof typeof services)[];
  return watch.readyPods().flatMap((pod) => {
    const service = names.find((name) => pod.name.startsWith(`${name}-`));
    return pod.namespace === namespace && service ? [[service, pod] as const] : [];
  });
}

/** Returns the code of the answer; 000 if none came. */
function ask(host: string, port: number): Promise<string> {
  return new Promise((settle) => {
    const request = get({ host, port, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      response.once('error', () => settle('000'));
      response.once('end', () => settle(`${response.statusCode}`));
    });
    request.once('timeout', () => request.destroy(new Error('timeout')));
    request.once('error', () => settle('000'));
  });
}

function respond({ method, url }: IncomingMessage, response: ServerResponse): void {
  const order = `${method} ${url}`;
  if (order === 'GET /metrics') {
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' });
    response.end(metrics.text());
  } else if (order === 'POST /pause' || order === 'POST /resume') {
    paused = order === 'POST /pause';
    response.end(`${paused ? 'paused' : 'resumed'}\n`);
  } else {
    response.writeHead(404).end();
  }
}

createServer(respond).listen(Number(port), address);
