/** The signed webhook, both ways, over HTTP. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { readChatConfig } from '../../client/chat/config.ts';
import { type RunningChat, startChat } from '../../client/chat/run.ts';
import { away, FakeRollouts } from './fake-rollouts.ts';
import { log } from './kit.ts';
import { SECRET, WebhookStandIn } from './webhook-stand-in.ts';

interface Bed {
  readonly hook: WebhookStandIn;
  readonly rollouts: FakeRollouts;
  chat: RunningChat;
  restart(): Promise<void>;
}

/** Runs with a rollout "patch" at its first gate, which is told to the webhook. */
async function withWebhook(body: (bed: Bed) => Promise<void>): Promise<void> {
  const hook = new WebhookStandIn();
  const rollouts = new FakeRollouts();
  rollouts.add('patch', { spec: { notices: { channels: ['webhook:ci'] } } });
  await hook.start();
  const start = async () => {
    const env = { TIDEGATE_WEBHOOK_CI_URL: hook.url, TIDEGATE_WEBHOOK_CI_SECRET: SECRET };
    const config = readChatConfig(env, { port: '0', pollSeconds: '3600' });
    const chat = await startChat(config, { rollouts, log, now: Date.now });
    hook.bridge = `http://127.0.0.1:${chat.port}`;
    await chat.round();
    return chat;
  };
  const bed: Bed = {
    ...{ hook, rollouts },
    chat: await start(),
    restart: async () => {
      await bed.chat.stop();
      bed.chat = await start();
    },
  };
  try {
    await body(bed);
  } finally {
    await bed.chat.stop();
    await hook.stop();
  }
}

async function approval({ rollouts }: Bed, change: object = {}) {
  const { plan } = await rollouts.planOf('patch');
  const argument = { digest: plan.digest, gate: 'before-canary', reason: 'fine', ...change };
  return { rollout: 'patch', message: 'approve', account: 'ada', argument };
}

describe('what a webhook is told', () => {
  it('is signed, once for each state, and closed at the end', async () => {
    await withWebhook(async ({ hook, rollouts, chat }) => {
      await chat.round();
      const [gate, ...more] = hook.taken;
      assert.ok(gate);
      assert.deepEqual(more, []);
      assert.match(gate.message?.headline ?? '', /patch waits for approval before the canary/);
      const target = gate.message?.buttons[0]?.target;
      assert.deepEqual(
        { rollout: target?.rollout, run: target?.run, gate: target?.gate, digest: target?.digest },
        { rollout: 'patch', run: gate.run, ...gate.open },
      );
      const { digest } = (await rollouts.planOf('patch')).plan;
      await rollouts.approve('patch', { by: 'ada', digest });
      await chat.round();
      const closed = hook.taken.at(-1);
      assert.deepEqual(closed?.closed, { state: ['Approved by ada'] });
      assert.equal(closed?.key, gate.key);
      assert.deepEqual([hook.repeated, hook.badlySigned], [0, []]);
    });
  });

  it('comes again after a restart or a lost answer, under the same delivery', async () => {
    await withWebhook(async (bed) => {
      const { hook, rollouts } = bed;
      await bed.restart();
      assert.deepEqual([hook.taken.length, hook.repeated], [1, 1]);
      hook.answers.push(500, 503);
      rollouts.openGate('patch', { evidence: ['something warns'] });
      await bed.chat.round();
      assert.deepEqual([hook.taken.length, hook.repeated], [2, 3]);
      assert.equal(hook.taken[1]?.key, hook.taken[0]?.key);
      assert.notEqual(hook.taken[1]?.delivery, hook.taken[0]?.delivery);
    });
  });
});

