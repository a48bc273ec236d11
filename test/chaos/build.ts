/** Another build of the orchestrator: a copy of this checkout with one more step in every node's run. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkout, stateDir } from '../../lab/paths.ts';

const FOLDERS = ['workflows', 'activities', 'worker'] as const;
/** Where a node's run enters its phases; the copy differs from the checkout in this alone. */
const PLACE = /^ *(const \w+ = |return )await work\(\);$/m;
const STEP = "    if (phase === 'Uncordoning' && patched('one-more-step')) await sleep('4s');";

let made: Promise<string> | undefined;

/**
 * Returns the folder of a build whose nodes wait four seconds before they are uncordoned: a new step
 * behind `patched()`, as a release would have it. It lies in the lab's state folder, so that it finds
 * the checkout's packages and goes with the lab.
 */
export function newerBuild(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const folder = join(stateDir, 'builds', 'newer');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(
    FOLDERS.map((name) => cp(join(checkout, name), join(folder, name), { recursive: true })),
  );
  const file = join(folder, 'workflows', 'node-run.ts');
  await writeFile(file, withOneMoreStep(await readFile(file, 'utf8')));
  return folder;
}

/** Returns the source of a node's run with one more step in it. */
export function withOneMoreStep(source: string): string {
  const imports = "import { patched, sleep } from '@temporalio/workflow';\n";
  if (!PLACE.test(source)) {
    throw new Error('node-run.ts has no "await work()" any more: the new step has to go elsewhere');
  }
  return `${imports}${source.replace(PLACE, (line) => `${STEP}\n${line}`)}`;
}
