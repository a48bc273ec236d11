/** Installs Temporal's runtime with the worker's log and, where it can listen, the metrics' endpoint. */
import { makeTelemetryFilterString, Runtime, type RuntimeOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { sdkLogger } from './log.ts';
import { STEP_BUCKETS } from './metrics.ts';

/** Where metrics are served; the port is that of OpenTelemetry's exporters for Prometheus. */
export const DEFAULT_METRICS = '127.0.0.1:9464';

/** An address and a port, as Temporal's runtime takes them; it resolves no names. */
export interface MetricsAddress {
  readonly bindAddress: string;
  /** Whether somebody asked for it: then not to be able to listen is an error. */
  readonly asked: boolean;
}

/** Returns where to listen; undefined for "off". Throws what to write instead where it is no address. */
export function metricsAddress(text: string | undefined): MetricsAddress | undefined {
  if (text === undefined || text === '') return { bindAddress: DEFAULT_METRICS, asked: false };
  if (text === 'off') return undefined;
  const bindAddress = text.replace(/^localhost:/, '127.0.0.1:').replace(/^:/, '0.0.0.0:');
  const [, host, port = ''] = /^(\d+(?:\.\d+){3}|\[[0-9a-f:]+\]):(\d+)$/i.exec(bindAddress) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new Error(
      `TIDEGATE_METRICS is "${text}", which is no IP address and port. Write for example "${DEFAULT_METRICS}", "0.0.0.0:9464", or "off".`,
    );
  }
  return { bindAddress, asked: true };
}

/** Installs the runtime; returns where metrics are served, undefined where they are not. */
export function installRuntime(
  log: Logger,
  metrics: MetricsAddress | undefined,
): string | undefined {
  const logger = sdkLogger(log);
  const logging = { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) };
  const install = (options: RuntimeOptions['telemetryOptions']) =>
    Runtime.install({ logger, telemetryOptions: { logging, ...options } });
  if (metrics) {
    try {
      install({ metrics: exporter(metrics.bindAddress) });
      return metrics.bindAddress;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const problem = `metrics can't be served at ${metrics.bindAddress} (${why})`;
      const advice = 'Set TIDEGATE_METRICS to another address, or to "off".';
      if (metrics.asked) throw new Error(`${problem}. ${advice}`, { cause: error });
      // A second worker on the same machine works as well without.
      log.warn({}, `${problem}: this worker serves none. ${advice}`);
    }
  }
  install({});
  return undefined;
}

/** Names and units as Prometheus wants them: `promtool check metrics` accepts the whole output. */
function exporter(bindAddress: string) {
  return {
    attachServiceName: false,
    prometheus: {
      bindAddress,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
      histogramBucketOverrides: { tidegate_node_step_duration: STEP_BUCKETS },
    },
  };
}
