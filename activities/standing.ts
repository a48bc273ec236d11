/** Activities for what a Schedule starts: its documents as they are at that moment. */
import type { PlanningActivities } from '../workflows/contract.ts';
import { windowAnnouncement } from '../workflows/domain/window-announcement.ts';
import { readDocuments, resolveDocument } from './adapters/documents.ts';
import type { ActivityDeps } from './deps.ts';

type StandingActivities = Pick<PlanningActivities, 'standingRollout' | 'announceWindows'>;

/** Returns the activities that only Schedules need. */
export function standingActivities(deps: ActivityDeps): StandingActivities {
  return {
    /**
     * *Effect*: none.
     * *Idempotent because*: it only reads; what it has read is recorded with the firing.
     * *Heartbeats*: no; it reads a folder.
     * *Fails with*: InvalidDocument, UnknownDocument.
     */
    standingRollout: async ({ rollout }) =>
      await resolveDocument('Rollout', rollout, await readDocuments(deps.configFolder)),

    /**
     * *Effect*: none.
     * *Idempotent because*: it computes, from a document and the worker's clock.
     * *Heartbeats*: no; it reads a folder.
     * *Fails with*: InvalidDocument, UnknownDocument.
     */
    announceWindows: async ({ policy, regions, channels }) => {
      const folder = await readDocuments(deps.configFolder);
      const document = await resolveDocument('Policy', policy, folder);
      const nowMs = deps.clock.now();
      const lines = windowAnnouncement({ policy: document, regions, nowMs });
      return { lines, channels: channels ?? document.spec.notices.channels };
    },
  };
}
