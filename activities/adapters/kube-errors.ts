/** What went wrong in a call to the Kubernetes API, as one of our failures. */
import { setTimeout as delay } from 'node:timers/promises';
import { fail, messageOf } from '../failure.ts';

/** An answer of the API server that is no success. */
export interface ApiAnswer {
  readonly code: number;
  readonly message: string;
  /** Reasons of the status' causes, e.g. "DisruptionBudget". */
  readonly causes: readonly string[];
  /** What the header Retry-After says, where it is there. */
  readonly retryAfterSeconds?: number;
}

/** Returns the API server's answer in an error of the client library, or undefined if there was none. */
export function apiAnswer(error: unknown): ApiAnswer | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') {
    return undefined;
  }
  // A deadline is a DOMException, whose code is no HTTP status.
  if (error instanceof DOMException) return undefined;
  const status = parseStatus('body' in error ? error.body : undefined);
  return {
    code: error.code,
    message: status?.message ?? error.message,
    causes: status?.details?.causes?.map((cause) => cause.reason ?? '') ?? [],
    ...retryAfter('headers' in error ? error.headers : undefined),
  };
}

function retryAfter(headers: unknown): { retryAfterSeconds?: number } {
  if (typeof headers !== 'object' || headers === null) return {};
  const [, value] =
    Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after') ?? [];
  const seconds = Number(value);
  return value === undefined || !Number.isFinite(seconds) ? {} : { retryAfterSeconds: seconds };
}

/**
 * Pauses before a refused call is made again. An API server that has just started refuses everybody,
 * until it has read its own accounts and roles: only a refusal that stays is one.
 */
const REFUSED_AGAIN_MS: readonly number[] = [500, 1000, 2000, 4000];

/** Tells whether a webhook or a policy of the cluster denied a call, or could not be asked; authorization did not. */
export function byAdmission(message: string): boolean {
  return /admission webhook "|failed calling webhook|ValidatingAdmissionPolicy '/.test(message);
}

/** Fails as an error says; `what` names the call, e.g. "get node east-1 of cluster east". */
export function failApi(what: string, error: unknown): never {
  const answer = apiAnswer(error);
  if (!answer) {
    fail(
      'KubernetesUnreachable',
      `Could not ${what}: ${messageOf(error)}. Look at the API server and the network.`,
    );
  }
  if (answer.code === 429 || answer.code >= 500) {
    fail('KubernetesUnreachable', `Could not ${what}: ${answer.code} ${answer.message}`);
  }
  const help = byAdmission(answer.message)
    ? 'Let what denies it admit it'
    : 'Apply deploy/rbac.yaml or correct the kubeconfig';
  fail(
    'KubernetesForbidden',
    `The API server refuses to ${what}: ${answer.code} ${answer.message}. ${help}.`,
  );
}

/** Runs a call; an answer with one of the codes in `otherwise` becomes that value. */
export async function call<T>(
  what: string,
  work: () => Promise<T>,
  otherwise: Readonly<Record<number, T>> = {},
): Promise<T> {
  try {
    return await unlessRefused(work);
  } catch (error) {
    const code = apiAnswer(error)?.code;
    if (code !== undefined && code in otherwise) return otherwise[code] as T;
    return failApi(what, error);
  }
}

/** Runs a call that reads one object; undefined if there is none. */
export async function lookUp<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  return await call<T | undefined>(what, work, { 404: undefined });
}

/** Makes a call again that is refused, for some seconds; then throws the client library's error. */
export async function unlessRefused<T>(
  work: () => Promise<T>,
  [pauseMs, ...laterMs]: readonly number[] = REFUSED_AGAIN_MS,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const answer = apiAnswer(error);
    const refused = answer?.code === 401 || answer?.code === 403;
    if (!refused || pauseMs === undefined) throw error;
    // One that names its cause, as a namespace that is going or a webhook, is no matter of accounts and roles.
    if (answer.causes.length > 0 || byAdmission(answer.message)) throw error;
  }
  await delay(pauseMs);
  return await unlessRefused(work, laterMs);
}

interface Status {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

function parseStatus(body: unknown): Status | undefined {
  if (typeof body === 'object' && body !== null) return body as Status;
  if (typeof body !== 'string') return undefined;
  try {
    return JSON.parse(body) as Status;
  } catch {
    return { message: body.slice(0, 500) };
  }
}
