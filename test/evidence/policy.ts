/** The policy that the cases are rolled out under: the example's, with measurements in seconds, not minutes. */
import { readDocuments } from '../../activities/adapters/documents.ts';
import type { Policy } from '../../workflows/domain/spec.ts';

const EXAMPLE = 'measured';

/**
 * Rounds as fast as they go, but not so fast that a minimum of them fits into the 20 s over which the
 * example's queries look back: traffic that has stopped would be measured as if it went on.
 */
const PACE = {
  intervalSeconds: 3,
  // Fewer than the example has, which makes it harder: for a harmless patch to pass, and for a slow one to fail.
  baselineRounds: 6,
  minSamples: 6,
  maxNodes: 2,
};

/** How long a soak goes on where it has come to nothing, before a person is asked. */
const EXTENSIONS = {
  Short: { extendSeconds: 6, maxExtensions: 1 },
  // As often as the example.
  Usual: { extendSeconds: 30 },
} as const;
export type Patience = keyof typeof EXTENSIONS;

/** Returns the example as an inline policy that measures every few seconds. */
export async function measuredPolicy(patience: Patience): Promise<object> {
  const { documents } = await readDocuments('examples');
  const example = documents.find(({ kind, name }) => kind === 'Policy' && name === EXAMPLE);
  if (!example) throw new Error(`examples/ holds no Policy named ${EXAMPLE}`);
  const document = example.value as Policy;
  const { analysis } = document.spec;
  const pace = { ...PACE, ...EXTENSIONS[patience] };
  return { ...document, spec: { ...document.spec, analysis: { ...analysis, ...pace } } };
}
