/** The two ways in which a ledger can't be used, each told in its message alone. */

/** A setting that can't be followed; the message says which, and what it has to be. */
export class LedgerSettingError extends Error {
  override readonly name = 'LedgerSettingError';
}

/** The database did not answer, or not as a ledger does. */
export class LedgerUnavailableError extends Error {
  override readonly name = 'LedgerUnavailableError';
}
