import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
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
