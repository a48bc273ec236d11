/** The one way in which anything of a report becomes HTML or SVG. */
import { tame } from './document.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Returns text that a browser shows as it is, between tags and within quoted attributes. */
export function escapeHtml(text: string): string {
  return tame(text).replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? '');
}
