/**
 * What a stop in each of its modes, and a rollback, leave behind, by where the rollout is. The table
 * of docs/control.md is written from it, and control.test.ts runs every case.
 */
import type { RolloutOutcomeKind } from '../../workflows/contract.ts';

/** What people say: a stop in a mode, or a rollback. */
export const SAID = ['Now', 'AfterNode', 'AfterWave', 'Rollback'] as const;
export type Said = (typeof SAID)[number];

/** Nodes as the table names them; "the node" is the one in work, "its wave" the rest of its wave. */
export const ROLES = [
  'the canary',
  'earlier waves',
  'the node',
  'its wave',
  'later waves',
] as const;
export type Role = (typeof ROLES)[number];

/** How it ends, and which nodes run the update then. All others are as they were found. */
export interface Left {
  readonly outcome: RolloutOutcomeKind;
  readonly updated: readonly Role[];
}

export interface Place {
  readonly where: string;
  readonly left: Readonly<Record<Said, Left>>;
}

const halted = (...updated: Role[]): Left => ({ outcome: 'Halted', updated });
const rolledBack: Left = { outcome: 'RolledBack', updated: [] };

/** A place at which nothing is in work: whatever is said ends the rollout there. */
function still(where: string, updated: readonly Role[], back: Left = rolledBack): Place {
  const stopped = halted(...updated);
  return {
    where,
    left: { Now: stopped, AfterNode: stopped, AfterWave: stopped, Rollback: back },
  };
}

/** A step that a cancellation undoes, with all before it. */
function undone(where: string): Place {
  return {
    where,
    left: {
      Now: halted('the canary'),
      AfterNode: halted('the canary', 'the node'),
      AfterWave: halted('the canary', 'the node', 'its wave'),
      Rollback: rolledBack,
    },
  };
}

/** A step from which on the update stands. */
function standing(where: string): Place {
  const { left } = undone(where);
  return { where, left: { ...left, Now: left.AfterNode } };
}

export const STEPS_UNDONE = [
  'inspect',
  'lease',
  'stage',
  'cordon',
  'drain',
  'apply',
  'verify',
] as const;
export const STEPS_STANDING = ['uncordon', 'release'] as const;
export const stepPlace = (step: string) => `a node in work: ${step}`;

export const PLACES = {
  planning: still('no plan yet', [], halted()),
  gate: still('at the gate before the canary', [], halted()),
  pausedFirst: still('paused before the first node', [], halted()),
  window: still('waiting for the first window', [], halted()),
  lease: still("waiting for a cluster's Lease", [], halted()),
  canary: {
    where: 'the canary in work',
    left: {
      Now: halted(),
      AfterNode: halted('the canary'),
      AfterWave: halted('the canary'),
      Rollback: rolledBack,
    },
  },
  steps: [...STEPS_UNDONE.map((step) => undone(stepPlace(step)))],
  stands: [...STEPS_STANDING.map((step) => standing(stepPlace(step)))],
  lastWave: {
    where: 'a node of the last wave in work',
    left: {
      Now: halted('the canary', 'earlier waves'),
      AfterNode: halted('the canary', 'earlier waves', 'the node'),
      AfterWave: {
        outcome: 'Succeeded',
        updated: ['the canary', 'earlier waves', 'the node', 'its wave'],
      },
      Rollback: rolledBack,
    },
  },
  windowWithin: still('a wave that sleeps until its next window', ['the canary', 'the node']),
  pausedWithin: still('paused within a wave', ['the canary', 'the node']),
  soak: still('in the soak of a wave', ['the canary', 'the node', 'its wave']),
  check: still('in the look after a soak', ['the canary', 'the node', 'its wave']),
  pausedBetween: still('paused between waves', ['the canary', 'the node', 'its wave']),
  laterGate: still('at a gate before a wave', ['the canary', 'the node', 'its wave']),
  back: {
    where: 'a node going back',
    left: {
      Now: halted('the canary', 'the node', 'its wave'),
      AfterNode: halted('the canary', 'its wave'),
      AfterWave: halted('the canary'),
      Rollback: rolledBack,
    },
  },
  pausedBack: still('paused while going back', ['the canary', 'its wave']),
} satisfies Record<string, Place | readonly Place[]>;

/** Returns all places in the order of the table. */
export function allPlaces(): Place[] {
  return Object.values(PLACES).flat();
}
