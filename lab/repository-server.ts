import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { codeOf, messageOf } from './run.ts';

// Serves the lab's package repository to the nodes: repository-server.ts FOLDER ADDRESS PORT

const [folder = '', address = '', port = ''] = process.argv.slice(2);

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://lab').pathname));
  const file = join(folder, path);
  const found = await sizeOf(file);
  if (found === undefined) {
    response.writeHead(404).end();
    return;
  }
  const modified = found.mtime.toUTCString();
  // What apt has already; the packages' dates change only with the repository.
  if (request.headers['if-modified-since'] === modified) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { 'Content-Length': found.size, 'Last-Modified': modified });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(file), response);
}

async function sizeOf(file: string): Promise<{ size: number; mtime: Date } | undefined> {
  try {
    const facts = await stat(file);
    return facts.isFile() ? facts : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

createServer((request, response) => {
  respond(request, response).then(
    () => console.log(`${request.method} ${request.url} ${response.statusCode}`),
    (error: unknown) => {
      console.error(`${request.method} ${request.url}: ${messageOf(error)}`);
      response.destroy();
    },
  );
}).listen(Number(port), address);
