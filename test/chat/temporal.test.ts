/** Chat against a real Temporal server and the real workflows; Slack is a stand-in. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { RunningChat } from '../../client/chat/run.ts';
import { clusterTaskQueue, SCHEDULED_WORKFLOW, TASK_QUEUE } from '../../workflows/contract.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import { type RealServer, startRealServer } from '../client/real-server.ts';
import { FakeFleet } from '../workflows/fake-fleet.ts';
import { rolloutOf } from '../workflows/fixtures.ts';
import { ADA, GRACE, plannedFor, REQUESTER } from './fake-rollouts.ts';
import { PATIENCE_MS, startBridge, until } from './kit.ts';
import { BOT_TOKEN, type Message, SIGNING_SECRET, SlackStandIn } from './slack-stand-in.ts';

const slack = new SlackStandIn();
let server: RealServer;
let chat: RunningChat;
before(async () => {
  await slack.start();
  server = await startRealServer();
  await restart();
});
after(async () => {
  await chat.stop();
  await slack.stop();
  await server.close();
});

async function restart(): Promise<void> {
  await chat?.stop();
  chat = await startBridge(slack, server.client);
  slack.bridge = `http://127.0.0.1:${chat.port}`;
}

/** Makes rounds until something shows. */
async function shows<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const begun = Date.now(); Date.now() - begun < PATIENCE_MS; ) {
    await chat.round();
    const found = look();
    if (found) return found;
    await delay(50);
  }
  const seen = slack.messages.map((message) => slack.shown(message)).join('\n---\n');
  return assert.fail(`never: ${what}\n${seen}`);
}

async function vote(message: Message, label: string, user: string): Promise<string> {
  const count = slack.ephemerals.length;
  const sent = await slack.press(message, label, user);
  const view = await until('the dialog', () => slack.viewOf(sent));
  await slack.submit(view, 'because');
  return (await until('an answer', () => slack.ephemerals[count])).text;
}

function planned(): PlanResult {
  const approval = { quorum: 2, roles: ['sre'] };
  const { plan, ...rest } = plannedFor('patch', { approval });
  const waves = plan.waves.map((wave) => ({ ...wave, soakSeconds: 0 }));
  return { ...rest, plan: { ...plan, waves } };
}

const gateOf = (digits: string) =>
  slack.top().find((m) => slack.buttons(m).length > 0 && slack.shown(m).includes(digits));

/** Runs `tidegate chat` as a process of its own, until it listens. */
async function spawned(): Promise<{
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}> {
  const cli = fileURLToPath(new URL('../../client/cli.ts', import.meta.url));
  const flags = ['--address', server.env.address, '--port', '0', '--poll-seconds', '0.1'];
  const child = spawn(process.execPath, [cli, 'chat', ...flags], {
    env: {
      ...{ PATH: process.env['PATH'], SLACK_BOT_TOKEN: BOT_TOKEN },
      ...{ SLACK_SIGNING_SECRET: SIGNING_SECRET, SLACK_API_URL: `${slack.url}/api/` },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const { msg, port } = JSON.parse(line) as { msg: string; port?: number };
    if (msg !== 'chat ready') continue;
    slack.bridge = `http://127.0.0.1:${port}`;
    child.stdout.resume();
    return { child, ended };
  }
  return assert.fail('chat never listened');
}

it('a gate is voted on in Slack over a restart, and the rollout told to its end', async () => {
  const { fleet, client, env } = server;
  fleet.planned = planned();
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue: clusterTaskQueue('east'),
    activities: new FakeFleet(['east-1', 'east-2', 'east-3']).activities(),
  });
  const running = worker.run();
  try {
    await client.start(rolloutOf());
    const gate = await shows('the gate', () => gateOf('0 of 2 approvals'));
    const own = await vote(gate, 'Approve', REQUESTER);
    assert.match(own, /platform-oncall requested this rollout, and the policy asks for somebody/);
    assert.match(await vote(gate, 'Approve', ADA), /patch: counted: more approvals are needed/);
    await restart();
    await shows('the vote', () => gateOf('1 of 2 approvals (ada)'));
    assert.match(await vote(gate, 'Approve', ADA), /has approved already/);
    assert.match(await vote(gate, 'Approve', GRACE), /patch: approved/);
    await shows('the end', () =>
      slack.messages.some((message) => /Succeeded/.test(slack.shown(message))),
    );
    await restart();
    await chat.round();
    assert.match(slack.shown(gate), /Approved by ada: because; grace: because/);
    assert.deepEqual(slack.buttons(gate), []);
    const keys = slack.messages.map((message) => message.metadata?.event_payload['key']);
    assert.deepEqual(keys, [...new Set(keys)]);
    const { status } = await client.status('patch');
    assert.deepEqual(
      status?.votes.map(({ by, via, decision }) => [by, via, decision]),
      [
        ['ada', 'slack', 'Approve'],
        ['grace', 'slack', 'Approve'],
      ],
    );
    for (const { id } of status?.notices ?? []) {
      assert.equal(keys.filter((key) => String(key).includes(`/notice/${id}/`)).length, 1, id);
    }
  } finally {
    worker.shutdown();
    await running;
  }
});

it('the command is killed and started again: no double post, no lost vote; SIGTERM ends it', async () => {
  await chat.stop();
  const { fleet, client } = server;
  const { plan, ...rest } = plannedFor('killed');
  fleet.planned = { ...rest, plan };
  await client.start({ ...rolloutOf(), metadata: { name: 'killed' } });
  const first = await spawned();
  const gate = await until('the gate', () =>
    slack.top().find((m) => slack.shown(m).includes('killed waits for approval')),
  );
  const sent = await slack.press(gate, 'Approve', ADA);
  const view = await until('the dialog', () => slack.viewOf(sent));
  const before = slack.messages.length;
  first.child.kill('SIGKILL');
  await first.ended;
  await assert.rejects(slack.submit(view, 'nobody is there'));

  const second = await spawned();
  assert.equal((await slack.submit(view, 'again')).status, 200);
  await until('the vote', () => /Approved by ada: again/.test(slack.shown(gate)));
  const keys = slack.messages.map((message) => message.metadata?.event_payload['key']);
  assert.deepEqual(keys, [...new Set(keys)]);
  assert.ok(keys.length >= before);
  second.child.kill('SIGTERM');
  assert.deepEqual(await second.ended, [0, null]);
  await restart();
});

it('what a Schedule announces is told once', async () => {
  const { env } = server;
  const announce = { policy: 'standard', channels: ['slack:#platform'] };
  const metadata = { name: 'weekly' };
  await env.client.workflow.execute(SCHEDULED_WORKFLOW, {
    ...{ taskQueue: TASK_QUEUE, workflowId: 'schedule/weekly-2026-11-25T21:30:00Z' },
    args: [{ apiVersion: 'tidegate.dev/v1alpha1', kind: 'Schedule', metadata, spec: { announce } }],
  });
  const told = () =>
    slack.top().filter((m) => slack.shown(m).includes('Next windows of policy standard'));
  await shows('the announcement', () => told()[0]);
  await restart();
  await chat.round();
  assert.equal(told().length, 1);
});
