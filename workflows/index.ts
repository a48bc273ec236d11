export { ledgerWorkflow } from './ledger.ts';
export { nodeWorkflow } from './node.ts';
export { inventoryWorkflow, planWorkflow } from './planning.ts';
export { rolloutWorkflow } from './rollout.ts';
export { scheduledWorkflow } from './scheduled.ts';
export { validationWorkflow } from './validation.ts';
export { waveWorkflow } from './wave.ts';
