import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeKubeconfig } from './kubeconfig.ts';
import { paths } from './paths.ts';
import { certificate, key } from './pki.ts';
import { registryUrl } from './registry.ts';
import { cluster, host, type LabNode, nodes, registryName } from './settings.ts';
import { hostKey } from './ssh-keys.ts';

const staticFiles = join(import.meta.dirname, 'node-files');

// Nothing may change a node, or hold dpkg's lock, but who updates it.
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'fstrim.timer',
  'console-getty.service',
];

/** What all nodes take from the cache. */
export interface NodeParts {
  readonly base: string;
  readonly repository: string;
  readonly imageArchive: string;
}

/** Writes a node's configuration into its root folder while the node is down. */
export async function configureNode(root: string, node: LabNode, parts: NodeParts): Promise<void> {
  await cp(staticFiles, root, { recursive: true, verbatimSymlinks: true, force: true });
  const write = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode });
  };
  const copy = async (from: string, path: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(from, join(root, path));
    await chmod(join(root, path), mode);
  };
  for (const unit of masked) await mask(root, unit);
  await write('etc/hostname', `${node.name}\n`);
  await write('etc/hosts', hostsFile());
  await rm(join(root, 'etc/resolv.conf'), { force: true });
  await write('etc/resolv.conf', '# a node of the lab needs no name server\n');
  await write('etc/machine-id', `${createHash('md5').update(node.name).digest('hex')}\n`);
  await copy(hostKey(node.name), 'etc/ssh/ssh_host_ed25519_key', 0o600);
  await copy(`${hostKey(node.name)}.pub`, 'etc/ssh/ssh_host_ed25519_key.pub');
  await copy(`${paths.sshKey}.pub`, 'root/.ssh/authorized_keys', 0o600);
  await write('etc/cni/net.d/10-tidegate.conflist', JSON.stringify(cniConfig(node), null, 2));
  await copy(certificate('ca'), 'etc/kubernetes/ca.crt');
  await copy(certificate(`${node.name}-serving`), 'etc/kubernetes/kubelet.crt');
  await copy(key(`${node.name}-serving`), 'etc/kubernetes/kubelet.key', 0o600);
  await write('etc/kubernetes/kubelet.json', JSON.stringify(kubeletConfig(), null, 2));
  await write('etc/kubernetes/kubelet.env', kubeletEnvironment(node));
  const kubeconfig = join(root, 'etc/kubernetes/kubelet.kubeconfig');
  await writeKubeconfig(kubeconfig, node.name, { certificateOf: node.name });
  await copy(parts.imageArchive, 'usr/local/lib/tidegate/tool.tar');
  await write(`etc/containerd/certs.d/${registryName}/hosts.toml`, registryHosts());
  const keyring = 'usr/share/keyrings/tidegate-lab.gpg';
  await copy(join(parts.repository, 'tidegate-lab.gpg'), keyring);
  const url = `http://${host.address}:${host.repositoryPort}`;
  await write('etc/apt/sources.list', `deb [signed-by=/${keyring}] ${url} lab main\n`);
  await write('etc/apt/apt.conf.d/90tidegate', 'Acquire::Languages "none";\n');
}

async function mask(root: string, unit: string): Promise<void> {
  const path = join(root, 'etc/systemd/system', unit);
  await rm(path, { force: true });
  await symlink('/dev/null', path);
}

function hostsFile(): string {
  const lines = nodes.map(({ name, address }) => `${address} ${name}\n`);
  return `127.0.0.1 localhost\n${lines.join('')}`;
}

/** Tells the runtime where the registry of that name is, and that plain HTTP will do. */
function registryHosts(): string {
  return [
    `server = "${registryUrl}"`,
    `[host."${registryUrl}"]`,
    '  capabilities = ["pull", "resolve"]\n',
  ].join('\n');
}

function cniConfig(node: LabNode): object {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: node.podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: '/run/cni-ipam',
  };
  return {
    cniVersion: '0.4.0',
    name: 'tidegate',
    plugins: [
      { type: 'ptp', ipMasq: false, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function kubeletEnvironment(node: LabNode): string {
  const labels = [
    `topology.kubernetes.io/zone=${node.zone}`,
    `topology.kubernetes.io/region=${cluster}`,
    'tidegate.dev/lab=true',
  ];
  return [
    `NODE_NAME=${node.name}`,
    `NODE_ADDRESS=${node.address}`,
    `NODE_LABELS=${labels.join(',')}\n`,
  ].join('\n');
}

function kubeletConfig(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: '/etc/kubernetes/kubelet.crt',
    tlsPrivateKeyFile: '/etc/kubernetes/kubelet.key',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    oomScoreAdj: 0,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%' },
    nodeStatusUpdateFrequency: '5s',
    nodeLeaseDurationSeconds: 20,
    serializeImagePulls: false,
  };
}
