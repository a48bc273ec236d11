import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { edit, remakePackage } from './remade-package.ts';
import { versions } from './settings.ts';

const config = '/usr/share/containerd/tidegate-bad.toml';

/** Makes the package that installs well and then fails its node: the daemon runs but serves no CRI. */
export async function makeBadPackage(original: string, target: string): Promise<void> {
  await remakePackage({
    original,
    target,
    version: versions.containerdBad,
    change: async (tree) => {
      const unit = join(tree, 'lib/systemd/system/containerd.service');
      await edit(unit, /^ExecStart=(\/usr\/bin\/containerd)$/m, `ExecStart=$1 --config ${config}`);
      await mkdir(join(tree, 'usr/share/containerd'), { recursive: true });
      await writeFile(
        join(tree, config),
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
      );
    },
  });
}
