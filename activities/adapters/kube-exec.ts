/** One command in a running container, through the API server's WebSocket. */
import { PassThrough } from 'node:stream';
import { Exec, type KubeConfig, type V1Status } from '@kubernetes/client-node';
import { messageOf } from '../failure.ts';
import type { ExecAnswer, KubeAdapter } from './kube-adapter.ts';

const EXEC_DEADLINE_MS = 10_000;
const LIMIT_CHARACTERS = 500;

/** Runs a command in a container; whatever goes wrong is the answer, for it is what is asked. */
export async function execInPod(
  config: KubeConfig,
  input: Parameters<KubeAdapter['exec']>[0],
): Promise<ExecAnswer> {
  const output = new PassThrough();
  let text = '';
  output.on('data', (chunk: Buffer) => {
    if (text.length < LIMIT_CHARACTERS) text += chunk.toString('utf8');
  });
  const answer = Promise.withResolvers<ExecAnswer>();
  const settle = (ok: boolean, message: string) => answer.resolve({ ok, message });
  const timer = setTimeout(
    () => settle(false, `no answer in ${EXEC_DEADLINE_MS} ms`),
    EXEC_DEADLINE_MS,
  );
  const onStatus = (status: V1Status) =>
    settle(
      status.status === 'Success',
      [status.message, text.trim()].filter(Boolean).join(': ').slice(0, LIMIT_CHARACTERS),
    );
  const opening = new Exec(config).exec(
    input.namespace,
    input.pod,
    input.container,
    [...input.command],
    output,
    output,
    null,
    false,
    onStatus,
  );
  opening.then(
    (socket) => {
      socket.on('error', (error: Error) => settle(false, messageOf(error)));
      socket.on('close', () => settle(false, 'the connection closed without a status'));
      answer.promise.finally(() => socket.close());
    },
    (error: unknown) => settle(false, describe(error)),
  );
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
  }
}

/** WebSocket errors arrive as events that carry the error. */
function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message);
  }
  return messageOf(error);
}
