/** The cluster's name, which is also its context's name in both kubeconfigs. */
export const cluster = 'east';

/** Names by which every lab's parts are recognised, whichever checkout made them. */
export const names = {
  bridge: 'tidegate0',
  linkPrefix: 'tg-',
  netnsPrefix: 'tidegate-',
  cgroup: 'tidegate',
  marker: 'TIDEGATE_LAB',
  partMarker: 'TIDEGATE_LAB_PART',
} as const;

const network = '10.213.0';

/** Addresses and ports of what runs on the host. */
export const host = {
  address: `${network}.1`,
  prefixBits: 24,
  apiserverPort: 6443,
  etcdPort: 12379,
  etcdPeerPort: 12380,
  repositoryPort: 8070,
  temporalPort: 7233,
  temporalUiPort: 8233,
  registryPort: 5000,
  ledgerPort: 15432,
  prometheusPort: 9090,
  alertmanagerPort: 9093,
  /** Of the worker's metrics, see worker.ts. */
  workerMetricsPort: 9464,
  /** Of what clients of the workload measure, see traffic.ts. */
  trafficPort: 9465,
  serviceCidr: '10.214.0.0/24',
  serviceAddress: '10.214.0.1',
  podCidr: '10.213.0.0/16',
} as const;

/** One machine of the fleet. */
export interface LabNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly zone: string;
  readonly netns: string;
  readonly link: string;
}

function labNode(index: number, zone: string): LabNode {
  const name = `${cluster}-${index}`;
  return {
    name,
    zone,
    address: `${network}.${10 + index}`,
    podCidr: `10.213.${index}.0/24`,
    netns: `${names.netnsPrefix}${name}`,
    link: `${names.linkPrefix}${name}`,
  };
}

/** The five machines of the fleet, in three failure domains. */
export const nodes: readonly LabNode[] = [
  labNode(1, 'east-a'),
  labNode(2, 'east-b'),
  labNode(3, 'east-c'),
  labNode(4, 'east-a'),
  labNode(5, 'east-b'),
];

/** Versions that the lab pins; the servers' own are in `lab/tools/go.mod`. */
export const versions = {
  release: 'bookworm',
  nextRelease: 'trixie',
  containerd: '1.6.20~ds1-1+deb12u2',
  containerdPatched: '1.6.20~ds1-1+deb12u3',
  containerdNext: '1.7.24~ds1-6+deb13u1',
  containerdBad: '1.6.20~ds1-1+deb12u3+tidegate1',
  containerdSlow: '1.6.20~ds1-1+deb12u3+tidegate2',
  testServer: '1.40.0',
} as const;

/** The lab's own image: pause container, probes and the workload's server. */
export const image = 'tidegate.lab/tool:1';

/** What the registry calls itself towards the nodes; their runtime knows its address. */
export const registryName = 'registry.tidegate.lab';

/** An image of some MB in the registry, which nothing but measurements of pulls uses. */
export const pullImage = `${registryName}/pull:1`;

/** The ledger's database. */
export const ledgerUrl = `postgres://tidegate@127.0.0.1:${host.ledgerPort}/tidegate`;

/** Returns the node of a name, or throws with the names there are. */
export function nodeNamed(name: string): LabNode {
  const found = nodes.find((node) => node.name === name);
  if (!found)
    throw new Error(`no node ${name} in the lab; it has ${nodes.map((n) => n.name).join(' ')}`);
  return found;
}
