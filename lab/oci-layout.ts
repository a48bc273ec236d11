import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { architecture } from './debian.ts';
import { run } from './run.ts';

const reproducible = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];

/** A piece of an image: its kind, its hash, its size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What an image is made of. */
export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Packs a folder into a tar archive that is the same each time. */
export async function pack(folder: string, archive: string): Promise<void> {
  await run(['tar', ...reproducible, '-cf', archive, '-C', folder, '.']);
}

/** Writes an image as an OCI layout: the layers are tar archives, the program is `/tool`. */
export async function writeLayout(
  layout: string,
  image: { readonly name: string; readonly layers: readonly Buffer[] },
): Promise<void> {
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  const blob = async (kind: string, content: Buffer | object): Promise<Descriptor> => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hash = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(layout, 'blobs/sha256', hash), bytes);
    const mediaType = `application/vnd.oci.image.${kind}`;
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const layers: Descriptor[] = [];
  for (const layer of image.layers) layers.push(await blob('layer.v1.tar', layer));
  const config = await blob('config.v1+json', {
    architecture: await architecture(),
    os: 'linux',
    config: { Entrypoint: ['/tool'], Cmd: ['pause'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await blob('manifest.v1+json', { schemaVersion: 2, mediaType, config, layers });
  const annotations = { 'io.containerd.image.name': image.name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

/** Reads the one image of an OCI layout: its descriptor, its manifest and the manifest's very bytes. */
export async function readLayout(
  layout: string,
): Promise<{ readonly descriptor: Descriptor; readonly manifest: Manifest; bytes: Buffer }> {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    readonly manifests: readonly Descriptor[];
  };
  const [descriptor] = index.manifests;
  if (!descriptor) throw new Error(`${layout} holds no image`);
  const bytes = await readFile(blobFile(layout, descriptor));
  return { descriptor, manifest: JSON.parse(bytes.toString()) as Manifest, bytes };
}

/** Returns the file of a piece of an image. */
export function blobFile(layout: string, { digest }: Descriptor): string {
  return join(layout, 'blobs/sha256', digest.slice('sha256:'.length));
}
