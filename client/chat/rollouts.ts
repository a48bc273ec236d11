/** What chat needs of the typed API; RolloutClient has it, tests put something faster in its place. */
import type {
  Command,
  FreezeOverride,
  NodeCommand,
  StopCommand,
  Vote,
} from '../../workflows/contract.ts';
import type { PlanResult } from '../../workflows/domain/plan-types.ts';
import type { Announcement } from '../announcements.ts';
import type { RollbackAnswer } from '../rollout-client.ts';
import type { RolloutEntry, RolloutView } from '../view.ts';

/** Looks at and steers rollouts; each call throws TidegateError and nothing else. */
export interface Rollouts {
  list(limit?: number): Promise<readonly RolloutEntry[]>;
  status(rollout: string): Promise<RolloutView>;
  planOf(rollout: string): Promise<PlanResult>;
  /** Returns what Schedules have announced since then. */
  announcements(sinceMs: number): Promise<readonly Announcement[]>;
  approve(rollout: string, vote: Vote): Promise<string>;
  reject(rollout: string, vote: Vote): Promise<string>;
  replan(rollout: string, command: Command): Promise<string>;
  pause(rollout: string, command: Command): Promise<string>;
  resume(rollout: string, command: Command): Promise<string>;
  stop(rollout: string, command: StopCommand): Promise<string>;
  rollback(rollout: string, command: Command): Promise<RollbackAnswer>;
  skipNode(rollout: string, command: NodeCommand): Promise<string>;
  overrideFreeze(rollout: string, override: FreezeOverride): Promise<string>;
  retryNode(rollout: string, command: NodeCommand): Promise<string>;
}
