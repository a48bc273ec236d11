/** The one quoting function for what goes through a remote shell. */

/** Returns a word that a POSIX shell reads as exactly this string; refuses NUL, which none can hold. */
export function quote(word: string): string {
  if (word.includes('\0')) throw new Error('a shell word cannot contain NUL');
  return /^[A-Za-z0-9_@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Returns the command line that a POSIX shell reads as exactly this argument list. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}
