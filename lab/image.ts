import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from './cache.ts';
import { architecture } from './debian.ts';
import { run } from './run.ts';
import { image } from './settings.ts';

const source = join(import.meta.dirname, 'image', 'tool.c');
const reproducible = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];

/** Returns the path of the lab's image as an OCI archive that containerd can import. */
export async function imageArchive(): Promise<string> {
  const key = keyOf('image-1', image, await readFile(source, 'utf8'));
  const dir = await cached('image', key, async (work) => {
    const layout = join(work, 'layout');
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    const rootfs = join(work, 'rootfs');
    await mkdir(rootfs);
    const program = join(rootfs, 'tool');
    await run(['gcc', '-O2', '-static', '-s', '-Wall', '-Wextra', '-o', program, source]);
    await run(['tar', ...reproducible, '-cf', join(work, 'layer.tar'), '-C', rootfs, '.']);
    await writeLayout(layout, await readFile(join(work, 'layer.tar')));
    const archive = join(work, 'tool.tar');
    await run(['tar', ...reproducible, '-cf', archive, '-C', layout, '.']);
    for (const name of ['layout', 'rootfs', 'layer.tar']) {
      await rm(join(work, name), { recursive: true });
    }
  });
  return join(dir, 'tool.tar');
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

async function writeLayout(layout: string, layer: Buffer): Promise<void> {
  const blob = async (kind: string, content: Buffer | object): Promise<Descriptor> => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hash = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(layout, 'blobs/sha256', hash), bytes);
    const mediaType = `application/vnd.oci.image.${kind}`;
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const layerDescriptor = await blob('layer.v1.tar', layer);
  const config = await blob('config.v1+json', {
    architecture: await architecture(),
    os: 'linux',
    config: { Entrypoint: ['/tool'], Cmd: ['pause'] },
    rootfs: { type: 'layers', diff_ids: [layerDescriptor.digest] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const body = { schemaVersion: 2, mediaType, config, layers: [layerDescriptor] };
  const manifest = await blob('manifest.v1+json', body);
  const annotations = { 'io.containerd.image.name': image };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
