import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostAdapter } from '../../activities/adapters/host-adapter.ts';
import { failureType, messageOf } from '../../activities/failure.ts';
import { stageOn } from '../../activities/packages.ts';

/** Returns the notes of staging on a host that prints these lines. */
async function staging(...lines: readonly string[]): Promise<readonly string[]> {
  const stdout = `${[...lines, 'end'].join('\n')}\n`;
  const host: Pick<HostAdapter, 'run'> = {
    run: async () => ({ code: 0, stdout, stderr: '', truncated: false }),
  };
  return await stageOn(host as HostAdapter, 'east-1', []);
}

/** Returns the failure of staging on a host that prints these lines. */
async function stagingFails(...lines: readonly string[]): Promise<unknown> {
  try {
    await staging(...lines);
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

  it('does not ask again where no key fits: a person has to put one there', async () => {
    const untrusted = 'untrusted\tW: GPG error: lab InRelease: EXPKEYSIG 0123';
    const error = await stagingFails(untrusted, 'updateFailed\tE: not signed', unavailable);
    assert.equal(failureType(error), 'PackageUnavailable');
    assert.match(
      messageOf(error),
      /not signed by a key that the node trusts: .*EXPKEYSIG 0123\. Put/,
    );
  });

  it('does not mind a source without a key where nothing is missing', async () => {
    assert.deepEqual(await staging('untrusted\tW: NO_PUBKEY', 'present\tcontainerd\t2'), []);
  });

  for (const [verb, what] of [
    ['Remv', 'remove'],
    ['Inst', 'change'],
  ]) {
    it(`refuses an update that would ${what} a package that it does not name`, async () => {
      const error = await stagingFails('present\tcontainerd\t2', `surprise\t${verb}\trunc`);
      assert.equal(failureType(error), 'PackageUnavailable');
      assert.match(messageOf(error), new RegExp(`would also ${what} runc, which .* not list`));
    });
  }

  it('notes what was removed, and what may change packages meanwhile', async () => {
    const notes = await staging('pruned\tcontainerd 0, runc 0', 'automatic\tunattended-upgrades');
    assert.equal(notes.length, 2);
    assert.match(notes[0] ?? '', /^unattended-upgrades is enabled on the node/);
    assert.match(notes[1] ?? '', /unused for 30 days: containerd 0, runc 0$/);
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
