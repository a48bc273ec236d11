/** Kubelets through the SSH connection to their host: no other way to them has to be open. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import { fail, messageOf } from '../failure.ts';
import type { HostAdapter } from './host-adapter.ts';
import { forgetMetricsToken, metricsToken } from './kube-tokens.ts';
import type { KubeletAdapter, KubeletTarget, MetricSample } from './kubelet-adapter.ts';
import { SampleCollector } from './metrics-text.ts';

const TIMEOUT_MS = 10_000;
/** A node with some hundred pods tells about 2 MiB. */
const LIMIT_BYTES = 32 * 1024 * 1024;

/** Returns the kubelet of a host. */
export function kubeletThrough(access: ClusterAccess, host: HostAdapter): KubeletAdapter {
  return {
    metrics: async (target, names) => {
      const stop = AbortSignal.any([target.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const token = await metricsToken(access);
      const stream = await host.connect(target.port);
      try {
        const answer = await get(stream, target, { token, signal: stop });
        // Of an account that was made anew, older tokens are worth nothing.
        if (answer.statusCode === 401) forgetMetricsToken(access);
        return await read(answer, target, names);
      } catch (error) {
        target.signal.throwIfAborted();
        if (stop.aborted) throw new Error(`${nameOf(target)} did not answer in ${TIMEOUT_MS} ms`);
        throw error;
      } finally {
        stream.destroy();
      }
    },
  };
}

/**
 * Kubelets sign their own certificates unless told otherwise, so there is nothing to check one against.
 * Who answers is beyond doubt all the same: the stream ends at the loopback of a host whose key is pinned.
 */
async function get(
  stream: Duplex,
  target: KubeletTarget,
  { token, signal }: { readonly token: string; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const socket = connect({ socket: stream, rejectUnauthorized: false });
  // For their whole lives: an error that nobody hears ends the process.
  for (const end of [stream, socket]) {
    end.on('error', (error: unknown) => reject(unreachable(target, error)));
  }
  const asked = request({
    path: '/metrics',
    headers: { host: 'localhost', authorization: `Bearer ${token}`, connection: 'close' },
    signal,
    createConnection: () => socket,
  });
  asked.on('response', resolve);
  asked.on('error', (error) => reject(unreachable(target, error)));
  asked.end();
  return await promise;
}

async function read(
  answer: IncomingMessage,
  target: KubeletTarget,
  names: readonly string[],
): Promise<readonly MetricSample[]> {
  const { statusCode } = answer;
  if (statusCode === 403) {
    fail(
      'KubernetesForbidden',
      `${nameOf(target)} refuses to tell its metrics: ${(await beginning(answer)).trim()}. Apply deploy/rbac.yaml.`,
    );
  }
  if (statusCode !== 200) {
    const said = (await beginning(answer)).trim();
    const hint =
      statusCode === 401
        ? ' Its configuration has to have authentication.webhook.enabled, and it has to reach the API server.'
        : '';
    throw new Error(
      `${nameOf(target)} answers ${statusCode} (${said}) when asked for metrics.${hint}`,
    );
  }
  const collector = new SampleCollector(names);
  let size = 0;
  answer.setEncoding('utf8');
  for await (const piece of answer as AsyncIterable<string>) {
    size += piece.length;
    if (size > LIMIT_BYTES) throw new Error(`${nameOf(target)} tells more metrics than are read`);
    collector.add(piece);
  }
  return collector.end();
}

async function beginning(answer: IncomingMessage): Promise<string> {
  let text = '';
  answer.setEncoding('utf8');
  for await (const piece of answer as AsyncIterable<string>) {
    text += piece;
    if (text.length > 300) break;
  }
  return text.slice(0, 300);
}

function unreachable(target: KubeletTarget, error: unknown): Error {
  return new Error(`${nameOf(target)} gives no answer: ${messageOf(error)}`);
}

function nameOf({ node, port }: KubeletTarget): string {
  return `the kubelet of ${node} (port ${port})`;
}
