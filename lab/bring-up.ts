import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkout } from './paths.ts';

/** Runs the lab's own `up` with its progress shown; throws where it fails. */
export async function bringUp(output: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
  const child = spawn(process.execPath, [join(checkout, 'lab', 'main.ts'), 'up'], {
    stdio: ['ignore', output === 'stdout' ? 'inherit' : process.stderr, 'inherit'],
  });
  const code = await new Promise<number | null>((settle, reject) => {
    child.once('error', reject);
    child.once('close', settle);
  });
  if (code !== 0) throw new Error('the lab is not up; its last lines say why');
}
