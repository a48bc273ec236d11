import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseInspection } from '../../activities/host-facts.ts';
import { type HostRecord, parseRecord } from '../../activities/records.ts';
import { OFFERS_SCRIPT, STAGE_SCRIPT, UNSTAGE_SCRIPT } from '../../activities/scripts/apt.ts';
import { INSPECT_SCRIPT } from '../../activities/scripts/inspect.ts';
import { REBOOT_SCRIPT } from '../../activities/scripts/reboot.ts';
import { TRANSACTION_SCRIPT } from '../../activities/scripts/transaction.ts';
import { UNIT_SCRIPT } from '../../activities/scripts/unit.ts';

const scripts = {
  INSPECT_SCRIPT,
  OFFERS_SCRIPT,
  STAGE_SCRIPT,
  UNSTAGE_SCRIPT,
  TRANSACTION_SCRIPT,
  REBOOT_SCRIPT,
};

describe('scripts for hosts', () => {
  for (const [name, script] of Object.entries(scripts)) {
    it(`${name} is what sh understands, whole before it runs`, () => {
      execFileSync('sh', ['-n'], { input: script });
      // A script that is cut off on its way must do nothing: its last line starts it.
      assert.match(script, /\nmain "\$@" <\/dev\/null\nexit 0\n$/);
    });
  }

  it('the script inside the unit is what sh understands', () => {
    execFileSync('sh', ['-n'], { input: UNIT_SCRIPT });
  });
});

