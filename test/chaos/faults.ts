/** The catalogue of faults. */
import type { Fault } from './fault.ts';
import { BUILD_FAULTS } from './faults/builds.ts';
import { DRAIN_FAULTS } from './faults/drain.ts';
import { NODE_FAULTS } from './faults/node.ts';
import { PEOPLE_FAULTS } from './faults/people.ts';
import { REBOOT_FAULTS } from './faults/reboot.ts';
import { SERVER_FAULTS } from './faults/servers.ts';
import { WORKER_FAULTS } from './faults/worker.ts';

export const FAULTS: readonly Fault[] = [
  ...WORKER_FAULTS,
  ...SERVER_FAULTS,
  ...NODE_FAULTS,
  ...DRAIN_FAULTS,
  ...PEOPLE_FAULTS,
  ...BUILD_FAULTS,
  ...REBOOT_FAULTS,
];
