/** What is posted in Slack, and that it is posted once: over restarts, lost answers and two bridges. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Notice, WaveStatus } from '../../workflows/contract.ts';
import { outcomeOf, statusOf } from '../client/kit.ts';
import { ADA, away, type FakeRollouts, GRACE } from './fake-rollouts.ts';
import { type Bed, startBridge, until, withBridge } from './kit.ts';
import type { Mishap } from './slack-stand-in.ts';

const patch = ({ rollouts }: Pick<Bed, 'rollouts'>) => void rollouts.add('patch');
const OWNERS = 'C0OWNERS';

function keys({ slack }: Pick<Bed, 'slack'>): unknown[] {
  return slack.messages.map(({ metadata }) => metadata?.event_payload['key']);
}

function callsOf({ slack }: Pick<Bed, 'slack'>, method: string): number {
  return slack.calls.filter((call) => call === method).length;
}

function notice(id: string, change: Partial<Notice> = {}): Notice {
  const base = { id, at: '2026-11-24T22:00:00Z', cause: 'Trouble' as const };
  return {
    ...base,
    lines: [`${id} happened`, 'more of it'],
    channels: ['slack:#platform'],
    ...change,
  };
}

/** Sets the waves of a rollout that is past its gate. */
function underWay(rollouts: FakeRollouts, states: readonly WaveStatus['state'][]): void {
  const waves = statusOf().waves.map((wave, index) => {
    const state = states[index] ?? 'Pending';
    const phase = state === 'Done' ? ('Updated' as const) : ('Pending' as const);
    return { ...wave, state, nodes: wave.nodes.map(({ node }) => ({ node, phase })) };
  });
  rollouts.change('patch', { gate: undefined, phase: 'Wave', waves });
}

describe('posts', () => {
  it('are found again by a bridge that knows nothing, whatever else is in the channel', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts } = bed;
        for (let i = 0; i < 7; i++) {
          rollouts.add(`other-${i}`);
          await bed.chat.round();
        }
        const before = keys(bed);
        assert.equal(before.length, 8);
        await bed.restart();
        await bed.restart();
        assert.deepEqual(keys(bed), before);
        assert.equal(slack.messages.filter(({ edits }) => edits > 0).length, 0);
        assert.ok(callsOf(bed, 'conversations.history') > 2);
      },
      { before: patch },
    );
  });

  const mishaps: readonly (readonly [string, Mishap, boolean])[] = [
    ['its answer was lost', 'LoseAnswer', true],
    ['the connection broke before it', 'Drop', false],
    ['Slack answered 500', 'Fail', false],
  ];
  for (const [name, mishap, posted] of mishaps) {
    it(`are made once where ${name}`, async () => {
      await withBridge(
        async (bed) => {
          assert.equal(bed.slack.messages.length, posted ? 1 : 0);
          await bed.chat.round();
          await bed.chat.round();
          assert.equal(bed.slack.messages.length, 1);
          assert.equal(callsOf(bed, 'chat.postMessage'), posted ? 1 : 2);
        },
        {
          before: (parts) => {
            patch(parts);
            parts.slack.next('chat.postMessage', mishap);
          },
        },
      );
    });

    it(`are made once where ${name} and the bridge was restarted`, async () => {
      await withBridge(
        async (bed) => {
          await bed.restart();
          await bed.restart();
          assert.equal(bed.slack.messages.length, 1);
          assert.equal(callsOf(bed, 'chat.postMessage'), posted ? 1 : 2);
        },
        {
          before: (parts) => {
            patch(parts);
            parts.slack.next('chat.postMessage', mishap);
          },
        },
      );
    });
  }

  it('are not made where it cannot be read what there is', async () => {
    await withBridge(
      async (bed) => {
        assert.deepEqual(bed.slack.messages, []);
        await bed.chat.round();
        assert.equal(bed.slack.messages.length, 1);
      },
      {
        before: (parts) => {
          patch(parts);
          parts.slack.next('conversations.history', 'Fail');
        },
      },
    );
  });

  it('wait as long as Slack says', async () => {
    await withBridge(
      async ({ slack }) => {
        assert.equal(slack.messages.length, 1);
        assert.equal(callsOf({ slack }, 'chat.postMessage'), 2);
      },
      {
        before: (parts) => {
          patch(parts);
          parts.slack.next('chat.postMessage', { rateLimit: 1 });
        },
      },
    );
  });

  it('of two bridges at once come to one', async () => {
    await withBridge(async (bed) => {
      const { slack, rollouts, chat } = bed;
      const other = await startBridge(slack, rollouts);
      try {
        await other.round();
        rollouts.add('patch');
        slack.next('chat.postMessage', 'Late', 'Late');
        await Promise.all([chat.round(), other.round()]);
        await Promise.all([chat.round(), other.round()]);
        const posts = callsOf(bed, 'chat.postMessage');
        assert.equal(posts, 2, 'both have looked before either has posted');
        assert.equal(slack.messages.length, 1);
        const [message] = slack.messages;
        assert.ok(message);
        rollouts.change('patch', { gate: undefined, phase: 'Canary' });
        await Promise.all([chat.round(), other.round()]);
        assert.deepEqual(slack.buttons(message), []);
      } finally {
        await other.stop();
      }
    });
  });

  it('are brought up to date by a bridge that was away: passed, rejected, expired, ended', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts } = bed;
        await bed.chat.stop();
        const digest = (await rollouts.planOf('passed')).plan.digest;
        await rollouts.approve('passed', { by: 'ada', digest });
        await rollouts.reject('rejected', { by: 'grace', reason: 'no' });
        const reasons = ['nobody approved within 600 s'];
        rollouts.end('expired', outcomeOf({ rollout: 'expired', outcome: 'Rejected', reasons }));
        await bed.restart();
        const shown = slack.top().map((message) => slack.shown(message));
        assert.deepEqual(
          shown.map((text) => text.split('\n').at(-1)),
          [
            '*Approved by ada*',
            '*Rejected by grace: no*',
            '*Rejected: nobody approved within 600 s. It had 0 of 1 approval.*',
          ],
        );
        assert.deepEqual(
          slack.top().flatMap((message) => slack.buttons(message)),
          [],
        );
        const edits = () => slack.top().map((message) => message.edits);
        assert.deepEqual(edits(), [1, 1, 1]);
        await bed.restart();
        assert.deepEqual(edits(), [1, 1, 1]);
      },
      {
        before: ({ rollouts }) => {
          for (const name of ['passed', 'rejected', 'expired']) rollouts.add(name);
        },
      },
    );
  });

  it('do not change while Temporal or the worker is silent', async () => {
    await withBridge(
      async ({ slack, rollouts, chat }) => {
        rollouts.away = away();
        await chat.round();
        rollouts.away = undefined;
        await chat.round();
        const [message] = slack.messages;
        assert.equal(message?.edits, 0);
        assert.equal(slack.messages.length, 1);
      },
      { before: patch },
    );
  });
});

