import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { exists, keyOf, removeRemains, workPrefix } from './cache.ts';
import { withLock } from './lock.ts';
import { cacheDir, paths, tool } from './paths.ts';
import { attempt, run } from './run.ts';

const packages = {
  temporal: 'github.com/temporalio/cli/cmd/temporal',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
} as const;

/** A server or client that is built from its Go module. */
export type GoTool = keyof typeof packages;

const all = Object.keys(packages) as readonly GoTool[];

/** Links every Go-built tool into `.lab/bin`: from the PATH in the pinned version, else built once. */
export async function linkGoTools(): Promise<void> {
  const found = await goTools(all);
  for (const [name, path] of found) await link(name, path);
}

/** Returns the path of one Go-built tool, as above; needs neither root nor the lab. */
export async function goTool(name: GoTool): Promise<string> {
  const path = (await goTools([name])).get(name);
  if (!path) throw new Error(`${name} was not built`);
  return path;
}

async function goTools(names: readonly GoTool[]): Promise<ReadonlyMap<GoTool, string>> {
  const mod = await readFile(join(paths.goTools, 'go.mod'), 'utf8');
  const pinned = (module: string): string => {
    const version = new RegExp(`^\\s*${module} (v\\S+)`, 'm').exec(mod)?.[1];
    if (!version) throw new Error(`lab/tools/go.mod does not pin ${module}`);
    return version;
  };
  const kubernetes = pinned('k8s.io/kubernetes');
  const temporal = pinned('github.com/temporalio/cli').slice(1);
  const flags = ldflags(kubernetes, temporal);
  const sum = await readFile(join(paths.goTools, 'go.sum'), 'utf8');
  const dir = join(cacheDir, 'tools', keyOf('tools-1', mod, sum, flags));
  const found = new Map<GoTool, string>();
  for (const name of names) {
    const path = join(dir, name);
    if (await exists(path)) found.set(name, path);
    else {
      const version = name === 'temporal' ? `temporal version ${temporal} ` : kubernetes;
      const onPath = await fromPath(name, version);
      if (onPath) found.set(name, onPath);
    }
  }
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) await withLock(`${dir}.lock`, () => build(dir, missing, flags));
  return new Map(names.map((name) => [name, found.get(name) ?? join(dir, name)]));
}

function ldflags(kubernetes: string, temporal: string): string {
  const variables = [
    `k8s.io/component-base/version.gitVersion=${kubernetes}`,
    `github.com/temporalio/cli/temporalcli.Version=${temporal}`,
  ];
  return ['-s', '-w', ...variables.flatMap((variable) => ['-X', variable])].join(' ');
}

async function fromPath(name: string, version: string): Promise<string | undefined> {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, name);
    if (dir === '' || dir === paths.bin || !(await exists(path))) continue;
    const arguments_ = name === 'kubectl' ? ['version', '--client'] : ['--version'];
    const { code, stdout } = await attempt([path, ...arguments_]);
    const words = `${stdout.trim()} `.replaceAll('\n', ' ');
    return code === 0 && words.includes(`${version.trim()} `) ? path : undefined;
  }
  return undefined;
}

async function build(dir: string, missing: readonly GoTool[], flags: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const still: GoTool[] = [];
  for (const name of missing) if (!(await exists(join(dir, name)))) still.push(name);
  if (still.length === 0) return;
  await removeRemains(dir);
  const work = await mkdtemp(workPrefix(dir));
  try {
    const targets = still.map((name) => packages[name]);
    const command = ['go', 'build', '-trimpath', '-ldflags', flags, '-o', `${work}/`, ...targets];
    await run(command, { cwd: paths.goTools, env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' } });
    for (const name of still) await rename(join(work, name), join(dir, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Links a program into `.lab/bin` under its name. */
export async function link(name: string, target: string): Promise<void> {
  await mkdir(paths.bin, { recursive: true });
  const temporary = `${tool(name)}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, tool(name));
}
