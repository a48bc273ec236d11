export { nodeWorkflow } from './node.ts';
export { inventoryWorkflow, planWorkflow } from './planning.ts';
export { rolloutWorkflow } from './rollout.ts';
export { scheduledWorkflow } from './scheduled.ts';
export { waveWorkflow } from './wave.ts';
