import { createCipheriv } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from './cache.ts';
import { pack, writeLayout } from './oci-layout.ts';
import { run } from './run.ts';
import { image, pullImage } from './settings.ts';

const source = join(import.meta.dirname, 'image', 'tool.c');
const pullBytes = 8 * 1024 * 1024;

/** Returns the path of the lab's image as an OCI archive that containerd can import. */
export async function imageArchive(): Promise<string> {
  const key = keyOf('image-1', image, await readFile(source, 'utf8'));
  const dir = await cached('image', key, async (work) => {
    const layout = join(work, 'layout');
    await writeLayout(layout, { name: image, layers: [await toolLayer(work)] });
    await pack(layout, join(work, 'tool.tar'));
    await rm(layout, { recursive: true });
  });
  return join(dir, 'tool.tar');
}

/** Returns the OCI layout of the image that measurements pull: the tool, and some MB that do not compress. */
export async function pullImageLayout(): Promise<string> {
  const key = keyOf('pull-1', pullImage, `${pullBytes}`, await readFile(source, 'utf8'));
  const dir = await cached('image', key, async (work) => {
    const layers = [await toolLayer(work), await dataLayer(work)];
    await writeLayout(join(work, 'layout'), { name: pullImage, layers });
  });
  return join(dir, 'layout');
}

async function toolLayer(work: string): Promise<Buffer> {
  return layer(work, async (root) => {
    const program = join(root, 'tool');
    await run(['gcc', '-O2', '-static', '-s', '-Wall', '-Wextra', '-o', program, source]);
  });
}

async function dataLayer(work: string): Promise<Buffer> {
  return layer(work, async (root) => {
    // A key stream: looks random, is the same each time.
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
    await writeFile(join(root, 'data'), cipher.update(Buffer.alloc(pullBytes)));
  });
}

async function layer(work: string, fill: (root: string) => Promise<void>): Promise<Buffer> {
  const root = join(work, 'rootfs');
  const archive = join(work, 'layer.tar');
  await mkdir(root);
  await fill(root);
  await pack(root, archive);
  const bytes = await readFile(archive);
  await rm(root, { recursive: true });
  await rm(archive);
  return bytes;
}
