import assert from 'node:assert/strict';
import test from 'node:test';
import { renderInventory } from '../../client/render/inventory.ts';
import { renderList } from '../../client/render/list.ts';
import { PLAIN } from '../../client/render/look.ts';
import { changesBetween, renderChange, renderFrame, Screen } from '../../client/render/progress.ts';
import { FROM, TO } from '../workflows/fake-fleet.ts';
import { factsOf, fleetFacts } from '../workflows/fixtures.ts';
import { NOW, statusOf, TTY, viewOf } from './kit.ts';

test('the list of rollouts', () => {
  const entry = {
    rollout: 'patch',
    state: 'Running' as const,
    phase: 'AwaitingApproval',
    waitingFor: 'approval',
    nodesFailed: 0,
    startedAt: '2026-11-24T22:00:00Z',
  };
  assert.equal(
    renderList([entry], NOW, PLAIN),
    'ROLLOUT\tPHASE\tWAITS FOR\tFAILED\tSTARTED\tTOOK\n' +
      'patch\tAwaitingApproval\tapproval\t0\t2026-11-24T22:00:00Z\t10 min',
  );
  assert.equal(renderList([], NOW, PLAIN), 'ROLLOUT\tPHASE\tWAITS FOR\tFAILED\tSTARTED\tTOOK');
});

test('an inventory marks what differs from most nodes', () => {
  const nodes = fleetFacts(3);
  const [first] = nodes;
  assert.ok(first?.host);
  const odd = {
    ...first,
    node: 'east-4',
    host: { ...first.host, daemons: { containerd: TO }, dpkgInterrupted: true },
  };
  const lost = factsOf('east-5', 'b', {
    unreachable: { type: 'HostUnreachable', message: 'no route' },
  });
  const { host: _, ...unreachable } = lost;
  const { table: text, notes } = renderInventory(
    { fleet: 'lab', nodes: [...nodes, odd, unreachable] },
    PLAIN,
  );
  const lines = text.split('\n').map((line) => line.split('\t'));
  assert.deepEqual(lines[0]?.slice(0, 5), [
    'NODE',
    'ZONE',
    'STATE',
    'containerd (dpkg)',
    'containerd (running)',
  ]);
  assert.deepEqual(lines[1]?.slice(0, 5), ['east-1', 'a', 'Ready', FROM, FROM]);
  assert.deepEqual(lines[4]?.slice(2, 5), ['Ready, dpkg interrupted', FROM, `${TO} *`]);
  assert.deepEqual(lines[5]?.slice(2, 5), ['Ready, unreachable', '?', '?']);
  assert.equal(
    notes,
    `* containerd (running): ${FROM} on east-1, east-2, east-3; ${TO} on east-4\n` +
      'east-5: HostUnreachable: no route',
  );
});

test('where no version has a majority all of them are marked', () => {
  const [first, second] = fleetFacts(2);
  assert.ok(first && second);
  const nodes = [first, { ...second, kubeletVersion: 'v1.34.5' }];
  const { table: text } = renderInventory({ fleet: 'lab', nodes }, PLAIN);
  assert.match(text, /v1\.34\.4 \*\n.*v1\.34\.5 \*$/);
});

test('progress in a pipe is one line for each change', () => {
  const before = viewOf();
  const wave = statusOf().waves[0];
  assert.ok(wave);
  const node = { node: 'east-1', phase: 'Verifying' as const, reason: 'probe pod' };
  const after = viewOf({
    status: statusOf({ waves: [{ ...wave, nodes: [node] }, ...statusOf().waves.slice(1)] }),
  });
  const lines = (a: typeof before | undefined, b: typeof before) =>
    changesBetween(a, b, NOW).map((change) => renderChange(change, PLAIN));
  assert.deepEqual(lines(undefined, before), [
    '22:10:00Z\trollout\tpatch\tCanary',
    '22:10:00Z\twave\tcanary\tRunning',
    '22:10:00Z\tnode\tcanary/east-1\tApplying',
  ]);
  assert.deepEqual(lines(before, after), ['22:10:00Z\tnode\tcanary/east-1\tVerifying\tprobe pod']);
  assert.deepEqual(lines(after, after), []);
});

test('a frame is no higher than the terminal', () => {
  const whole = renderFrame(viewOf(), NOW, TTY);
  assert.equal(
    whole,
    `patch  Canary  10 min

WAVE    STATE    NODE    PHASE     DETAIL
canary  Running  east-1  Applying
wave-1  Pending  east-2  Pending
                 east-3  Pending`,
  );
  const nodes = Array.from({ length: 50 }, (_, i) => ({
    node: `east-${i}`,
    phase: 'Pending' as const,
  }));
  const [canary, wave] = statusOf().waves;
  assert.ok(canary && wave);
  const big = viewOf({ status: statusOf({ waves: [canary, { ...wave, nodes }] }) });
  const short = renderFrame(big, NOW, TTY);
  assert.match(short, /\nwave-1 {2}Pending {2}50 nodes {2}50 Pending$/);
  const busy = viewOf({ status: statusOf({ waves: [{ ...wave, state: 'Running', nodes }] }) });
  const lines = renderFrame(busy, NOW, TTY).split('\n');
  assert.equal(lines.length, TTY.height - 1);
  assert.match(lines.at(-1) ?? '', /^… and \d+ lines more$/);
});

test('a frame is drawn over the last one and cut to the width', () => {
  const screen = new Screen();
  assert.equal(screen.draw('a\nb', 80), 'a\nb\n');
  assert.equal(screen.draw('a\nb', 80), '');
  assert.equal(screen.draw('abcdef', 5), '\u001b[2A\r\u001b[0Jabcd\n');
  assert.equal(screen.clear(), '\u001b[1A\r\u001b[0J');
});
