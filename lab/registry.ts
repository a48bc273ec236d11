import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pullImageLayout } from './image.ts';
import { blobFile, type Descriptor, readLayout } from './oci-layout.ts';
import { paths, tool } from './paths.ts';
import { assertRuns, startPart } from './processes.ts';
import { waitFor } from './run.ts';
import { host, pullImage, registryName } from './settings.ts';
import { listens } from './temporal.ts';

/** The name of the image registry's process. */
export const registryPart = 'registry';

/** Where the registry listens; plain HTTP, which the nodes' runtime is told in node-config.ts. */
export const registryUrl = `http://${host.address}:${host.registryPort}`;

/** Starts the image registry for the nodes, unless it runs, and pushes the image that measurements pull. */
export async function ensureRegistry(): Promise<void> {
  await mkdir(paths.registry, { recursive: true });
  const config = join(paths.registry, 'config.json');
  await writeFile(config, JSON.stringify(registryConfig(), null, 2));
  await startPart({
    name: registryPart,
    command: [tool('docker-registry'), 'serve', config],
  });
  await waitFor({
    what: 'the image registry to listen',
    timeoutMs: 15_000,
    until: async () => {
      await assertRuns(registryPart);
      return listens(host.registryPort, host.address);
    },
  });
  await push(await pullImageLayout(), pullImage);
}

function registryConfig(): object {
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(paths.registry, 'data') } },
    // The secret would matter to several registries that share their uploads.
    http: { addr: `${host.address}:${host.registryPort}`, secret: 'the only one' },
  };
}

/** Pushes an image by the registry's own protocol; what is there already is not sent again. */
async function push(layout: string, image: string): Promise<void> {
  const [repository = '', tag = ''] = image.slice(`${registryName}/`.length).split(':');
  const base = `${registryUrl}/v2/${repository}`;
  const { descriptor, manifest, bytes } = await readLayout(layout);
  const there = await fetch(`${base}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { Accept: descriptor.mediaType },
  });
  if (there.headers.get('Docker-Content-Digest') === descriptor.digest) return;
  for (const piece of [...manifest.layers, manifest.config]) {
    await pushBlob(base, piece, await readFile(blobFile(layout, piece)));
  }
  const headers = { 'Content-Type': descriptor.mediaType };
  const put = await fetch(`${base}/manifests/${tag}`, { method: 'PUT', headers, body: bytes });
  if (!put.ok) throw new Error(`the registry takes no manifest: ${put.status} ${await put.text()}`);
}

async function pushBlob(base: string, piece: Descriptor, body: Buffer): Promise<void> {
  if ((await fetch(`${base}/blobs/${piece.digest}`, { method: 'HEAD' })).ok) return;
  const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  const upload = new URL(begun.headers.get('Location') ?? '', registryUrl);
  upload.searchParams.set('digest', piece.digest);
  const headers = { 'Content-Type': 'application/octet-stream' };
  const put = await fetch(upload, { method: 'PUT', headers, body });
  if (!put.ok) throw new Error(`the registry takes no blob ${piece.digest}: ${put.status}`);
}
