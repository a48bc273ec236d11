/** Prometheus, and whatever else answers its HTTP API: instant queries that have to give one number. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Provider } from '../../workflows/domain/analysis-spec.ts';
import { messageOf } from '../failure.ts';
import type { MetricsProvider, ProviderAnswer } from './metrics-provider.ts';
import { parseNumber } from './metrics-text.ts';

/** One number needs a few hundred bytes; a query that selects everything must not fill the worker. */
const LIMIT_BYTES = 1024 * 1024;

/** Returns the adapter of one provider. */
export function prometheus(provider: Provider): MetricsProvider {
  return {
    ask: async (expression, signal) => {
      const stop = AbortSignal.any([signal, AbortSignal.timeout(provider.timeoutSeconds * 1000)]);
      try {
        return judge(await post(provider, expression, stop));
      } catch (error) {
        signal.throwIfAborted();
        const why = stop.aborted ? `no answer in ${provider.timeoutSeconds} s` : reasonOf(error);
        return { kind: 'NoAnswer', reason: why };
      }
    },
  };
}

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** A redirect is not followed: what is configured is what is asked, and shown the token. */
async function post(
  provider: Provider,
  expression: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { url, timeoutSeconds } = provider;
  const token = await tokenOf(provider);
  const response = await fetch(`${url.replace(/\/+$/, '')}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expression, timeout: `${timeoutSeconds}s` }),
    headers: {
      accept: 'application/json',
      'user-agent': 'tidegate',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    redirect: 'manual',
    signal,
  });
  return { status: response.status, body: await limitedText(response) };
}

/** What `fetch` throws has its reason in its cause, which has no message where several addresses were tried. */
function reasonOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  if (cause instanceof AggregateError && cause.errors.length > 0) return messageOf(cause.errors[0]);
  return messageOf(error);
}

async function tokenOf({ tokenFile }: Provider): Promise<string | undefined> {
  if (tokenFile === undefined) return undefined;
  try {
    return (await readFile(resolve(tokenFile), 'utf8')).trim();
  } catch (error) {
    throw new Error(`its tokenFile cannot be read: ${messageOf(error)}`);
  }
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LIMIT_BYTES) {
      throw new Error('its answer is larger than 1 MiB: the query has to give one number');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The part of the API's answer that is read; it comes from elsewhere, so every field may be anything. */
interface ApiBody {
  readonly status?: unknown;
  readonly error?: unknown;
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown };
}

const noAnswer = (reason: string): ProviderAnswer => ({ kind: 'NoAnswer', reason });

function judge({ status, body }: HttpAnswer): ProviderAnswer {
  const said = parse(body);
  if (status >= 300 && status < 400) {
    return noAnswer(`it answers ${status}, a redirect; give the URL that it leads to`);
  }
  if (status !== 200 || said?.status !== 'success') {
    const why = typeof said?.error === 'string' ? said.error : body;
    const help = status === 401 || status === 403 ? ' (look at its tokenFile)' : '';
    return noAnswer(`it answers ${status}: ${why.slice(0, 500).trim() || 'nothing'}${help}`);
  }
  const { resultType, result } = said.data ?? {};
  switch (resultType) {
    case 'scalar':
      return numberIn(result);
    case 'vector':
      return Array.isArray(result) ? onlyOne(result) : noAnswer('its vector is no list');
    case undefined:
      return noAnswer('its answer has no result');
    default:
      return noAnswer(
        `the query gives a ${String(resultType)}; it has to give one number: a scalar, or a vector of one`,
      );
  }
}

function parse(body: string): ApiBody | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function onlyOne(result: readonly unknown[]): ProviderAnswer {
  if (result.length === 0) return { kind: 'NoData', reason: 'the query gives no series' };
  if (result.length > 1) {
    return noAnswer(
      `the query gives ${result.length} series; it has to give one number: aggregate it, e.g. with sum or max`,
    );
  }
  const [sample] = result as readonly [{ readonly value?: unknown } | null];
  return numberIn(sample?.value);
}

/** A sample is [seconds, "number"]. An infinite number is compared with nothing, and is no lack of data. */
function numberIn(sample: unknown): ProviderAnswer {
  const text: unknown = Array.isArray(sample) ? sample[1] : undefined;
  const value = typeof text === 'string' ? parseNumber(text) : undefined;
  if (value === undefined) return noAnswer('the query gives something that is no number');
  if (Number.isNaN(value)) return { kind: 'NoData', reason: 'the query gives NaN' };
  if (!Number.isFinite(value)) return noAnswer(`the query gives ${String(text)}`);
  return { kind: 'Number', value };
}
