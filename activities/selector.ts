/** Label selectors of objects, as activities read them. */
export { type LabelSelector, selects } from '../workflows/domain/label-selector.ts';
