import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureType, messageOf } from '../../activities/failure.ts';
import { fitting } from '../../activities/plan-size.ts';

describe('a result for which one payload is too small', () => {
  it('fails as PlanTooLarge, with both sizes and what to do', () => {
    const large = 'x'.repeat(1_572_863);
    assert.throws(
      () => fitting(large),
      (error) => {
        assert.equal(failureType(error), 'PlanTooLarge');
        assert.match(
          messageOf(error),
          /1572865 bytes, more than the 1572864 .*Narrow spec\.targets/,
        );
        return true;
      },
    );
  });

  it('does not fail where it just fits', () => {
    const fits = 'x'.repeat(1_572_862);
    assert.equal(fitting(fits), fits);
  });
});