describe('what a webhook asks for', () => {
  it('is done in the name of the person whose account it is', async () => {
    await withWebhook(async (bed) => {
      const { hook, rollouts } = bed;
      const pause = {
        rollout: 'patch',
        message: 'pause',
        account: 'ada',
        argument: { reason: 'x' },
      };
      assert.deepEqual(await hook.ask(pause), {
        status: 200,
        body: { ok: true, message: 'patch: pause taken' },
      });
      assert.deepEqual(await hook.ask(await approval(bed)), {
        status: 200,
        body: { ok: true, message: 'patch: approved: the rollout goes on' },
      });
      assert.deepEqual(
        rollouts.sent.map(({ message, argument: { by, via } }) => [message, by, via]),
        [
          ['pause', 'ada', 'webhook'],
          ['approve', 'ada', 'webhook'],
        ],
      );
    });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const unsigned: readonly (readonly [string, () => object, number, RegExp])[] = [
    ['signed with another secret', () => ({ secret: 'x'.repeat(20) }), 401, /Signature is not/],
    ['changed on the way', () => ({ sentBody: '{"rollout":"other"}' }), 401, /Signature is not/],
    ['not signed', () => ({ signature: '' }), 401, /Signature is not/],
    ['signed long ago', () => ({ timestamp: now() - 301 }), 401, /301 s off|302 s off/],
    ['signed for later', () => ({ timestamp: now() + 303 }), 401, /s off; at most 300 s/],
    ['signed before the start', () => ({ timestamp: now() - 100 }), 401, /sign it anew/],
    ['sent to a webhook that is none', () => ({ name: 'other' }), 404, /there is no webhook other/],
    ['too long', () => ({ sentBody: 'x'.repeat(70_000) }), 413, /at most 65536 bytes/],
  ];
  for (const [name, how, status, message] of unsigned) {
    it(`is refused where it is ${name}`, async () => {
      await withWebhook(async (bed) => {
        const { hook, rollouts } = bed;
        const answer = await hook.ask(await approval(bed), how());
        assert.equal(answer.status, status);
        assert.match((answer.body as { message: string }).message, message);
        assert.deepEqual(rollouts.sent, []);
      });
    });
  }

  const refused: readonly (readonly [string, object | string, number, RegExp])[] = [
    ['no JSON', 'approve', 400, /the body is no JSON/],
    ['no object', '"approve"', 400, /"rollout" must be/],
    ['an unknown message', { message: 'reboot' }, 400, /"message" must be one of approve/],
    ['an approval of nothing', { argument: {} }, 400, /argument\.digest.*looked at/],
    ['a number for a reason', { argument: { reason: 1 } }, 400, /"argument.reason" must be text/],
    [
      'an unknown mode',
      { message: 'stop', argument: { mode: 'x' } },
      400,
      /must be Now, AfterNode/,
    ],
    [
      'a stranger',
      { account: 'eve' },
      403,
      /Nobody in policy standard has the account webhook:ci\/eve/,
    ],
    ["another webhook's person", { account: '../slack:U0ADA' }, 403, /Nobody in policy/],
    [
      'another digest',
      { argument: { digest: `sha256:${'0'.repeat(64)}` } },
      409,
      /look at the plan/,
    ],
    ['another rollout', { rollout: 'other' }, 409, /There is no rollout named other/],
  ];
  for (const [name, change, status, message] of refused) {
    it(`is refused where it is ${name}`, async () => {
      await withWebhook(async (bed) => {
        const content =
          typeof change === 'string' ? change : { ...(await approval(bed)), ...change };
        const answer = await bed.hook.ask(content);
        assert.equal(answer.status, status);
        assert.match((answer.body as { message: string }).message, message);
        assert.deepEqual(bed.rollouts.sent, []);
      });
    });
  }

  it('is taken once: a replay is refused, whatever delivery it claims to be', async () => {
    await withWebhook(async (bed) => {
      const { hook, rollouts } = bed;
      const pause = { rollout: 'patch', message: 'pause', account: 'ada' };
      const timestamp = now() + 1;
      assert.equal((await hook.ask(pause, { timestamp, delivery: 'a' })).status, 200);
      for (const [delivery, at] of [
        ['a', timestamp],
        ['b', timestamp],
        ['a', timestamp + 1],
      ] as const) {
        const again = await hook.ask(pause, { timestamp: at, delivery });
        assert.equal(again.status, 409);
        assert.match(JSON.stringify(again.body), /taken already/);
      }
      assert.equal(rollouts.sent.length, 1);
      assert.equal(
        (await hook.ask(pause, { timestamp: timestamp + 1, delivery: 'c' })).status,
        200,
      );
    });
  });

  it('is not known while Temporal is away, and may be sent again', async () => {
    await withWebhook(async (bed) => {
      const { hook, rollouts } = bed;
      const vote = await approval(bed);
      rollouts.away = away();
      const lost = await hook.ask(vote, { delivery: 'a' });
      assert.equal(lost.status, 503);
      rollouts.away = undefined;
      assert.equal((await hook.ask(vote, { delivery: 'a', timestamp: now() + 1 })).status, 200);
    });
  });

  it('can be asked from a shell, as the docs show', async () => {
    await withWebhook(async ({ hook, rollouts }) => {
      const page = await readFile(new URL('../../docs/chat.md', import.meta.url), 'utf8');
      const [, script = ''] = /```sh\n(body=.*?)```/s.exec(page) ?? [];
      assert.match(script, /openssl/);
      const { plan } = await rollouts.planOf('patch');
      const env = {
        ...{ PATH: process.env['PATH'], SECRET, BRIDGE: hook.bridge },
        DIGEST: plan.digest,
      };
      const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { env });
      assert.equal(stdout.trim(), '{"ok":true,"message":"patch: approved: the rollout goes on"}');
    });
  });
});
