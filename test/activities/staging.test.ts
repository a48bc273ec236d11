import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { failureType, messageOf } from '../../activities/failure.ts';
import { stageOn } from '../../activities/packages.ts';

/** Returns the failure of staging on a host that prints these lines. */
async function stagingFails(...lines: readonly string[]): Promise<unknown> {
  const stdout = `${[...lines, 'end'].join('\n')}\n`;
  const host: Pick<HostAdapter, 'run'> = {
    run: async () => ({ code: 0, stdout, stderr: '', truncated: false }),
  };
  try {
    await stageOn(host as HostAdapter, 'east-1', []);
  } catch (error) {
    return error;
  }
  return undefined;
}

const unavailable = 'unavailable\tcontainerd\t2\t';

describe('staging', () => {
  it('calls a version that the sources do not have unavailable', async () => {
    assert.equal(failureType(await stagingFails(unavailable)), 'PackageUnavailable');
  });

  it('says nothing of versions where the sources could not be read', async () => {
    const error = await stagingFails('updateFailed\tE: no room is left', unavailable);
    assert.equal(failureType(error), 'HostCommandFailed');
    assert.match(messageOf(error), /east-1: apt-get update failed: E: no room is left/);
  });

  it('says how much room there is where it is too little, before anything is fetched', async () => {
    const error = await stagingFails('noSpace\t12\t256');
    assert.equal(failureType(error), 'DiskFull');
    assert.match(messageOf(error), /east-1: .* has 12 MiB left, 256 are needed/);
  });

  it('nor where not even the reason could be written, as on a full disk', async () => {
    assert.equal(
      failureType(await stagingFails('updateFailed\t', unavailable)),
      'HostCommandFailed',
    );
  });
});
