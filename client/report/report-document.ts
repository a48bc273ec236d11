/** Sets a report out as a document: what it came to first, then why, then everything that proves it. */

import { shellWord } from '../../workflows/domain/report-next.ts';
import type { Report } from '../../workflows/domain/report-types.ts';
import { counted } from '../../workflows/domain/report-words.ts';
import { duration } from '../render/time.ts';
import {
  type Block,
  code,
  type ReportDocument,
  type Rich,
  type Section,
  type Stat,
  strong,
  utc,
} from './document.ts';
import { evidence } from './section-evidence.ts';
import { lanes } from './section-lanes.ts';
import { disruption, nodes, steps } from './section-nodes.ts';
import { approvals, plan, whatAndWhy } from './section-plan.ts';

/** Returns the document of a report. */
export function reportDocument(report: Report): ReportDocument {
  const { rollout, state, tone, headline } = report;
  return {
    eyebrow: 'Rollout report',
    title: rollout,
    badge: { text: state, tone },
    lead: headline,
    stats: stats(report),
    callouts: callouts(report),
    sections: [
      whatAndWhy(report),
      ...surprises(report),
      ...next(report),
      nodes(report),
      ...evidence(report),
      disruption(report),
      ...approvals(report),
      timeline(report),
      ...plan(report),
      ...steps(report),
      proof(report),
    ],
  };
}

function stats({ nodes: all, fixes, disruption: cost, times, gates, state }: Report): Stat[] {
  const updated = all.filter(({ end }) => end === 'Updated' || end === 'AlreadyDone').length;
  const back = all.filter(({ end }) => end === 'TakenBack' || end === 'RolledBack').length;
  const closed = fixes.filter(({ openOn }) => openOn.length === 0).length;
  const votes = gates.flatMap((gate) => gate.votes).filter((vote) => vote.void === undefined);
  const waited = times.awaitedApprovalMs;
  return [
    {
      label: 'Nodes with the update',
      value: `${updated} of ${all.length}`,
      ...(back > 0 ? { note: `${back} put back` } : {}),
    },
    ...(fixes.length > 0
      ? [{ label: 'CVEs closed everywhere', value: `${closed} of ${fixes.length}` }]
      : []),
    { label: 'Pods evicted', value: String(cost.podsEvicted) },
    { label: 'Job pods lost', value: String(cost.jobPodsLost) },
    { label: 'Votes that count', value: String(votes.length) },
    {
      label: state === 'InWork' ? 'So far' : 'Took',
      value: duration(times.totalMs),
      ...(waited > 0 ? { note: `${duration(waited)} of it for approvals` } : {}),
    },
  ];
}

function callouts({ missing, otherRuns, run, reasons, tone }: Report): ReportDocument['callouts'] {
  const others = otherRuns.map((other) => {
    return `${utc(other.startedAt)} ${other.state} (--run ${other.run})`;
  });
  return [
    ...reasons.map((text) => ({ kind: 'Callout' as const, tone, text })),
    ...missing.map((text) => ({
      ...{ kind: 'Callout' as const, tone: 'Careful' as const, text: `Not whole: ${text}.` },
    })),
    ...(others.length > 0
      ? [
          {
            kind: 'Callout' as const,
            tone: 'Neutral' as const,
            text: `This is the run ${run}. The same name was used by ${counted(others.length, 'other run')}: ${others.join('; ')}.`,
          },
        ]
      : []),
  ];
}

const SURPRISES: Readonly<Record<Report['surprises'][number]['kind'], string>> = {
  Retry: 'Tried again',
  FailedStep: 'Step failed',
  Undone: 'Node put back',
  LeftOut: 'Left out',
  Note: 'Note',
  Verdict: 'Verdict',
  OtherThanPlanned: 'Not as planned',
  Vote: 'Vote',
  Interruption: 'Person stepped in',
};

function surprises({ surprises: found }: Report): Section[] {
  const blocks: Block[] =
    found.length === 0
      ? [{ kind: 'Text', text: 'Nothing went otherwise than planned.' }]
      : [
          {
            kind: 'Facts',
            items: found.map(({ kind, subject, text }): [string, Rich] => [
              SURPRISES[kind],
              subject === '' ? text : [strong(subject), ` ${text}`],
            ]),
          },
        ];
  return [{ id: 'surprises', title: 'Surprises', blocks }];
}

function next({ next: left }: Report): Section[] {
  const blocks: Block[] =
    left.length === 0
      ? [{ kind: 'Text', text: 'Nothing is left to do.' }]
      : [
          {
            kind: 'ToDo',
            items: left.map(({ why, commands }) => ({ text: why, commands })),
          },
        ];
  return [{ id: 'next', title: 'What to do next', blocks }];
}

function timeline(report: Report): Section {
  const drawn = lanes(report);
  return {
    id: 'timeline',
    title: 'Timeline',
    blocks: [
      ...(drawn.length > 0 ? [{ kind: 'Lanes', lanes: drawn } as const] : []),
      {
        kind: 'Timeline',
        items: report.timeline.map(({ at, kind, text, by, tone }) => ({
          ...{ at, label: kind, tone },
          text: by === undefined ? text : [{ kind: 'Strong', text: by }, ` ${text}`],
        })),
      },
    ],
  };
}

function proof({ proof: known, rollout }: Report): Section {
  const { chain, entries, kinds, firstAt, lastAt } = known;
  const counts = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  const place: Block = chain
    ? {
        kind: 'Facts',
        items: [
          ['Records', `${chain.fromSeq} to ${chain.toSeq}, ${entries} of them of this run`],
          ['Hash of the last', code(chain.headHash)],
          ['By kind', counts.join(', ')],
        ],
      }
    : {
        kind: 'Callout',
        tone: 'Careful',
        text: 'These entries are not chained: nothing proves that they are whole and unchanged.',
      };
  return {
    id: 'proof',
    title: 'Proof',
    blocks: [
      {
        kind: 'Text',
        text: `Everything above comes from ${counted(entries, 'record')} of the ledger and nothing else, from ${utc(firstAt)} to ${utc(lastAt)}. Each record's hash covers the hash of the one before, so a record that was changed, removed or moved is found.`,
      },
      place,
      {
        kind: 'ToDo',
        items: [
          {
            text: 'To check that the ledger is whole, and that the record above has this hash:',
            commands: [
              'tidegate ledger verify',
              `tidegate ledger export --rollout ${shellWord(rollout)} >ledger.jsonl`,
            ],
          },
          {
            text: 'To make this report again from an export, anywhere:',
            commands: [
              `tidegate report ${shellWord(rollout)} --from ledger.jsonl --output html --out report.html`,
            ],
          },
        ],
      },
    ],
  };
}
