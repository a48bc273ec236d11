import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { remakePackage } from './remade-package.ts';
import { versions } from './settings.ts';

/** The program that containerd runs to start a container. */
export const shim = '/usr/bin/containerd-shim-runc-v2';

/** By how much each start of a container is slowed down. */
const slowdownMs = 400;

/** Where the package keeps the real shim. */
const realShim = `${shim}.real`;

/**
 * Returns a shim that waits before it starts a container. What it starts runs the real one by its own
 * path, so that only starts are slow, and containers that run need the wrapper no more.
 */
export function shimThatWaits(real: string): string {
  return `#!/bin/sh
# Slow on purpose: a harm of the lab's that only measurements show.
for action; do :; done
[ "$action" != start ] || sleep ${slowdownMs / 1000}
exec ${real} "$@"
`;
}

/** Makes the package that works well, but starts every container later. */
export async function makeSlowPackage(original: string, target: string): Promise<void> {
  await remakePackage({
    original,
    target,
    version: versions.containerdSlow,
    change: async (tree) => {
      await rename(join(tree, shim), join(tree, realShim));
      await writeFile(join(tree, shim), shimThatWaits(realShim), { mode: 0o755 });
    },
  });
}
