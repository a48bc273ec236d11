/** Servers that Tidegate needs go away: Temporal, the API server, etcd. */
import type { NodePhase } from '../../../workflows/contract.ts';
import * as blows from '../blows.ts';
import { type Fault, fault, type Moment, type Options } from '../fault.ts';

function server(
  what: 'temporal' | 'etcd' | 'apiserver',
  id: string,
  phase: NodePhase,
  delayMs: Moment['delayMs'],
  { downMs = 2000, ...options }: Options & { readonly downMs?: number } = {},
): Fault {
  const strike = () =>
    what === 'temporal' ? blows.restartTemporal(downMs) : blows.restartControlPlane(what, downMs);
  const healed = `started again after ${downMs / 1000} s`;
  return fault(id, `${what} killed (-9)`, { phase, delayMs }, strike, { healed, ...options });
}

export const SERVER_FAULTS: readonly Fault[] = [
  server('temporal', 'temporal-in-stage', 'Staging', [0, 900]),
  server('temporal', 'temporal-in-apply', 'Applying', [100, 1500], { quick: true }),
  server('temporal', 'temporal-in-verify', 'Verifying', [50, 900]),
  server('temporal', 'temporal-in-revert', 'Unwinding', [100, 900], { bundle: 'Bad' }),
  server('temporal', 'temporal-in-apply-of-two', 'Applying', [100, 1500], { nodes: 2 }),
  server('etcd', 'etcd-in-apply', 'Applying', [100, 1500]),
  server('etcd', 'etcd-in-verify', 'Verifying', [50, 900]),
  server('apiserver', 'api-before-cordon', 'Staging', [0, 300], { downMs: 6000 }),
  server('apiserver', 'api-in-apply', 'Applying', [100, 1500]),
  server('apiserver', 'api-in-verify', 'Verifying', [50, 900]),
  server('apiserver', 'api-at-verify-30s', 'Verifying', [0, 100], { downMs: 30_000 }),
];
