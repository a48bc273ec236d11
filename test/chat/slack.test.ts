/** Slack's real library end to end over HTTP, against a stand-in of Slack: what people do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADA, away, GRACE, NOBODY, REQUESTER } from './fake-rollouts.ts';
import { type Bed, until, withBridge } from './kit.ts';
import type { Message } from './slack-stand-in.ts';

const patch = ({ rollouts }: Pick<Bed, 'rollouts'>) => void rollouts.add('patch');
const pair = ({ rollouts }: Pick<Bed, 'rollouts'>) =>
  void rollouts.add('patch', { spec: { approval: { quorum: 2, roles: ['sre'] } } });

function only({ slack }: Bed): Message {
  const [message, ...more] = slack.top();
  assert.ok(message);
  assert.deepEqual(more, []);
  return message;
}

/** Presses a button and submits the dialog that opens. */
async function decide(
  { slack }: Bed,
  message: Message,
  how: { readonly label: string; readonly user: string; readonly reason: string },
) {
  const sent = await slack.press(message, how.label, how.user);
  assert.equal(sent.status, 200);
  const view = await until('the dialog', () => slack.viewOf(sent));
  return await slack.submit(view, how.reason);
}

async function toldTo({ slack }: Bed, user: string, count = 1): Promise<string> {
  const mine = () => slack.ephemerals.filter((entry) => entry.user === user);
  await until(`${user} is told`, () => mine().length >= count);
  assert.equal(mine().length, count);
  return mine().at(-1)?.text ?? '';
}

