/** Connects to Temporal with the settings that its own command line uses, and says why it can't. */
import { Client, Connection, isGrpcServiceError, ServiceError } from '@temporalio/client';
import { refused, TidegateError } from './errors.ts';
import { temporalSettings } from './temporal-settings.ts';

const DEFAULT_ADDRESS = 'localhost:7233';
const CONNECT_TIMEOUT_MS = 3000;

/** What overrides Temporal's own settings. */
export interface ConnectOptions {
  /** Profile of Temporal's configuration file; default: TEMPORAL_PROFILE or "default". */
  readonly profile?: string | undefined;
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
}

/** An open connection, and where it leads. */
export interface TemporalConnection {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  readonly close: () => Promise<void>;
}

/** Connects within three seconds, or fails with one sentence that names the address. */
export async function connect(options: ConnectOptions = {}): Promise<TemporalConnection> {
  const config = loadConfig(options.profile);
  const address = options.address ?? config.connectionOptions.address ?? DEFAULT_ADDRESS;
  const namespace = options.namespace ?? config.namespace ?? 'default';
  try {
    const connection = await Connection.connect({
      ...config.connectionOptions,
      address,
      connectTimeout: CONNECT_TIMEOUT_MS,
    });
    const client = new Client({ connection, namespace });
    return { client, address, namespace, close: () => connection.close() };
  } catch (error) {
    throw unreachable(address, error);
  }
}

function loadConfig(profile: string | undefined) {
  try {
    return temporalSettings(process.env, profile);
  } catch (error) {
    throw refused(`Temporal's connection settings can't be used: ${reasonOf(error)}`);
  }
}

/** Returns the sentence for a Temporal that does not answer. */
export function unreachable(address: string, error: unknown): TidegateError {
  return new TidegateError(
    `Temporal does not answer at ${address} (${reasonOf(error)}). Start it with "make lab" or ` +
      '"docker compose up", or name another one with --address, --profile or TEMPORAL_ADDRESS.',
    { cause: error },
  );
}

/** Returns the innermost reason of an error, in words. */
export function reasonOf(error: unknown): string {
  if (isGrpcServiceError(error)) return error.details || error.message;
  if (error instanceof ServiceError && error.cause) return reasonOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}
