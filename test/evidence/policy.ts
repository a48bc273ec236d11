/** The policy that the cases are rolled out under: the example's, with measurements in seconds, not minutes. */
import { readDocuments } from '../../activities/adapters/documents.ts';
import type { Policy } from '../../workflows/domain/spec.ts';

const EXAMPLE = 'measured';

/**
 * Rounds as fast as they go, but not so fast that a minimum of them fits into the 20 s over which the
 * example's queries look back: traffic that has stopped would be measured as if it went on.
 */
const PACE = { intervalSeconds: 3, extendSeconds: 6, maxExtensions: 1 } as const;

/** Returns the example as an inline policy that measures every few seconds and asks a person soon. */
export async function measuredPolicy(): Promise<object> {
  const { documents } = await readDocuments('examples');
  const example = documents.find(({ kind, name }) => kind === 'Policy' && name === EXAMPLE);
  if (!example) throw new Error(`examples/ holds no Policy named ${EXAMPLE}`);
  const document = example.value as Policy;
  const { analysis } = document.spec;
  return { ...document, spec: { ...document.spec, analysis: { ...analysis, ...PACE } } };
}
