/** What the worker is told by its environment. */
import type { NativeConnectionOptions } from '@temporalio/worker';
import { readDocuments } from '../activities/adapters/documents.ts';
import { temporalSettings } from '../client/temporal-settings.ts';
import { parseDocument } from '../workflows/domain/documents.ts';

export const HELP = `Usage: npm run worker [-- --help]

Runs Tidegate's workflows and activities. One worker serves all clusters of its Fleet documents;
give each its own with TIDEGATE_CLUSTERS where networks are apart.

Environment:
  TIDEGATE_CONFIG     folder of documents that rollouts may name (default: ./examples)
  TIDEGATE_CLUSTERS   clusters to serve, comma-separated (default: all in Fleet documents there)
  TIDEGATE_LOG_LEVEL  trace, debug, info, warn or error (default: info)
  TEMPORAL_ADDRESS    Temporal frontend (default: localhost:7233)
  TEMPORAL_NAMESPACE  namespace (default: default)
  TEMPORAL_PROFILE    profile of temporal.toml; TLS and API keys come from there or from
                      TEMPORAL_TLS_*, TEMPORAL_API_KEY, as for the temporal CLI

Paths in Fleet documents are relative to the folder the worker is started in.
`;

export interface WorkerConfig {
  readonly configFolder: string;
  readonly clusters: readonly string[];
  readonly logLevel: string;
  readonly namespace: string;
  readonly connection: NativeConnectionOptions;
}

/** Reads the environment; Temporal's own settings come the way its CLI reads them. */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<WorkerConfig> {
  const configFolder = env['TIDEGATE_CONFIG'] ?? 'examples';
  const { connectionOptions, namespace } = temporalSettings(env, env['TEMPORAL_PROFILE']);
  return {
    configFolder,
    clusters: listed(env['TIDEGATE_CLUSTERS']) ?? (await clustersIn(configFolder)),
    logLevel: env['TIDEGATE_LOG_LEVEL'] ?? 'info',
    namespace: namespace ?? 'default',
    connection: connectionOptions,
  };
}

function listed(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(',').flatMap((name) => name.trim() || []);
  return names && names.length > 0 ? names : undefined;
}

async function clustersIn(folder: string): Promise<readonly string[]> {
  const { documents } = await readDocuments(folder);
  const names = documents
    .filter((document) => document.kind === 'Fleet')
    .map((document) => parseDocument('Fleet', document.value))
    .flatMap((answer) => (answer.kind === 'Valid' ? answer.document.spec.clusters : []))
    .map((cluster) => cluster.name);
  return [...new Set(names)].sort();
}
