/** Sets the measures of many rollouts out as a document. */
import type { Outcomes } from '../../workflows/domain/outcomes-types.ts';
import type { Durations } from '../../workflows/domain/report-numbers.ts';
import { counted } from '../../workflows/domain/report-words.ts';
import { duration } from '../render/time.ts';
import {
  type Block,
  badge,
  dayOf,
  type ReportDocument,
  type Rich,
  type Section,
  time,
} from './document.ts';
import { number, share, signed } from './numbers.ts';

/** Returns the document of the measures. */
export function outcomesDocument(outcomes: Outcomes): ReportDocument {
  const { since, until, rollouts, timeToPatch, changes } = outcomes;
  const { Succeeded, RolledBack, Halted, Rejected } = rollouts.ended;
  return {
    eyebrow: 'Outcomes of rollouts',
    title: `${dayOf(since)} to ${dayOf(until)}`,
    lead: `${counted(rollouts.requested, 'rollout')} requested: ${Succeeded} succeeded, ${RolledBack} rolled back, ${Halted} halted, ${Rejected} rejected, ${rollouts.inWork} still in work.`,
    stats: [
      {
        label: 'Rollouts that changed a node',
        value: `${rollouts.touching} of ${rollouts.requested}`,
      },
      {
        label: 'Mean time to patch',
        value: span(timeToPatch.meanMs),
        note: `over ${timeToPatch.count} of ${counted(timeToPatch.of, 'update')}`,
      },
      { label: 'Changes that failed', value: share(changes.failed) },
      { label: 'Nodes put back as asked', value: share(changes.putBack) },
    ],
    callouts:
      rollouts.withoutPlan > 0
        ? [
            {
              ...{ kind: 'Callout', tone: 'Careful' },
              text: `The ledger has no plan of ${counted(rollouts.withoutPlan, 'rollout')}: they count, their nodes do not.`,
            },
          ]
        : [],
    sections: [
      coverage(outcomes),
      times(outcomes),
      rates(outcomes),
      indicators(outcomes),
      exceptions(outcomes),
      months(outcomes),
    ],
  };
}

const words = (titles: readonly string[]) => titles.map((title) => ({ title }));
const figures = (titles: readonly string[]) =>
  titles.map((title) => ({ title, numeric: true }) as const);

/** A table, or a sentence where it would have no row. */
function tableOr(none: string, table: Extract<Block, { readonly kind: 'Table' }>): Block[] {
  return table.rows.length > 0 ? [table] : [{ kind: 'Text', text: none }];
}

function coverage({ coverage: bundles }: Outcomes): Section {
  const blocks = tableOr('No rollout has a plan.', {
    kind: 'Table',
    caption: 'Nodes that run a bundle, of all that a plan of it has named',
    columns: [
      ...words(['Bundle', 'Published']),
      ...figures(['Covered', 'Excepted', 'Left out otherwise', 'Rollouts']),
    ],
    rows: bundles.map(({ bundle, published, covered, excepted, excluded, rollouts }) => [
      ...[bundle, published ?? 'does not say', share(covered)],
      ...[excepted, excluded, rollouts].map(String),
    ]),
  });
  return { id: 'coverage', title: 'Coverage', blocks };
}

function times({ timeToPatch, timeToApply }: Outcomes): Section {
  const row = (name: string, of: Durations, over: string): Rich[] => [
    ...[name, span(of.meanMs), span(of.medianMs), span(of.p90Ms), over],
  ];
  const { whole, approvals, work } = timeToApply;
  const rollouts = counted(whole.count, 'rollout');
  return {
    id: 'times',
    title: 'Times',
    blocks: [
      {
        kind: 'Table',
        caption: 'How long it takes',
        columns: [
          ...words(['What']),
          ...figures(['Mean', 'Median', '90th percentile']),
          ...words(['Over']),
        ],
        rows: [
          row(
            'To patch: publication to node',
            timeToPatch,
            `${timeToPatch.count} of ${counted(timeToPatch.of, 'update')}`,
          ),
          row('To apply: request to last node', whole, rollouts),
          row('of it, waiting for approvals', approvals, rollouts),
          row('of it, everything else', work, rollouts),
        ],
      },
    ],
  };
}

function rates({ changes }: Outcomes): Section {
  const { rolledBack, putBack, hotfixes, hotfixesPerMonth, failed } = changes;
  const often = hotfixesPerMonth === undefined ? '' : `, ${number(hotfixesPerMonth)} in 30 days`;
  return {
    id: 'rates',
    title: 'Rates',
    blocks: [
      {
        kind: 'Facts',
        items: [
          ['Change failure rate', `${share(failed)} rollouts that changed a node`],
          ['Rollback rate', `${share(rolledBack)} rollouts that changed a node`],
          ['Rollback success', `${share(putBack)} nodes that were to go back`],
          ['Hotfixes', `${share(hotfixes)} rollouts were urgent${often}`],
        ],
      },
    ],
  };
}

function indicators({ indicators: known }: Outcomes): Section {
  const blocks = tableOr('Nothing was judged by measurements.', {
    kind: 'Table',
    caption: 'Indicators before and after, medians over all judgements',
    columns: [
      ...words(['Indicator']),
      ...figures([
        'Before',
        'After',
        'Worse than control by',
        'Compared',
        'Pass',
        'Fail',
        'Inconclusive',
        'Error',
      ]),
    ],
    rows: known.map(({ indicator, unit, before, after, shift, compared, verdicts }) => [
      unit ? `${indicator}, ${unit}` : indicator,
      ...[number(before), number(after), signed(shift), String(compared)],
      ...[verdicts.Pass, verdicts.Fail, verdicts.Inconclusive, verdicts.Error].map(String),
    ]),
  });
  return { id: 'indicators', title: 'Indicators', blocks };
}

function exceptions({ exceptions: known }: Outcomes): Section {
  const blocks = tableOr('No exception is named.', {
    kind: 'Table',
    caption: 'Nodes that are left out for now, by whose leave and until when',
    columns: words(['Exception', 'Until', 'State', 'Nodes', 'Reason', 'Approved by', 'Last used']),
    rows: known.map(({ name, until, over, nodes, reason, approvedBy, lastUsedAt }) => [
      ...[name, until, over ? badge('over', 'Careful') : badge('holds', 'Neutral')],
      ...[nodes.join(', '), reason, approvedBy],
      lastUsedAt ? time(lastUsedAt) : 'in no plan',
    ]),
  });
  return { id: 'exceptions', title: 'Exceptions', blocks };
}

function months({ months: known }: Outcomes): Section {
  const blocks = tableOr('There is no rollout in this time.', {
    kind: 'Table',
    caption: 'By month of the request (UTC)',
    columns: [
      ...words(['Month']),
      ...figures([
        'Requested',
        'Succeeded',
        'Nodes updated',
        'Failed',
        'Hotfixes',
        'Median to patch',
        'Median to apply',
      ]),
    ],
    rows: known.map((entry) => [
      ...[
        entry.month,
        String(entry.requested),
        String(entry.succeeded),
        String(entry.nodesUpdated),
      ],
      ...[share(entry.failed), String(entry.hotfixes)],
      ...[span(entry.medianTimeToPatchMs), span(entry.medianTimeToApplyMs)],
    ]),
  });
  return { id: 'months', title: 'Trend', blocks };
}

function span(ms: number | undefined): string {
  return ms === undefined ? '–' : duration(ms);
}
