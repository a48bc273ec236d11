import { attempt, run } from './run.ts';
import { host, type LabNode, names, nodes } from './settings.ts';

/**
 * Makes the bridge, a namespace and a link for every node, and the routes between their pods.
 * Nothing of the host's own network is changed: nodes reach each other through the bridge alone.
 */
export async function ensureNetwork(): Promise<void> {
  const links = await linkNames();
  if (!links.has(names.bridge)) await run(ip('link', 'add', names.bridge, 'type', 'bridge'));
  const address = `${host.address}/${host.prefixBits}`;
  await run(ip('address', 'replace', address, 'dev', names.bridge));
  await run(ip('link', 'set', names.bridge, 'up'));
  await Promise.all(nodes.map((node) => ensureNodeNetwork(node)));
}

async function ensureNodeNetwork(node: LabNode): Promise<void> {
  const { stdout } = await attempt(['ip', '-o', 'netns', 'list']);
  const there = stdout.split('\n').some((line) => line.split(' ')[0] === node.netns);
  if (!there || !(await inside(node, 'link', 'show', 'eth0'))) await makeNodeNetwork(node);
  await run(ip('link', 'set', node.link, 'master', names.bridge, 'up'));
  await run(ip('route', 'replace', node.podCidr, 'via', node.address));
}

async function makeNodeNetwork(node: LabNode): Promise<void> {
  await attempt(ip('link', 'delete', node.link));
  await attempt(ip('netns', 'delete', node.netns));
  await run(ip('netns', 'add', node.netns));
  const peer = ['peer', 'name', 'eth0', 'netns', node.netns];
  await run(ip('link', 'add', node.link, 'type', 'veth', ...peer));
  const within = (...words: string[]) => run(ip('-n', node.netns, ...words));
  await within('link', 'set', 'lo', 'up');
  await within('address', 'add', `${node.address}/${host.prefixBits}`, 'dev', 'eth0');
  await within('link', 'set', 'eth0', 'up');
  await within('route', 'add', 'default', 'via', host.address);
  for (const other of nodes) {
    if (other !== node) await within('route', 'add', other.podCidr, 'via', other.address);
  }
  await run(['ip', 'netns', 'exec', node.netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
}

async function inside(node: LabNode, ...words: string[]): Promise<boolean> {
  return (await attempt(ip('-n', node.netns, ...words))).code === 0;
}

function ip(...words: string[]): string[] {
  return ['ip', ...words];
}

async function linkNames(): Promise<ReadonlySet<string>> {
  const links = JSON.parse(await run(['ip', '-j', 'link', 'show'])) as { ifname: string }[];
  return new Set(links.map((link) => link.ifname));
}

/** Returns the lab's network namespaces and links that exist, whichever checkout made them. */
export async function networkRemains(): Promise<{ netns: string[]; links: string[] }> {
  const { stdout } = await attempt(['ip', '-j', 'netns', 'list']);
  const all = JSON.parse(stdout.trim() || '[]') as { name: string }[];
  const netns = all.map(({ name }) => name).filter((name) => name.startsWith(names.netnsPrefix));
  const mine = (name: string) => name === names.bridge || name.startsWith(names.linkPrefix);
  return { netns, links: [...(await linkNames())].filter(mine) };
}

/** Removes the lab's namespaces, links and bridge; routes and addresses go with them. */
export async function removeNetwork(): Promise<void> {
  const { netns, links } = await networkRemains();
  for (const name of links) if (name !== names.bridge) await attempt(ip('link', 'delete', name));
  for (const name of netns) await run(ip('netns', 'delete', name));
  if (links.includes(names.bridge)) await run(ip('link', 'delete', names.bridge));
  await removeNamespaceFolder();
}

/** Unmounts the folder that `ip netns add` mounts onto itself, if no namespace of anyone is left. */
async function removeNamespaceFolder(): Promise<void> {
  const folder = '/run/netns';
  const { code, stdout } = await attempt(['ls', folder]);
  if (code !== 0 || stdout.trim() !== '') return;
  if ((await attempt(['mountpoint', '-q', folder])).code === 0) await run(['umount', folder]);
}
