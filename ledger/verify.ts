/** Verifies a ledger: its chain, and the anchors that were kept elsewhere. */
import { type BadAnchor, checkAnchors } from './anchors.ts';
import type { Ledger } from './store.ts';
import { type ChainVerdict, verifyChain } from './verification.ts';

/** What was found; anchors are absent where none were given. */
export interface LedgerVerdict extends ChainVerdict {
  readonly sound: boolean;
  readonly anchors?: { readonly checked: number; readonly bad: readonly BadAnchor[] };
}

/** Reads the whole ledger as it stands at one moment, some hundred records at a time. */
export async function verifyLedger(
  ledger: Ledger,
  anchors?: {
    /** Content of an anchors file. */
    readonly text: string;
    /** Path of an allowed_signers file: whose anchors count. */
    readonly signersFile: string;
  },
): Promise<LedgerVerdict> {
  const checked = anchors ? await checkAnchors(anchors.text, anchors.signersFile) : undefined;
  const chain = await ledger.snapshot(({ head, records }) =>
    verifyChain(records(), { head, anchors: checked?.good ?? [] }),
  );
  const { good = [], bad = [] } = checked ?? {};
  return {
    ...chain,
    sound: chain.firstBad === undefined && bad.length === 0,
    ...(checked ? { anchors: { checked: good.length + bad.length, bad } } : {}),
  };
}
