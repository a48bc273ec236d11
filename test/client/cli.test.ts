import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ran, run } from './kit.ts';

const bin = fileURLToPath(new URL('../../bin/tidegate', import.meta.url));
const rollout = fileURLToPath(
  new URL('../../examples/rollouts/containerd-deb12u3.yaml', import.meta.url),
);

/** Runs the real command in a process of its own, with no Temporal settings of the machine's. */
function spawned(argv: readonly string[], command = bin, cwd = tmpdir()): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: tmpdir() };
  return new Promise((settle) => {
    execFile(command, argv, { env, cwd }, (error, out, err) => {
      settle({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

const refusals: [string, string[], RegExp][] = [
  ['no command', [], /Usage: tidegate/],
  ['an unknown command', ['plna', 'x'], /unknown command 'plna'\n\(Did you mean plan\?\)/],
  ['an unknown option', ['status', '--otput', 'json'], /\(Did you mean --output\?\)/],
  ['an unknown format', ['status', '--output', 'yaml'], /Allowed choices are text, json/],
  [
    'a format that only documents have',
    ['status', '--output', 'html'],
    /--output html is for report and outcomes alone\. Allowed choices are text, json\./,
  ],
  ['a missing argument', ['plan'], /missing required argument 'file'/],
  ['too many arguments', ['watch', 'a', 'b'], /too many arguments/],
  ['an approval by nobody', ['approve', 'r', '--digest', 'd'], /required option '--as <who>'/],
  ['an approval of nothing', ['approve', 'r', '--as', 'x'], /required option '--digest <digest>'/],
  ['a rejection without a reason', ['reject', 'r', '--as', 'x'], /required option '--reason/],
  ['no decision about Jobs', ['jobs', 'r', 'n', '--as', 'x'], /one of --wait, --later and --evict/],
  [
    'two decisions about Jobs',
    ['jobs', 'r', 'n', '--as', 'x', '--wait', '--evict'],
    /one of --wait, --later and --evict/,
  ],
  ['a file that is not there', ['plan', 'nowhere.yaml'], /nowhere.yaml: there is no such file/],
  ['an unknown kind', ['schema', 'polcy'], /Did you mean Policy\?/],
];

for (const [name, argv, message] of refusals) {
  test(`${name} is refused with exit code 3`, async () => {
    const { code, out, err } = await run(argv);
    assert.equal(code, 3);
    assert.equal(out, '');
    assert.match(err, message);
  });
}

const texts: [string, string, string][] = [
  ['an empty file', '', 'standard input: is empty'],
  ['a file of comments', '# nothing\n', 'standard input: is empty'],
  ['broken YAML', 'a: [1\nb: 2\n', 'standard input:2:1: Flow sequence'],
  ['broken JSON', '{"a": 1,', 'standard input:1:9: Flow map'],
  ['a key twice', 'a: 1\na: 2\n', 'standard input:2:1: Map keys must be unique'],
  ['two documents', 'a: 1\n---\nb: 2\n', 'standard input: holds 2 documents'],
  ['an alias without its anchor', 'a: *x\n', 'standard input: Unresolved alias'],
  ['bytes that are no text', '\xff\xfe', 'standard input: is not text in UTF-8'],
  [
    'another kind',
    'kind: Fleet\nmetadata: {name: lab}\n',
    'standard input: Rollout lab is not valid, 1 problem:\n  kind: expected "Rollout", found "Fleet"',
  ],
];

for (const [name, stdin, message] of texts) {
  test(`${name} is refused before Temporal is asked`, async () => {
    for (const command of ['plan', 'start']) {
      const { code, out, err } = await run([command, '-'], { stdin });
      assert.equal(code, 3);
      assert.equal(out, '');
      assert.ok(err.startsWith(`error: ${message}`), err);
    }
  });
}

test('every command has help with examples', async () => {
  const { code, out } = await run(['--help']);
  assert.equal(code, 0);
  assert.match(out, /Exit codes:/);
  const [, listed = ''] = /\nCommands:\n(.*?)\n\n/s.exec(out) ?? [];
  const commands = [...listed.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map((match) => match[1] ?? '');
  assert.deepEqual(
    commands.filter((name) => name !== 'help'),
    'plan start status watch approve reject vote-statement replan pause resume stop rollback skip retry jobs override validate windows inventory schedule ledger report outcomes schema chat'.split(
      ' ',
    ),
  );
  for (const command of commands) {
    const help = await run([command, '--help']);
    assert.equal(help.code, 0, command);
    if (command !== 'help') assert.match(help.out, /Examples:\n {2}tidegate /, command);
    if (command !== 'help') assert.match(help.out, /--output <format>/, command);
  }
});

test('a Temporal that is not there is one sentence and exit code 1', async () => {
  const { code, out, err } = await spawned(['start', rollout, '--address', '127.0.0.1:1']);
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, /^error: Temporal does not answer at 127\.0\.0\.1:1 \(.*\)\. Start it with /);
  assert.equal(err.trim().split('\n').length, 1);
});

test('a server that never answers is given up after three seconds', async () => {
  const silent = createServer();
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
  const { port } = silent.address() as { port: number };
  const before = Date.now();
  const { code, err } = await spawned(['status', '--address', `127.0.0.1:${port}`]);
  silent.close();
  assert.equal(code, 1);
  assert.match(err, /Temporal does not answer at/);
  assert.ok(Date.now() - before < 8000);
});

test('an unknown profile is refused', async () => {
  const { code, err } = await spawned(['status', '--profile', 'nope']);
  assert.equal(code, 3);
  assert.match(err, /connection settings can't be used: .*nope/);
});

test('a bad document is refused before Temporal is asked, from a process as well', async () => {
  const fleet = join(rollout, '../../fleet.yaml');
  const { code, err } = await spawned(['plan', fleet, '--address', '127.0.0.1:1']);
  assert.equal(code, 3);
  assert.match(err, /fleet\.yaml: Rollout lab is not valid, 1 problem:/);
});

test('the shim works through symlinks and from any folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-shim-'));
  try {
    await symlink(bin, join(folder, 'first'));
    await symlink('first', join(folder, 'second'));
    const { code, out } = await spawned(['schema'], join(folder, 'second'), folder);
    assert.equal(code, 0);
    assert.equal(out, 'Fleet\nBundle\nPolicy\nRollout\nSchedule\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
