import { join } from 'node:path';
import { paths } from './paths.ts';
import { certificate } from './pki.ts';
import { cluster, host, nodes } from './settings.ts';

/** Token of Prometheus's account at the kubelets. */
export const tokenFile = join(paths.monitoring, 'token');

const kubeletPort = 10250;

/** Families of the kubelet that anybody asks for: a few hundred series of the two thousand it has. */
const kubeletFamilies = [
  'kubelet_runtime_operations_.*',
  'kubelet_pod_(start|worker)_.*',
  'kubelet_pleg_.*',
  'kubelet_running_.*',
  'kubelet_node_.*',
  'kubelet_image_pull_.*',
  'process_(cpu_seconds_total|resident_memory_bytes)',
].join('|');

/** Returns Prometheus's configuration; JSON, which YAML readers take as well. */
export function prometheusConfig(): object {
  const local = (port: number) => `127.0.0.1:${port}`;
  return {
    global: {
      scrape_interval: '3s',
      scrape_timeout: '2s',
      evaluation_interval: '5s',
      external_labels: { lab: 'tidegate' },
    },
    // A path without a file is no error: then there are no rules.
    rule_files: [paths.rules],
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [local(host.alertmanagerPort)] }] }],
    },
    scrape_configs: [
      job('tidegate', local(host.workerMetricsPort)),
      // Clients of the workload; its own labels say which node and service.
      job('traffic', local(host.trafficPort), { cluster }),
      job('prometheus', local(host.prometheusPort)),
      job('alertmanager', local(host.alertmanagerPort)),
      kubelets(),
    ],
  };
}

function job(name: string, target: string, labels: Readonly<Record<string, string>> = {}): object {
  return { job_name: name, static_configs: [{ targets: [target], labels }] };
}

function kubelets(): object {
  return {
    job_name: 'kubelet',
    scheme: 'https',
    scrape_interval: '5s',
    authorization: { credentials_file: tokenFile },
    tls_config: { ca_file: certificate('ca') },
    static_configs: nodes.map(({ name, address }) => ({
      targets: [`${address}:${kubeletPort}`],
      labels: { node: name, cluster },
    })),
    metric_relabel_configs: [
      { source_labels: ['__name__'], regex: kubeletFamilies, action: 'keep' },
    ],
  };
}
