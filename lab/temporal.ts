import { connect } from 'node:net';
import { SEARCH_ATTRIBUTE_TYPES } from '../workflows/contract.ts';
import { paths, tool } from './paths.ts';
import { assertRuns, startPart } from './processes.ts';
import { waitFor } from './run.ts';
import { host } from './settings.ts';

/** The name of Temporal's process. */
export const temporalPart = 'temporal';

/** Starts Temporal's server with its UI on the standard ports, unless it runs. */
export async function ensureTemporal(): Promise<void> {
  const polls = ['transfer', 'timer', 'visibility'].map(
    (queue) => `history.${queue}ProcessorMaxPollRPS=200`,
  );
  const flags = [
    ['--ip', '127.0.0.1'],
    ['--port', `${host.temporalPort}`],
    ['--ui-port', `${host.temporalUiPort}`],
    ['--db-filename', paths.temporalDb],
    ['--log-level', 'warn'],
    // The server polls its one shard 20 times a second by default: 50 ms for each step.
    ['--sqlite-pragma', 'journal_mode=wal'],
    ['--sqlite-pragma', 'synchronous=1'],
    ...polls.map((value) => ['--dynamic-config-value', value]),
    ...Object.entries(SEARCH_ATTRIBUTE_TYPES).map((pair) => ['--search-attribute', pair.join('=')]),
  ].flat();
  await startPart({
    name: temporalPart,
    command: [tool('temporal'), 'server', 'start-dev', ...flags],
  });
  await waitFor({
    what: 'Temporal to listen',
    timeoutMs: 60_000,
    until: async () => {
      await assertRuns(temporalPart);
      return (await listens(host.temporalPort)) && (await listens(host.temporalUiPort));
    },
  });
}

/** Returns whether something listens on a port of this machine. */
export function listens(port: number, address = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, address);
    const end = (answer: boolean) => {
      socket.destroy();
      settle(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}
