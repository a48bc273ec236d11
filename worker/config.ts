/** What the worker is told by its environment. */
import type { NativeConnectionOptions } from '@temporalio/worker';
import { readDocuments } from '../activities/adapters/documents.ts';
import { temporalSettings } from '../client/temporal-settings.ts';
import {
  type AnchorSettings,
  anchorSettings,
  type LedgerPlace,
  ledgerPlace,
} from '../ledger/settings.ts';
import { parseDocument } from '../workflows/domain/documents.ts';
import type { Cluster } from '../workflows/domain/spec.ts';
import { type MetricsAddress, metricsAddress } from './telemetry.ts';

export const HELP = `Usage: npm run worker [-- --help]

Runs Tidegate's workflows and activities. One worker serves all clusters of its Fleet documents;
give each its own with TIDEGATE_CLUSTERS where networks are apart.

Environment:
  TIDEGATE_CONFIG     folder of documents that rollouts may name (default: ./examples)
  TIDEGATE_CLUSTERS   clusters to serve, comma-separated (default: all in Fleet documents there)
  TIDEGATE_LOG_LEVEL  trace, debug, info, warn or error (default: info)
  TIDEGATE_METRICS    address and port of the metrics for Prometheus, or "off" (default:
                      127.0.0.1:9464, or none where that port is taken)
  TIDEGATE_DATA       folder of what the worker keeps itself (default: ./.tidegate)
  TIDEGATE_LEDGER     postgres:// URL of the ledger's database, or "off" (default: a PostgreSQL of
                      its own, with its data in TIDEGATE_DATA)
  TIDEGATE_ANCHOR_KEY private SSH key that signs the ledger's head (default: it is not signed)
  TIDEGATE_ANCHORS    file that signed heads are added to (default: TIDEGATE_DATA/anchors.jsonl)
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
  /** Absent where none are served. */
  readonly metrics: MetricsAddress | undefined;
  readonly ledger: LedgerPlace;
  readonly anchors: AnchorSettings;
  readonly namespace: string;
  readonly connection: NativeConnectionOptions;
}

/** Reads the environment; Temporal's own settings come the way its CLI reads them. */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<WorkerConfig> {
  const configFolder = env['TIDEGATE_CONFIG'] ?? 'examples';
  const { connectionOptions, namespace } = temporalSettings(env, env['TEMPORAL_PROFILE']);
  return {
    configFolder,
    clusters: listed(env['TIDEGATE_CLUSTERS']) ?? (await namesIn(configFolder)),
    logLevel: env['TIDEGATE_LOG_LEVEL'] ?? 'info',
    metrics: metricsAddress(env['TIDEGATE_METRICS']),
    ledger: ledgerPlace(undefined, env),
    anchors: anchorSettings(env),
    namespace: namespace ?? 'default',
    connection: connectionOptions,
  };
}

function listed(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(',').flatMap((name) => name.trim() || []);
  return names && names.length > 0 ? names : undefined;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = (await clustersIn(folder)).map((cluster) => cluster.name);
  return [...new Set(names)].sort();
}

/** Returns the clusters of all valid Fleet documents in a folder. */
export async function clustersIn(folder: string): Promise<readonly Cluster[]> {
  const { documents } = await readDocuments(folder);
  return documents
    .filter((document) => document.kind === 'Fleet')
    .map((document) => parseDocument('Fleet', document.value))
    .flatMap((answer) => (answer.kind === 'Valid' ? answer.document.spec.clusters : []));
}
