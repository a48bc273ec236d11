import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mock, test } from 'node:test';
import type { Client } from 'ssh2';
import { execOn } from '../../activities/adapters/ssh-channel.ts';
import { failureType } from '../../activities/failure.ts';

const { signal } = new AbortController();
const target = { node: 'east-1', address: '10.0.0.1', signal };

test('a connection that has ended since the last command is a host that does not answer', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const client = Object.assign(new EventEmitter(), {
    exec: () => {
      throw new Error('Not connected');
    },
    destroy: () => assert.fail('its timer is still there, and would end the worker'),
  }) as unknown as Client;
  await assert.rejects(execOn(client, 'true', {}, target), (error: Error) => {
    assert.equal(failureType(error), 'HostUnreachable');
    assert.match(error.message, /^east-1 \(10\.0\.0\.1\): Not connected$/);
    return true;
  });
  mock.timers.tick(120_000);
  assert.equal(client.listenerCount('close'), 0);
});
