/** Silences against a stand-in; test/lab/monitoring.test.ts has the same cases against Alertmanager. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AlertmanagerStandIn, startStandIn } from '../monitoring/alertmanager-stand-in.ts';
import { activeSilences, alertsAt, silenceCases, silencer } from '../monitoring/silence-cases.ts';

const EAST = { cluster: 'east', node: 'east-1', rollout: 'patch' } as const;
let server: AlertmanagerStandIn;
before(async () => {
  server = await startStandIn();
});
after(() => server.close());

silenceCases(() => server.url);

describe('an Alertmanager that does not do its work', () => {
  const problem = async (url: string) => {
    const started = Date.now();
    const alerts = alertsAt(url);
    const { notes = [] } = await silencer().silence({ ...EAST, alerts });
    const ended = await silencer().unsilence({ ...EAST, alerts });
    assert.match(ended.notes?.[0] ?? '', /^silences of east-1 were not ended, they end by themse/);
    assert.ok(Date.now() - started < 12_000, 'within the time that is given');
    assert.equal(notes.length, 1);
    return notes[0] ?? '';
  };

  it('fails no step where nobody listens: it is noted', async () => {
    assert.match(await problem('http://127.0.0.1:9'), /^alerts of east-1 were not silenced: .+/);
  });

  it('nor where it refuses', async () => {
    server.fails = 503;
    const said = await problem(server.url);
    server.fails = undefined;
    assert.match(said, /\/api\/v2\/silences answered 503: out of order/);
  });

  it('nor where it never answers', async () => {
    server.hangs = true;
    const said = await problem(server.url);
    server.hangs = false;
    assert.match(said, /were not silenced: .*(timeout|aborted)/i);
  });
});

describe('a token file', () => {
  it('is read for each request, and sent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-token-'));
    const tokenFile = join(folder, 'token');
    const alerts = alertsAt(server.url, { tokenFile });
    await writeFile(tokenFile, 'first\n');
    await silencer().silence({ ...EAST, alerts });
    await writeFile(tokenFile, 'second\n');
    server.tokens.length = 0;
    await silencer().unsilence({ ...EAST, alerts });
    assert.deepEqual([...new Set(server.tokens)], ['Bearer second']);
    assert.deepEqual(await activeSilences(server.url), []);
    await rm(folder, { recursive: true });
    const { notes = [] } = await silencer().silence({ ...EAST, alerts });
    assert.match(notes[0] ?? '', /ENOENT.*token/);
  });
});
