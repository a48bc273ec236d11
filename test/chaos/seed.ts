/** Random delays that a seed reproduces: each fault draws its own, whatever else runs. */

/** Returns a whole number from `min` to `max`, the same for the same seed and fault. */
export function draw(seed: number, fault: string, range: readonly [number, number]): number {
  const [min, max] = range;
  return min + Math.floor(unit(`${seed}/${fault}`) * (max - min + 1));
}

/** Returns a number from 0 up to but not 1 for a text: FNV-1a, then the finish of murmur3. */
function unit(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
