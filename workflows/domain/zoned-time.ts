/** Wall clocks of IANA time zones. Called from activities and the client, never from workflows. */

/** Tells whether a name is that of a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