describe('a rollout under way', () => {
  it('is told in the thread of its first message: a message a cause, and one line that is edited', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const [planned] = slack.top();
        assert.ok(planned);
        assert.deepEqual(slack.thread(planned), []);
        underWay(rollouts, ['Running']);
        await chat.round();
        const thread = () =>
          slack.thread(planned).map((message) => slack.shown(message).split('\n')[0]);
        assert.deepEqual(thread(), ['patch: Wave', 'canary started: east-1']);
        underWay(rollouts, ['Done', 'Running']);
        await chat.round();
        await bed.restart();
        underWay(rollouts, ['Done', 'Done']);
        await bed.chat.round();
        rollouts.end('patch', outcomeOf());
        await bed.chat.round();
        await bed.restart();
        assert.deepEqual(thread(), [
          'patch: Succeeded',
          'canary started: east-1',
          'canary: Done, 1 of 1 node finished (1 Updated)',
          'wave-1: Done, 2 of 2 nodes finished (2 Updated)',
          'patch ended: Succeeded',
        ]);
        assert.equal(slack.messages.length, 2 + thread().length);
      },
      {
        before: ({ rollouts }) => {
          rollouts.add('patch');
          rollouts.tell('patch', notice('planned', { cause: 'Planned' }));
        },
      },
    );
  });
});

describe('notices', () => {
  it('go once to each of their channels, and call the people they are for', async () => {
    await withBridge(
      async (bed) => {
        const { slack, rollouts, chat } = bed;
        const people = ['ada', 'grace', 'somebody else'];
        const channels = ['slack:#platform', 'slack:#owners'];
        rollouts.tell('patch', notice('trouble-1', { channels, people }));
        slack.next('chat.postMessage', 'LoseAnswer');
        await chat.round();
        await bed.restart();
        await bed.chat.round();
        const [, told] = slack.top();
        const [owners, ...more] = slack.top(OWNERS);
        assert.ok(told && owners);
        assert.deepEqual(more, []);
        assert.equal(slack.top().length, 2);
        for (const message of [told, owners]) {
          const shown = slack.shown(message);
          assert.match(shown, /trouble-1 happened/);
          assert.match(shown, new RegExp(`<@${ADA}> <@${GRACE}>`));
          assert.match(shown, /For somebody else/);
          assert.match(message.text, new RegExp(`<@${ADA}>`));
        }
        assert.ok(slack.calls.includes('conversations.join'));
      },
      { before: patch },
    );
  });

  it('go to the channel of the command line where the policy names none', async () => {
    await withBridge(
      async ({ slack, rollouts, chat }) => {
        rollouts.tell('patch', notice('planned', { channels: [] }));
        await chat.round();
        assert.equal(slack.top(OWNERS).length, 2);
        assert.equal(slack.top().length, 0);
      },
      {
        flags: { channel: ['slack:#owners'] },
        before: ({ rollouts }) =>
          void rollouts.add('patch', { spec: { notices: { channels: [] } } }),
      },
    );
  });

  it('to a channel that is not there keep no other one', async () => {
    await withBridge(
      async ({ slack, rollouts, chat }) => {
        const channels = ['slack:#nowhere', 'slack:#platform', 'pager:ops'];
        rollouts.tell('patch', notice('trouble-1', { channels }));
        await chat.round();
        await chat.round();
        assert.equal(slack.top().length, 2);
      },
      { before: patch },
    );
  });

  it('with words that mean something to Slack call nobody', async () => {
    await withBridge(
      async ({ slack, rollouts, chat }) => {
        rollouts.tell(
          'patch',
          notice('x', { lines: ['<!channel> & <@U1>', '<http://evil|good>'] }),
        );
        await chat.round();
        const message = await until('the notice', () => slack.top()[1]);
        assert.equal(message.text, '&lt;!channel&gt; &amp; &lt;@U1&gt;');
        assert.match(slack.shown(message), /&lt;http:\/\/evil\|good&gt;/);
      },
      { before: patch },
    );
  });

  it('of a Schedule are told once, in the channels that it names', async () => {
    await withBridge(async (bed) => {
      const { slack, rollouts, chat } = bed;
      const windows = notice('windows', { cause: 'Planned', channels: ['slack:#owners'] });
      rollouts.announced.push({ schedule: 'weekly', runId: 'run-w', notice: windows });
      await chat.round();
      await bed.restart();
      assert.equal(slack.top(OWNERS).length, 1);
      assert.equal(slack.top().length, 0);
    });
  });
});