describe('a gate in Slack', () => {
  it('is shown once, with what it is about, and approved by a button and a dialog', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const message = only(bed);
        const shown = slack.shown(message);
        assert.match(shown, /patch waits for approval before the canary/);
        assert.match(shown, /Requested by platform-oncall: CVE-2025-64329/);
        assert.match(shown, /Fixes CVE-2025-64329/);
        assert.match(shown, /3 nodes in \d waves, clusters: east/);
        assert.match(shown, /0 pods evicted, 0 Job pods waited for, 0 containers must survive/);
        assert.match(shown, /nothing warns/);
        assert.match(shown, /0 of 2 approvals/);
        assert.match(
          shown,
          /Takes the role sre; not platform-oncall, who requested it; until 2030/,
        );
        assert.deepEqual(slack.buttons(message), ['Approve', 'Reject', 'Details']);

        const sent = await decide(bed, message, {
          label: 'Approve',
          user: ADA,
          reason: 'looks good',
        });
        assert.deepEqual([sent.status, sent.body], [200, '']);
        assert.match(await toldTo(bed, ADA), /patch: counted: more approvals are needed/);
        await chat.round();
        assert.match(slack.shown(message), /1 of 2 approvals \(ada\)/);
        const [vote] = rollouts.votes('patch');
        const { by, via, reason, gate, decision } = vote ?? {};
        assert.deepEqual(
          { by, via, reason, gate, decision },
          {
            by: 'ada',
            via: 'slack',
            reason: 'looks good',
            gate: 'before-canary',
            decision: 'Approve',
          },
        );

        await decide(bed, message, { label: 'Approve', user: GRACE, reason: '' });
        assert.match(await toldTo(bed, GRACE), /approved: the rollout goes on/);
        await chat.round();
        assert.match(slack.shown(message), /Approved by ada: looks good; grace/);
        assert.match(slack.shown(message), /nothing warns/);
        assert.deepEqual(slack.buttons(message), []);
        only(bed);
      },
      { before: pair },
    );
  });

  it('is rejected with a reason, and not without one', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const message = only(bed);
        const silent = await decide(bed, message, { label: 'Reject', user: ADA, reason: ' ' });
        assert.match(silent.body, /"response_action":"errors".*Say why/);
        assert.deepEqual(rollouts.sent, []);
        await decide(bed, message, { label: 'Reject', user: ADA, reason: 'freeze <!channel>' });
        assert.match(await toldTo(bed, ADA), /patch: rejected by ada: freeze &lt;!channel&gt;/);
        await chat.round();
        assert.match(slack.shown(message), /Rejected by ada: freeze &lt;!channel&gt;/);
        assert.deepEqual(slack.buttons(message), []);
      },
      { before: patch },
    );
  });

  it('shows waves and nodes in a dialog', async () => {
    await withBridge(
      async (bed) => {
        const { slack } = bed;
        const sent = await slack.press(only(bed), 'Details', NOBODY);
        const view = await until('the dialog', () => slack.viewOf(sent));
        await until('the plan', () => /canary in east: 1 node/.test(slack.shown(view)));
        assert.match(slack.shown(view), /east-1 \(.*\): containerd 1\.6\.20~ds1-1\+deb12u2 → 1/);
      },
      { before: patch },
    );
  });

  it('tells the requester in the words of the workflow that somebody else has to', async () => {
    await withBridge(
      async (bed) => {
        await decide(bed, only(bed), { label: 'Approve', user: REQUESTER, reason: 'mine' });
        const told = await toldTo(bed, REQUESTER);
        assert.match(
          told,
          /platform-oncall requested this rollout, and the policy asks for somebody/,
        );
        assert.deepEqual(bed.rollouts.sent, []);
        assert.deepEqual(bed.slack.buttons(only(bed)), ['Approve', 'Reject', 'Details']);
      },
      { before: patch },
    );
  });

  it('tells an unknown account where to write it down, and opens no dialog', async () => {
    await withBridge(
      async (bed) => {
        const { slack } = bed;
        const sent = await slack.press(only(bed), 'Approve', NOBODY);
        const told = await toldTo(bed, NOBODY);
        assert.match(told, /Nobody in policy standard has the account slack:U0NOBODY/);
        assert.match(told, /Add it to spec\.people of that Policy.*"slack:U0NOBODY"/);
        assert.equal(slack.viewOf(sent), undefined);
        assert.equal(await slack.type('pause patch', NOBODY), 200);
        const typed = await until('an answer', () => slack.responses.at(-1));
        assert.match(typed.text, /Nobody in policy standard has the account slack:U0NOBODY/);
        assert.deepEqual(bed.rollouts.sent, []);
      },
      { before: patch },
    );
  });

  it('refuses a press on a message whose plan has changed, and shows the new one', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const old = only(bed);
        const sent = await slack.press(old, 'Approve', ADA);
        const view = await until('the dialog', () => slack.viewOf(sent));
        rollouts.openGate('patch', { digest: `sha256:${'f'.repeat(64)}` });
        await slack.submit(view, 'as I saw it');
        assert.match(await toldTo(bed, ADA), /"digest" is sha256:.*look at the plan again/);
        assert.deepEqual(rollouts.sent, []);
        await chat.round();
        const [first, second] = slack.top();
        assert.match(slack.shown(first ?? old), /Void: what it shows has changed/);
        assert.deepEqual(slack.buttons(first ?? old), []);
        assert.match(slack.shown(second ?? old), /Digest: sha256:ffff/);
        assert.equal(slack.top().length, 2);
      },
      { before: patch },
    );
  });

  it('refuses to reject what the message does not show', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts } = bed;
        const sent = await slack.press(only(bed), 'Reject', ADA);
        const view = await until('the dialog', () => slack.viewOf(sent));
        rollouts.openGate('patch', { digest: `sha256:${'f'.repeat(64)}` });
        await slack.submit(view, 'no');
        assert.match(await toldTo(bed, ADA), /not what this message shows: look at the newer one/);
        assert.deepEqual(rollouts.sent, []);
      },
      { before: patch },
    );
  });

  it('takes a press or a dialog that Slack sends again once, and answers once', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const message = only(bed);
        const sent = await slack.press(message, 'Approve', ADA);
        const { trigger } = sent;
        await slack.press(message, 'Approve', ADA, { trigger, retry: 1 });
        const view = await until('the dialog', () => slack.viewOf(sent));
        const first = await slack.submit(view, 'yes');
        await slack.submit(view, 'yes', { trigger: first.trigger, retry: 1 });
        await slack.submit(view, 'yes', { trigger: first.trigger, retry: 2 });
        await toldTo(bed, ADA);
        await chat.round();
        assert.equal(slack.views.length, 1);
        assert.equal(rollouts.sent.length, 1);

        await decide(bed, message, { label: 'Approve', user: ADA, reason: 'again' });
        assert.match(await toldTo(bed, ADA, 2), /has approved already: more approvals are needed/);
        assert.equal(rollouts.votes('patch').length, 1);
      },
      { before: pair },
    );
  });

  it('keeps the dialog open with what was typed while Temporal is away', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts } = bed;
        const sent = await slack.press(only(bed), 'Approve', ADA);
        const view = await until('the dialog', () => slack.viewOf(sent));
        rollouts.away = away();
        const lost = await slack.submit(view, 'yes');
        assert.match(lost.body, /"errors":\{"reason":"Not recorded.*Temporal does not answer/);
        rollouts.away = undefined;
        const taken = await slack.submit(view, 'yes');
        assert.equal(taken.body, '');
        assert.match(await toldTo(bed, ADA), /approved: the rollout goes on/);
        assert.equal(rollouts.votes('patch').length, 1);
      },
      { before: patch },
    );
  });

  it('acknowledges a slow vote in time, and tells its answer afterwards', async () => {
    await withBridge(
      async (bed) => {
        const { rollouts } = bed;
        rollouts.delayMs = 2300;
        const began = Date.now();
        const sent = await decide(bed, only(bed), { label: 'Approve', user: ADA, reason: '' });
        assert.equal(sent.status, 200);
        assert.ok(Date.now() - began < 2900, `took ${Date.now() - began} ms`);
        assert.match(await toldTo(bed, ADA), /approved: the rollout goes on/);
      },
      { before: patch },
    );
  });
});

