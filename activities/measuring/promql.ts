/** Puts names into a query: as content of its strings, so that no name can say more than itself. */

/** Returns the query with $node and $cluster replaced; what a string could end with is escaped. */
export function fillQuery(
  query: string,
  names: { readonly node: string; readonly cluster: string },
): string {
  return query.replaceAll(/\$(node|cluster)\b/g, (_, which: 'node' | 'cluster') =>
    escapeInString(names[which]),
  );
}

/** Escapes by number mean the same between both kinds of quotes, and between backticks end nothing. */
function escapeInString(text: string): string {
  return text.replaceAll(
    /["'`\\\n]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
