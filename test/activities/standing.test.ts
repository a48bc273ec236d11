import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { realDeps } from '../../activities/index.ts';
import { standingActivities } from '../../activities/standing.ts';

const examples = fileURLToPath(new URL('../../examples/rollouts', import.meta.url));
const POLICY = `apiVersion: tidegate.dev/v1alpha1
kind: Policy
metadata: {name: nightly}
spec:
  notices: {channels: ["slack:#platform"]}
  windows:
    - {name: night, days: [Wed], start: "22:00", durationMinutes: 60, timeZone: Europe/Berlin}
`;

describe('what a Schedule starts', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-'));
    await cp(examples, folder, { recursive: true });
    await writeFile(join(folder, 'policy.yaml'), POLICY);
  });
  after(() => rm(folder, { recursive: true }));

  const standing = () => {
    const log = { info: () => undefined, warn: () => undefined };
    const clock = { now: () => Date.parse('2026-11-25T12:00:00Z'), sleep: async () => undefined };
    return standingActivities({ ...realDeps({ configFolder: folder, log }), clock });
  };

  it('is read when it fires, with the changes of before', async () => {
    const name = 'containerd-deb12u3';
    const first = await standing().standingRollout({ rollout: name });
    assert.equal(first.spec.reason, 'Close CVE-2025-64329 on every node');
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, JSON.stringify({ ...first, spec: { ...first.spec, reason: 'later' } }));
    assert.equal((await standing().standingRollout({ rollout: name })).spec.reason, 'later');
    assert.deepEqual(await standing().standingRollout({ rollout: first }), first);
    const gone = standing().standingRollout({ rollout: 'gone' });
    await assert.rejects(gone, { type: 'UnknownDocument', message: /no Rollout "gone"/ });
  });

  it('tells of windows to the channels of the policy, or to those that are named', async () => {
    const told = await standing().announceWindows({ policy: 'nightly' });
    assert.deepEqual(told.channels, ['slack:#platform']);
    assert.deepEqual(told.lines.slice(0, 2), [
      'Next windows of policy nightly',
      'night: 2026-11-25T22:00:00+01:00 to 2026-11-25T23:00:00+01:00 (Europe/Berlin)',
    ]);
    const channels = ['webhook:ops'];
    const named = await standing().announceWindows({ policy: 'nightly', channels });
    assert.deepEqual(named.channels, channels);
  });
});
