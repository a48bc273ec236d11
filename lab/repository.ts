import { join } from 'node:path';
import { assertRuns, startPart } from './processes.ts';
import { waitFor } from './run.ts';
import { host } from './settings.ts';
import { listens } from './temporal.ts';

/** The name of the package repository's process. */
export const repositoryPart = 'repository';

/** Serves the package repository to the nodes on the bridge's address, unless it is served. */
export async function ensureRepositoryServer(folder: string): Promise<void> {
  const server = join(import.meta.dirname, 'repository-server.ts');
  const where = [host.address, `${host.repositoryPort}`];
  await startPart({
    name: repositoryPart,
    command: [process.execPath, server, folder, ...where],
  });
  await waitFor({
    what: 'the package repository to listen',
    timeoutMs: 15_000,
    until: async () => {
      await assertRuns(repositoryPart);
      return listens(host.repositoryPort, host.address);
    },
  });
}
