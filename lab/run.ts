import { type SpawnOptions, spawn } from 'node:child_process';
import { names } from './settings.ts';

/** What a finished command left. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command: where, with which extra environment, and what to feed it. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Runs a command from an argument array and returns its result whatever its exit code. */
export function attempt(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [file = '', ...args] = command;
  const spawnOptions: SpawnOptions = {
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', [names.marker]: '1', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
  return new Promise((settle) => {
    const child = spawn(file, args, spawnOptions);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', (error) =>
      settle({ code: 127, stdout, stderr: `${stderr}${error.message}` }),
    );
    child.on('close', (code) => settle({ code: code ?? 128, stdout, stderr }));
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/** Runs a command and returns its trimmed output, or throws with the command and its last lines. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await attempt(command, options);
  if (result.code !== 0) {
    const tail = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-15).join('\n  ');
    throw new Error(`\`${command.join(' ')}\` exited with ${result.code}:\n  ${tail}`);
  }
  return result.stdout.trim();
}

/** Returns whether a command exits with 0. */
export async function succeeds(command: readonly string[], options?: RunOptions): Promise<boolean> {
  return (await attempt(command, options)).code === 0;
}

/** Waits for a number of milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((settle) => setTimeout(settle, ms));
}

/** Polls until a condition holds; throws with its name when the time is over. */
export async function waitFor(options: {
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs?: number;
  readonly until: () => Promise<boolean>;
}): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  while (!(await options.until())) {
    if (Date.now() > deadline) {
      throw new Error(`${options.what}: not within ${Math.round(options.timeoutMs / 1000)} s`);
    }
    await sleep(options.everyMs ?? 200);
  }
}

/** Returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the system's code (`ENOENT`, `EEXIST`, ...) of anything that was thrown. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
