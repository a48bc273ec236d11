import { onNode } from './node.ts';
import type { LabNode } from './settings.ts';
import { shim, shimThatWaits } from './slow-package.ts';

/** Where the real shim is while a node is slowed down; it is there only then. */
export const divertedShim = `${shim}.diverted`;

// As an administrator would put a wrapper around a program of a package: dpkg knows that the program
// lives elsewhere, so that the slowdown outlives updates and is no difference from the package.
const on = `
set -e
[ -e ${divertedShim} ] || ln ${shim} ${divertedShim}
dpkg-divert --local --quiet --no-rename --divert ${divertedShim} --add ${shim}
cat >${shim}.new <<'SHIM'
${shimThatWaits(divertedShim)}SHIM
chmod 755 ${shim}.new
mv ${shim}.new ${shim}
`;

const off = `
set -e
if [ -n "$(dpkg-divert --list ${shim})" ]; then
  ln -f ${divertedShim} ${shim}.new
  mv ${shim}.new ${shim}
  dpkg-divert --local --quiet --no-rename --remove ${shim}
fi
rm -f ${divertedShim} ${shim}.new
`;

/** Slows every start of a container on a node down, whatever version of the runtime it has or gets. */
export async function slowDown(node: LabNode): Promise<void> {
  await change(node, on, 'slowed down');
}

/** Takes the slowdown of a node away again; one without it is left as it is. */
export async function speedUp(node: LabNode): Promise<void> {
  await change(node, off, 'sped up');
}

async function change(node: LabNode, script: string, what: string): Promise<void> {
  const { code, stderr } = await onNode(node, script);
  if (code !== 0) throw new Error(`${node.name} was not ${what}: ${stderr.trim()}`);
}
