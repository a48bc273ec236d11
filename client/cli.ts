/** Entry of the command line; everything else is in program.ts. */
import { EXIT } from './errors.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** A reader that has seen enough (`tidegate status | head`) is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

process.once('SIGINT', () => {
  process.stderr.write('\nInterrupted. Rollouts run on; "tidegate status" shows them.\n');
  process.exit(EXIT.interrupted);
});

process.exitCode = await runProgram(process.argv.slice(2), { terminal: processTerminal() });
