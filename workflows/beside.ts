/** Two steps at the same time. */

/**
 * Runs two steps beside each other. A failure is thrown once both have ended: no undo begins while
 * its step may still be in work. The other is not cancelled, since it may have ended this moment.
 */
export async function beside<A, B>(
  first: () => Promise<A>,
  second: () => Promise<B>,
): Promise<readonly [A, B]> {
  const [one, other] = await Promise.allSettled([first(), second()]);
  if (one.status === 'rejected') throw one.reason;
  if (other.status === 'rejected') throw other.reason;
  return [one.value, other.value];
}
