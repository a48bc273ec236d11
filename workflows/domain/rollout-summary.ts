import type { Rollout } from './spec.ts';

/** Temporal takes summaries of up to 400 bytes. */
const MAX_BYTES = 380;

/** Returns what Temporal's list shows of a rollout before its workflow says more. */
export function rolloutSummary({ metadata, spec }: Rollout): string {
  const bundle = typeof spec.bundle === 'string' ? spec.bundle : spec.bundle.metadata.name;
  const nodes = spec.targets.nodes ? ` on ${spec.targets.nodes.length} nodes` : '';
  const way = spec.direction === 'Back' ? 'back from ' : '';
  const line = `${metadata.name}: ${way}bundle ${bundle}${nodes}, requested by ${spec.requestedBy}`;
  return cut(line, MAX_BYTES);
}

/** Cuts a text between characters, so that it takes no more bytes than this in UTF-8. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += bytesOf(character.codePointAt(0) ?? 0);
    if (bytes > maxBytes) return kept;
    kept += character;
  }
  return kept;
}

function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