describe('requests that are not from Slack', () => {
  for (const [name, how] of [
    ['signed with another secret', { secret: 'another-signing-secret' }],
    ['signed more than five minutes ago', { timestamp: Math.floor(Date.now() / 1000) - 301 }],
  ] as const) {
    it(`are refused: ${name}`, async () => {
      await withBridge(
        async (bed) => {
          const { slack, rollouts } = bed;
          assert.equal((await slack.press(only(bed), 'Approve', ADA, how)).status, 401);
          assert.equal(await slack.type('stop patch', ADA, how), 401);
          const view = {
            id: 'V',
            user: ADA,
            callback_id: 'tidegate.vote',
            blocks: [],
            trigger: '',
          };
          assert.equal((await slack.submit(view, 'yes', how)).status, 401);
          assert.deepEqual([slack.views, slack.responses, rollouts.sent], [[], [], []]);
        },
        { before: patch },
      );
    });
  }
});

describe('the slash command', () => {
  const said: readonly (readonly [string, RegExp, string?])[] = [
    ['', /approve NAME DIGEST \[REASON\]/],
    ['halp', /There is no command halp\.\nstatus/],
    ['status', /patch: AwaitingApproval/],
    ['status patch', /To approve it: \/tidegate approve patch [0-9a-f]{12}/],
    ['status nothing', /There is no rollout named nothing/],
    ['plan patch', /canary in east: 1 node/],
    ['approve patch', /Say what you looked at: approve patch DIGEST/],
    ['approve patch 000000000000', /"digest" is sha256:000000000000, but/],
    ['reject patch', /Say why: reject patch REASON/],
    ['pause', /Say which rollout: pause NAME/],
    ['pause patch an incident', /patch: pause taken/, 'pause {"reason":"an incident"}'],
    ['replan patch', /replan taken/, 'replan {}'],
    ['resume patch', /resume taken/, 'resume {}'],
    ['stop patch', /stop taken/, 'stop {}'],
    ['stop patch now bad', /stop taken/, 'stop {"reason":"bad","mode":"Now"}'],
    ['stop patch after-wave', /stop taken/, 'stop {"mode":"AfterWave"}'],
    ['rollback patch errors', /rollback taken/, 'rollback {"reason":"errors"}'],
    ['skip patch', /Say which node/],
    ['skip patch east-2 flaky', /skipNode taken/, 'skipNode {"reason":"flaky","node":"east-2"}'],
    ['override patch xmas', /Say which freeze, and why/],
    [
      'override patch xmas a fix',
      /overrideFreeze taken/,
      'overrideFreeze {"reason":"a fix","freeze":"xmas"}',
    ],
    ['retry patch east-2', /retryNode taken/, 'retryNode {"node":"east-2"}'],
  ];
  it('does what it says, and answers in private', async () => {
    await withBridge(
      async ({ slack, rollouts }) => {
        for (const [text, answer, sent] of said) {
          const before = { responses: slack.responses.length, sent: rollouts.sent.length };
          assert.equal(await slack.type(text, ADA), 200, text);
          const told = await until(text, () => slack.responses[before.responses]);
          assert.match(told.text, answer, text);
          assert.equal(told.response_type, 'ephemeral', text);
          const [order] = rollouts.sent.slice(before.sent);
          const { by, via, ...rest } = order?.argument ?? {};
          const shown = order && `${order.message} ${JSON.stringify(rest)}`;
          assert.equal(shown, sent, text);
          if (order) assert.deepEqual({ by, via }, { by: 'ada', via: 'slack' });
        }
      },
      { before: patch },
    );
  });

  it('approves by the first digits of what was looked at, once if Slack sends it again', async () => {
    await withBridge(
      async ({ slack, rollouts }) => {
        const { plan } = await rollouts.planOf('patch');
        const digits = plan.digest.slice('sha256:'.length, 'sha256:'.length + 12);
        const trigger = 'same';
        await slack.type(`approve patch ${digits} fine`, ADA, { trigger });
        await slack.type(`approve patch ${digits} fine`, ADA, { trigger, retry: 1 });
        const told = await until('an answer', () => slack.responses[0]);
        assert.match(told.text, /approved: the rollout goes on/);
        assert.equal(rollouts.sent.length, 1);
        assert.equal(slack.responses.length, 1);
        const [vote] = rollouts.votes('patch');
        assert.equal(vote?.digest, plan.digest);
      },
      { before: patch },
    );
  });
});
