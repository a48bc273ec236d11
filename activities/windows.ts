/** Looks at the calendar of a policy. */
export { lookAtWindow } from '../workflows/domain/window.ts';
