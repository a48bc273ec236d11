/** Reads what a person types after `/tidegate`, and says what can be typed. Pure. */
import type { StopMode } from '../../workflows/contract.ts';
import type { Action } from './chat-service.ts';

/** What can be typed, a line each. */
export const COMMAND_LINES = [
  'status — the rollouts; status NAME — one of them',
  'plan NAME — what its plan does, wave by wave',
  'approve NAME DIGEST [REASON] — the digest as `status NAME` shows it, 12 digits will do',
  'reject NAME REASON',
  'replan NAME — looks anew at what waits at its gate',
  'pause NAME [REASON], resume NAME',
  'stop NAME [now|after-node|after-wave] [REASON]',
  'rollback NAME [REASON]',
  'skip NAME NODE [REASON], retry NAME NODE [REASON]',
  'override NAME FREEZE REASON — lets nodes start in spite of a freeze',
] as const;

const MODES: Readonly<Record<string, StopMode>> = {
  now: 'Now',
  'after-node': 'AfterNode',
  'after-wave': 'AfterWave',
};

/** Returns what the words ask for; where they don't make sense, help with the problem. */
export function parseCommand(text: string): Action {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const [verb = 'help', rollout, ...rest] = words;
  const command = verb.toLowerCase();
  if (command === 'help') return { kind: 'Help' };
  if (command === 'status') return { kind: 'Status', ...(rollout ? { rollout } : {}) };
  if (!KNOWN.has(command)) return { kind: 'Help', problem: `There is no command ${verb}.` };
  if (!rollout) return { kind: 'Help', problem: `Say which rollout: ${command} NAME.` };
  return about(command, rollout, rest);
}

const KNOWN = new Set(
  'plan approve reject replan pause resume stop rollback skip retry override'.split(' '),
);

function about(command: string, rollout: string, rest: readonly string[]): Action {
  const [first] = rest;
  switch (command) {
    case 'plan':
      return { kind: 'Plan', rollout };
    case 'approve':
      return approve(rollout, rest);
    case 'reject':
      if (!first) return { kind: 'Help', problem: `Say why: reject ${rollout} REASON.` };
      return { kind: 'Vote', decision: 'Reject', rollout, ...because(rest) };
    case 'replan':
    case 'pause':
    case 'resume':
    case 'rollback':
      return { kind: 'Steer', what: command, rollout, ...because(rest) };
    case 'stop': {
      const mode = MODES[first?.toLowerCase() ?? ''];
      const reason = because(mode ? rest.slice(1) : rest);
      return { kind: 'Steer', what: 'stop', rollout, ...(mode ? { mode } : {}), ...reason };
    }
    case 'override':
      return override(rollout, rest);
    default: {
      if (!first) return { kind: 'Help', problem: `Say which node: ${command} ${rollout} NODE.` };
      const what = command === 'skip' ? 'skipNode' : 'retryNode';
      return { kind: 'Node', what, rollout, node: first, ...because(rest.slice(1)) };
    }
  }
}

/** What was looked at is named by its digest: a name alone would approve whatever waits by then. */
function approve(rollout: string, [digest, ...rest]: readonly string[]): Action {
  if (!digest || !/^(sha256:)?[0-9a-f]{12,64}$/.test(digest)) {
    const problem = `Say what you looked at: approve ${rollout} DIGEST; "status ${rollout}" shows it.`;
    return { kind: 'Help', problem };
  }
  return { kind: 'Vote', decision: 'Approve', rollout, digest, ...because(rest) };
}

function override(rollout: string, [freeze, ...rest]: readonly string[]): Action {
  const reason = rest.join(' ');
  if (freeze && reason) return { kind: 'Override', rollout, freeze, reason };
  const problem = `Say which freeze, and why: override ${rollout} FREEZE REASON.`;
  return { kind: 'Help', problem };
}

function because(words: readonly string[]): { reason?: string } {
  return words.length > 0 ? { reason: words.join(' ') } : {};
}
