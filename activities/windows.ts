/** Looks at the calendar of a policy. */
import type { WindowLook, WindowQuestion } from '../workflows/contract.ts';

/** Returns whether nodes of a region may start at a moment, and if not, when they may. */
export function lookAtWindow(_nowMs: number, _question: WindowQuestion): WindowLook {
  return { kind: 'Open' };
}
