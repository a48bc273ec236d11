/**
 * Speaks the part of Alertmanager's API that silences need. It stands in where the real one can't be
 * had; silence-cases.ts runs against both.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Silence, WantedSilence } from '../../activities/adapters/alertmanager.ts';

export interface AlertmanagerStandIn {
  readonly url: string;
  /** Of the requests, in order. */
  readonly tokens: (string | undefined)[];
  /** Answers every request with this status; undefined once it works again. */
  fails: number | undefined;
  /** Lets requests wait without an answer. */
  hangs: boolean;
  readonly close: () => Promise<void>;
}

/** Starts the stand-in on a free port. */
export async function startStandIn(): Promise<AlertmanagerStandIn> {
  const silences = new Map<string, WantedSilence & { readonly id: string }>();
  const server = createServer((request, response) => {
    standIn.tokens.push(request.headers.authorization);
    if (standIn.hangs) return;
    void answer(request, silences).then(({ status, body }) => {
      response.writeHead(standIn.fails ?? status, { 'Content-Type': 'application/json' });
      response.end(standIn.fails === undefined ? JSON.stringify(body ?? {}) : 'out of order');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const standIn: AlertmanagerStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens: [],
    fails: undefined,
    hangs: false,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return standIn;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

async function answer(
  request: IncomingMessage,
  silences: Map<string, WantedSilence & { readonly id: string }>,
): Promise<Answer> {
  const url = new URL(request.url ?? '', 'http://stand-in');
  const now = new Date().toISOString();
  if (url.pathname.startsWith('/api/v2/silence/') && request.method === 'DELETE') {
    const known = silences.get(url.pathname.split('/').at(-1) ?? '');
    if (!known) return { status: 404 };
    silences.set(known.id, { ...known, endsAt: now });
    return { status: 200 };
  }
  if (url.pathname !== '/api/v2/silences') return { status: 404 };
  if (request.method === 'POST') {
    const wanted = JSON.parse(await textOf(request)) as WantedSilence & { readonly id?: string };
    if (wanted.id !== undefined && !silences.has(wanted.id)) return { status: 404 };
    const id = wanted.id ?? randomUUID();
    silences.set(id, { ...wanted, id });
    return { status: 200, body: { silenceID: id } };
  }
  const [, label, value] = /^([^=]+)="(.*)"$/.exec(url.searchParams.get('filter') ?? '') ?? [];
  const found = [...silences.values()].filter(
    ({ matchers }) =>
      label === undefined ||
      matchers.some((matcher) => matcher.name === label && matcher.value === value),
  );
  const body: Silence[] = found.map((silence) => ({
    ...silence,
    status: { state: silence.endsAt <= now ? 'expired' : 'active' },
  }));
  return { status: 200, body };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
