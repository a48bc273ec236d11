/** The activities that keep alerts of a node in work from waking people; they hold up no node. */
import type { MeasuringActivities } from '../workflows/contract.ts';
import type { Alerts } from '../workflows/domain/analysis-spec.ts';
import { alertmanagerAt, type Matcher, type Silence } from './adapters/alertmanager.ts';
import type { ActivityDeps } from './deps.ts';
import { messageOf } from './failure.ts';

type Silencer = Pick<MeasuringActivities, 'silence' | 'unsilence'>;
type Whose = Parameters<Silencer['unsilence']>[0];

const CREATED_BY = 'tidegate';

/** Returns the activities `silence` and `unsilence`. */
export function silenceActivities(deps: ActivityDeps): Silencer {
  const at = (alerts: Alerts) => alertmanagerAt(alerts, deps.context().signal);
  return {
    /**
     * *Effect*: Alertmanager sends none of the node's alerts for `leaseSeconds` from now on.
     * *Idempotent because*: a silence of ours that is there is made to last longer, under its id.
     * *Heartbeats*: none, it takes two requests.
     * *Fails with*: nothing; what went wrong is in its notes, since no node waits for its alerts.
     */
    async silence({ alerts, cluster, node, rollout }) {
      return await noting(`alerts of ${node} were not silenced`, async () => {
        const alertmanager = at(alerts);
        const [newest] = await ours(alertmanager, { alerts, cluster, node });
        const now = deps.clock.now();
        await alertmanager.putSilence({
          ...(newest ? { id: newest.id } : {}),
          matchers: matchersOf(alerts, node),
          // One that has begun already can't begin at another time.
          startsAt: newest?.startsAt ?? new Date(now).toISOString(),
          endsAt: new Date(now + alerts.leaseSeconds * 1000).toISOString(),
          createdBy: CREATED_BY,
          comment: `${mark({ cluster, node })}rollout ${rollout} updates it; renewed as long as it does`,
        });
      });
    },

    /**
     * *Effect*: none of our silences of the node is left.
     * *Idempotent because*: one that has ended is not looked at.
     * *Heartbeats*: none, it takes two requests.
     * *Fails with*: nothing; what went wrong is in its notes. The silence then ends by itself.
     */
    async unsilence({ alerts, cluster, node }) {
      const until = `they end by themselves after ${alerts.leaseSeconds} s`;
      return await noting(`silences of ${node} were not ended, ${until}`, async () => {
        const alertmanager = at(alerts);
        const left = await ours(alertmanager, { alerts, cluster, node });
        await Promise.all(left.map(({ id }) => alertmanager.endSilence(id)));
      });
    },
  };
}

/** Our silences of the node that have not ended, the one that lasts longest first. */
async function ours(
  alertmanager: ReturnType<typeof alertmanagerAt>,
  whose: Whose,
): Promise<readonly Silence[]> {
  const { alerts, node } = whose;
  const wanted = spell(matchersOf(alerts, node));
  const found = await alertmanager.silencesOf(alerts.nodeLabel, node);
  return found
    .filter(({ status }) => status.state !== 'expired')
    .filter(({ createdBy, comment }) => createdBy === CREATED_BY && comment.startsWith(mark(whose)))
    .filter(({ matchers }) => spell(matchers) === wanted)
    .sort((a, b) => (a.endsAt < b.endsAt ? 1 : -1));
}

/** How our comments begin: nodes of two clusters may have the same name, and the same Alertmanager. */
function mark({ cluster, node }: Pick<Whose, 'cluster' | 'node'>): string {
  return `${cluster}/${node}: `;
}

function matchersOf({ nodeLabel, matchers }: Alerts, node: string): readonly Matcher[] {
  return Object.entries({ ...matchers, [nodeLabel]: node }).map(([name, value]) => ({
    name,
    value,
    isRegex: false,
    isEqual: true,
  }));
}

function spell(matchers: readonly Matcher[]): string {
  const lines = matchers.map(({ name, value, isRegex, isEqual }) =>
    JSON.stringify([name, value, isRegex, isEqual]),
  );
  return lines.sort().join('\n');
}

async function noting(
  what: string,
  work: () => Promise<void>,
): Promise<{ readonly notes?: readonly string[] }> {
  try {
    await work();
    return {};
  } catch (error) {
    return { notes: [`${what}: ${messageOf(error)}`] };
  }
}
