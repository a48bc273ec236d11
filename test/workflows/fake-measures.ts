/**
 * Fake measurements: what each node says is told by the test, since a real one needs nodes. What becomes of
 * them is judged as it really is.
 */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { rankSum } from '../../activities/adapters/statistics.ts';
import type { MeasuringActivities, RecordingActivities } from '../../workflows/contract.ts';
import { judge } from '../../workflows/domain/analysis.ts';
import type { Reading, Round } from '../../workflows/domain/analysis-types.ts';
import { indicatorsOf } from '../../workflows/domain/indicators.ts';

/** What is asked of one node (of the fleet, where the name is empty) in one round. */
export interface AskedReading {
  readonly node: string;
  readonly indicator: string;
  /** Whether it runs the new version. */
  readonly patched: boolean;
  /** Counted from 1, over all waves. */
  readonly round: number;
  /** Whether any node of the round runs the new version. */
  readonly soak: boolean;
}

type Answer = { readonly value: number } | { readonly noData: string } | { readonly error: string };

/** What a node says where nothing is wrong: some 400 ms, never quite the same. */
export function usual({ node, round }: Pick<AskedReading, 'node' | 'round'>): { value: number } {
  const number = Number(/\d+$/.exec(node)?.[0] ?? 0);
  return { value: 400 + ((round * 7 + number * 13) % 20) };
}

export class FakeMeasures {
  /** The nodes of each round, in order. */
  readonly rounds: { readonly patched: readonly string[]; readonly control: readonly string[] }[] =
    [];
  /** What was judged, in order. */
  readonly judged: Parameters<RecordingActivities['judge']>[0][] = [];
  says: (asked: AskedReading) => Answer = usual;
  /** Whether the activity fails that measures this round, as often as it is tried. */
  fails: (round: number) => boolean = () => false;
  /** Called in the middle of each round. */
  during: ((round: number, context: Context) => Promise<void>) | undefined;
  /** How often a round was tried. */
  tries = 0;

  activities(
    isPatched: (node: string) => boolean,
  ): Pick<MeasuringActivities & RecordingActivities, 'measure' | 'judge'> {
    return {
      measure: async ({ access, nodes, analysis }) => {
        this.tries += 1;
        const again = Context.current().info.attempt > 1;
        const names = nodes.map(({ node }) => node);
        const patched = names.filter(isPatched);
        const control = names.filter((node) => !isPatched(node));
        if (!again) this.rounds.push({ patched, control });
        const round = this.rounds.length;
        await this.during?.(round, Context.current());
        if (this.fails(round)) {
          throw ApplicationFailure.retryable(`round ${round} fell silent`, 'KubernetesUnreachable');
        }
        const soak = patched.length > 0;
        const readings = indicatorsOf(analysis).map(({ name: indicator, scope }) => {
          const asked = scope === 'Fleet' ? [''] : names;
          const said = asked.map((node): Reading => {
            const answer = this.says({ node, indicator, patched: isPatched(node), round, soak });
            return { node, ...answer };
          });
          return [indicator, said] as const;
        });
        // The worker's clock runs beside that of the server, which skips time.
        const at = new Date().toISOString();
        return {
          cluster: access.cluster,
          at,
          readings: Object.fromEntries(readings),
        } satisfies Round;
      },
      judge: async (input) => {
        this.judged.push(input);
        const { analysis, rounds, comparison } = input;
        const indicators = indicatorsOf(analysis);
        return judge({ indicators, limits: analysis, rounds, comparison, test: rankSum });
      },
    };
  }
}