/** A folder for the commands that a script finds instead of the machine's, and for what it keeps. */
class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidegate-'));

  /** Runs a script with these commands; `$STORE` is the folder in them. */
  run(
    script: string,
    args: readonly string[],
    commands: Readonly<Record<string, string>>,
  ): HostRecord[] {
    for (const [name, body] of Object.entries(commands)) {
      writeFileSync(join(this.folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    const env = { PATH: `${this.folder}:${process.env['PATH']}`, STORE: this.folder };
    const input = script
      .replaceAll('/var/cache/tidegate', join(this.folder, 'store'))
      .replaceAll('/run/containerd', join(this.folder, 'run'));
    const printed = execFileSync('sh', ['-s', '--', ...args], { input, env, encoding: 'utf8' });
    const lines = printed.trimEnd().split('\n');
    assert.equal(lines.at(-1), 'end');
    return lines.slice(0, -1).map(parseRecord);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

const told = (records: readonly HostRecord[], kind: string) =>
  records.filter((record) => record.kind === kind).map(({ fields }) => fields.join(' '));

const VERSION = 'printf "Server:\\n  Version: 1\\n  Revision: 1+deb\\n"';
const ANSWERS = `version) ${VERSION} ;; plugins) echo ;;`;
/** A container whose process is this test. */
const TASKS = `echo "TASK PID STATUS"; echo "c1 ${process.pid} RUNNING"`;
const LABEL = `echo '"io.kubernetes.cri.container-type": "container"'`;
const ctr = (rest: string) => `[ "$1" != -n ] || shift 2\ncase "$1" in ${ANSWERS} ${rest} esac`;
const QUIET = {
  dpkg: 'case "$1" in --print-architecture) echo amd64 ;; esac',
  'dpkg-query': 'exit 1',
  systemctl: 'case "$1" in list-units) ;; show) echo process ;; *) exit 3 ;; esac',
};

describe('INSPECT_SCRIPT', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const inspect = (commands: Readonly<Record<string, string>>) =>
    sandbox.run(INSPECT_SCRIPT, [], { ...QUIET, ...commands });

  it('lists containers, and says that the list was read', () => {
    const records = inspect({ ctr: ctr(`tasks) ${TASKS} ;; containers) ${LABEL} ;;`) });
    assert.deepEqual(told(records, 'containersRead'), ['containerd yes']);
    assert.match(told(records, 'task').join(), /^c1 \d+$/);
    assert.deepEqual(parseInspection(records, 'east-1').containers.length, 1);
  });

  it('a list that is empty is one that was read', () => {
    const records = inspect({ ctr: ctr('tasks) echo "TASK PID STATUS" ;;') });
    assert.deepEqual(told(records, 'containersRead'), ['containerd yes']);
    assert.deepEqual(parseInspection(records, 'east-1').containers, []);
  });

  const unread: [string, string][] = [
    ['a list that fails', 'tasks) exit 1 ;;'],
    ['a container of which nothing can be read', `tasks) ${TASKS} ;; containers) exit 1 ;;`],
  ];
  for (const [name, rest] of unread) {
    it(`${name} is no list of containers`, () => {
      const records = inspect({ ctr: ctr(rest) });
      assert.equal(told(records, 'containersRead').at(-1), 'containerd no');
      assert.throws(() => parseInspection(records, 'east-1'), /did not tell its containers/);
    });
  }

  it('a list that fails once is asked for again', () => {
    const once = `tasks) [ -e "$STORE/asked" ] || { touch "$STORE/asked"; exit 1; }; ${TASKS} ;;`;
    const records = inspect({ ctr: ctr(`${once} containers) ${LABEL} ;;`) });
    assert.deepEqual(told(records, 'containersRead'), ['containerd yes']);
    assert.equal(told(records, 'task').length, 1);
  });

  it('a daemon that is silent is told as silent', () => {
    const { host, containers } = parseInspection(inspect({ ctr: 'exit 1' }), 'east-1');
    assert.deepEqual(host.daemons, {});
    assert.deepEqual(containers, []);
  });

  it('does the same for CRI-O', () => {
    const systemctl =
      'case "$1" in list-units) ;; is-active) exit 0 ;; show) echo process ;; *) exit 3 ;; esac';
    const crictl = (ps: string) =>
      `case "$1" in version) echo "RuntimeVersion: 1.33" ;; ps) ${ps} ;; esac`;
    const without = { systemctl, ctr: 'exit 1' };
    const empty = inspect({ ...without, crictl: crictl('echo \'{"containers": []}\'') });
    assert.deepEqual(parseInspection(empty, 'east-1').containers, []);
    const failing = inspect({ ...without, crictl: crictl('exit 1') });
    assert.throws(
      () => parseInspection(failing, 'east-1'),
      /crio answers, but did not tell its containers/,
    );
    const silent = parseInspection(inspect({ ...without, crictl: 'exit 1' }), 'east-1');
    assert.deepEqual(silent.host.daemons, {});
  });

  it('a host of another package manager is refused with words', () => {
    const elsewhere = `command() { return 1; }\n${INSPECT_SCRIPT}`;
    const records = sandbox.run(elsewhere, [], QUIET);
    assert.throws(
      () => parseInspection(records, 'east-1'),
      /has no dpkg and no apt-get: Tidegate changes only hosts with apt and dpkg/,
    );
  });

  it('tells what becomes of containers when systemd stops the daemon', () => {
    const records = inspect({ ctr: ctr('tasks) ;;') });
    assert.deepEqual(parseInspection(records, 'east-1').host.killModes, { containerd: 'process' });
  });

  it('names the transactions that have not ended, and no others', () => {
    const { runningTransactions } = parseInspection(
      inspect({ ctr: 'exit 1', systemctl: systemctl({ a: 'active/running', b: 'active/exited' }) }),
      'east-1',
    );
    assert.deepEqual(runningTransactions, ['tidegate-tx-a-apply']);
    const silent = inspect({ ctr: 'exit 1', systemctl: 'exit 1' });
    assert.throws(() => parseInspection(silent, 'east-1'), /systemd did not tell its units/);
  });
});

/** A systemctl that knows these transactions by their state; `begun` is written by systemd-run. */
function systemctl(states: Readonly<Record<string, string>>): string {
  const units = Object.entries(states).map(([name, state]) => {
    const [active, sub] = state.split('/');
    return { unit: `tidegate-tx-${name}-apply`, active, sub };
  });
  const cases = units.map(
    ({ unit, active, sub }) =>
      `${unit}.service/ActiveState) echo ${active} ;; ${unit}.service/SubState) echo ${sub} ;;`,
  );
  return `
case "$1" in
  list-units) ${units.map(({ unit, active, sub }) => `echo "${unit}.service loaded ${active} ${sub} x";`).join(' ')} : ;;
  show) case "$5/$3" in ${cases.join(' ')} */ActiveState) echo inactive ;; */SubState) echo dead ;; */LoadState) echo not-found ;; esac ;;
esac`;
}

describe('TRANSACTION_SCRIPT', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const wanted = ['containerd', '2', '0'.repeat(64), '-', '-', '1', '-'];
  const args = ['tidegate-tx-mine-apply', '-', 'once', ...wanted];
  const short = TRANSACTION_SCRIPT.replace('patience=300', 'patience=7');
  const transact = (commands: Readonly<Record<string, string>>) =>
    sandbox.run(short, args, { 'systemd-run': 'touch "$STORE/begun"', ...commands });
  const installed = (version: string) => `echo '${version} install ok installed'`;

  it('begins nothing beside the transaction of another run', () => {
    const records = transact({
      systemctl: systemctl({ other: 'active/running' }),
      'dpkg-query': installed('1'),
    });
    assert.deepEqual(told(records, 'phase'), [
      'waiting for tidegate-tx-other-apply of another run',
      'waiting for tidegate-tx-other-apply of another run',
    ]);
    assert.deepEqual(told(records, 'occupied'), ['tidegate-tx-other-apply']);
    assert.deepEqual(
      records.map(({ kind }) => kind),
      ['phase', 'phase', 'occupied'],
    );
  });

  it('looks again when it has ended: what that one installed is there already', () => {
    // It ends, and its version is installed, once it has been looked at for a while.
    const looks = 'echo x >>"$STORE/looks"; [ "$(wc -l <"$STORE/looks")" -lt 4 ]';
    const running = systemctl({ other: 'active/running' });
    const ended = systemctl({ other: 'active/exited' });
    const records = transact({
      systemctl: `if [ "$1" = list-units ]; then ${looks} || touch "$STORE/ended"; fi
if [ -e "$STORE/ended" ]; then ${ended}\nelse ${running}\nfi`,
      'dpkg-query': `if [ -e "$STORE/ended" ]; then ${installed('2')}; else ${installed('1')}; fi`,
    });
    assert.deepEqual(told(records, 'phase'), [
      'waiting for tidegate-tx-other-apply of another run',
    ]);
    assert.equal(told(records, 'already').length, 1);
  });

  it('does not wait for those that have ended', () => {
    const records = transact({
      systemctl: systemctl({ other: 'active/exited', third: 'failed/failed' }),
      'dpkg-query': installed('2'),
    });
    assert.deepEqual(
      records.map(({ kind }) => kind),
      ['already'],
    );
  });
});
