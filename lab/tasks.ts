const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

function paint(code: number, text: string): string {
  return colours ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Prints one line of the lab's own. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a heading. */
export function heading(text: string): void {
  say(paint(1, text));
}

/** Runs one task and prints its title with its time; says that it runs if it takes a while. */
export async function task<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  const slow = setTimeout(() => say(`  ${paint(33, '…')} ${title}`), 4000);
  const seconds = () => paint(2, `${((Date.now() - started) / 1000).toFixed(1)} s`);
  try {
    const result = await work();
    say(`  ${paint(32, '✓')} ${title}  ${seconds()}`);
    return result;
  } catch (error) {
    say(`  ${paint(31, '✗')} ${title}  ${seconds()}`);
    throw error;
  } finally {
    clearTimeout(slow);
  }
}

/** Runs tasks side by side and waits for all of them, even after one failed; throws the first error. */
export async function together(...work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
