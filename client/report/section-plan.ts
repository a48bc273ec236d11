/** What was to be done and why, by which plan, and who agreed to it. */
import type { RecordedVote } from '../../workflows/contract.ts';
import type { Report, ReportedGate, ReportedPlan } from '../../workflows/domain/report-types.ts';
import { counted } from '../../workflows/domain/report-words.ts';
import { duration } from '../render/time.ts';
import { type Block, badge, code, type Rich, type Section, strong, time } from './document.ts';

/** Returns what was rolled out, why, and what that closes. */
export function whatAndWhy(report: Report): Section {
  const { plans, times, state, fixes } = report;
  const plan = plans.findLast(({ wayBack }) => !wayBack);
  if (!plan) {
    const text = 'The ledger holds no plan of it: there is nothing to say of what it was for.';
    return { id: 'what', title: 'What and why', blocks: [{ kind: 'Text', text }] };
  }
  const { bundle, requestedBy, reason, urgent, policy, strategy } = plan;
  const changes = bundle.expectedChanges.join('; ') || 'none are named';
  const items: [string, Rich][] = [
    ['Bundle', [strong(bundle.name), ` (${bundle.disruption}): ${bundle.reason}`]],
    ...(bundle.published ? [['Published', bundle.published] as [string, Rich]] : []),
    ['Direction', plan.direction === 'Back' ? 'Back, to what was before the bundle' : 'Forward'],
    ['Expected changes', changes],
    ['Requested', [strong(requestedBy), ' on ', time(times.requestedAt), `: ${reason}`]],
    ...(urgent ? [['Urgent', urgent.reason] as [string, Rich]] : []),
    ['Policy', policy],
    [
      'On failure',
      `${strategy.onFailure}, failure budget ${counted(strategy.failureBudget, 'node')}`,
    ],
    ...(state === 'InWork' ? [] : [['Ended', time(times.endedAt)] as [string, Rich]]),
  ];
  return { id: 'what', title: 'What and why', blocks: [{ kind: 'Facts', items }, ...cves(fixes)] };
}

function cves(fixes: Report['fixes']): Block[] {
  if (fixes.length === 0) return [];
  return [
    {
      kind: 'Table',
      caption: 'Vulnerabilities that the bundle closes, by node',
      columns: [{ title: 'CVE' }, { title: 'State' }, { title: 'Still open on' }],
      rows: fixes.map(({ id, closedOn, openOn }) => [
        id,
        openOn.length === 0
          ? badge(`closed on all ${closedOn.length} nodes`, 'Good')
          : badge(
              `closed on ${closedOn.length} of ${closedOn.length + openOn.length} nodes`,
              closedOn.length === 0 ? 'Bad' : 'Careful',
            ),
        openOn.join(', ') || '–',
      ]),
    },
  ];
}

const HOW: Readonly<Record<NonNullable<ReportedGate['how']>, 'Good' | 'Careful' | 'Neutral'>> = {
  Passed: 'Good',
  Rejected: 'Careful',
  Expired: 'Careful',
  Interrupted: 'Careful',
  Woken: 'Neutral',
  Replaced: 'Neutral',
};

/** Returns who has agreed to what, by which identity, on which evidence. */
export function approvals({ gates, strayRefusals }: Report): Section[] {
  const stray: Block[] =
    strayRefusals.length > 0
      ? [
          {
            kind: 'List',
            items: strayRefusals.map(({ at, by, reason }) => {
              return [time(at), ' ', strong(by), ` was refused: ${reason}`];
            }),
          },
        ]
      : [];
  const blocks: Block[] =
    gates.length > 0
      ? gates.flatMap(gateBlocks)
      : [{ kind: 'Text', text: 'The rollout waited for nobody: it had no gate.' }];
  return [{ id: 'approvals', title: 'Approvals', blocks: [...blocks, ...stray] }];
}

function gateBlocks(gate: ReportedGate): Block[] {
  const { id, how, openedAt, closedAt, digest, rules, evidence, reason, votes, refused } = gate;
  const roles = rules.roles.length > 0 ? ` with the role ${rules.roles.join(' or ')}` : '';
  const other = rules.requesterMayApprove ? '' : ', not the requester';
  const open = closedAt ? duration(Date.parse(closedAt) - Date.parse(openedAt)) : '';
  const ended: Rich = how
    ? [badge(how, HOW[how]), ...(closedAt ? [' ', time(closedAt), `, after ${open}`] : [])]
    : badge('open', 'Neutral');
  return [
    { kind: 'Heading', text: `Gate ${id}` },
    {
      kind: 'Facts',
      items: [
        ['Ended', ended],
        ...(reason ? [['Because', reason] as [string, Rich]] : []),
        ['Opened', time(openedAt)],
        [
          'Asked for',
          `${counted(rules.quorum, 'approval')}${roles}${other}, ${rules.identity.toLowerCase()}`,
        ],
        ['Digest voted on', code(digest)],
      ],
    },
    { kind: 'Text', text: strong('Evidence shown') },
    { kind: 'List', items: evidence.length > 0 ? evidence : ['none besides the plan'] },
    ...ballot(id, votes, refused),
  ];
}

function ballot(
  id: string,
  votes: readonly RecordedVote[],
  refused: ReportedGate['refused'],
): Block[] {
  const rows = [
    ...votes.map((vote) => ({ at: vote.at, cells: voteCells(vote) })),
    ...refused.map(({ at, by, reason, via }) => ({
      at,
      cells: [by, badge('refused', 'Careful'), '–', via ?? '–', reason] as Rich[],
    })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (rows.length === 0) return [{ kind: 'Text', text: 'Nobody has voted.' }];
  return [
    {
      kind: 'Table',
      caption: `Votes at ${id}`,
      columns: ['Who', 'Vote', 'Identity', 'Via', 'Said', 'When'].map((title) => ({ title })),
      rows: rows.map(({ at, cells }) => [...cells, time(at)]),
    },
  ];
}

function voteCells(vote: RecordedVote): Rich[] {
  const { by, decision, identity, signedBy, via, reason } = vote;
  const verb = decision === 'Approve' ? 'approved' : 'rejected';
  const known =
    identity === 'Attested'
      ? `attested, signed by ${signedBy ?? by}`
      : 'asserted: the name is believed';
  return [
    by,
    vote.void === undefined
      ? badge(verb, decision === 'Approve' ? 'Good' : 'Careful')
      : badge(`${verb}, void`, 'Careful'),
    known,
    via ?? '–',
    [reason, vote.void && `Void: ${vote.void}`].filter(Boolean).join('. ') || '–',
  ];
}

/** Returns every plan that was made, with what it warned of. */
export function plan({ plans, validations }: Report): Section[] {
  const blocks = plans.flatMap((known, index) => planBlocks(known, plans.length > 1 ? index : -1));
  const checks: Block[] =
    validations.length > 0
      ? [
          {
            kind: 'Table',
            caption: 'Validations of the same bundle under load',
            columns: ['Validation', 'On', 'Verdict', 'Found', 'Ended'].map((title) => ({ title })),
            rows: validations.map(({ name, cluster, node, verdict, findings, finishedAt }) => [
              name,
              `${cluster}/${node}`,
              badge(verdict, verdict === 'Pass' ? 'Good' : verdict === 'Fail' ? 'Bad' : 'Careful'),
              findings.join('; ') || '–',
              time(finishedAt),
            ]),
          },
        ]
      : [];
  return [{ id: 'plan', title: 'Plan', blocks: [...blocks, ...checks] }];
}

function planBlocks(known: ReportedPlan, index: number): Block[] {
  const { digest, approve, at, waves, warnings, alreadyDone, excluded, wayBack } = known;
  const named = wayBack ? 'Plan of the way back' : index >= 0 ? `Plan ${index + 1}` : '';
  const left = [
    ...alreadyDone.map((entry) => [`${entry.cluster}/${entry.node}`, 'done already', entry.reason]),
    ...excluded.map((entry) => [`${entry.cluster}/${entry.node}`, 'left out', entry.reason]),
  ];
  return [
    ...(named ? [{ kind: 'Heading', text: named } as const] : []),
    {
      kind: 'Facts',
      items: [
        ['Made', time(at)],
        ['Digest', code(digest)],
        ...(approve && approve !== digest
          ? [['With its evidence', code(approve)] as [string, Rich]]
          : []),
      ],
    },
    {
      kind: 'Table',
      caption: `Waves${named ? ` of the ${named.toLowerCase()}` : ' of the plan'}`,
      columns: [
        ...['Wave', 'Cluster'].map((title) => ({ title })),
        { title: 'Soak, s', numeric: true },
        { title: 'Nodes' },
      ],
      rows: waves.map(({ name, canary, cluster, soakSeconds, nodes }) => [
        canary && name !== 'canary' ? `${name} (canary)` : name,
        cluster,
        String(soakSeconds),
        nodes.map((node) => node.replace(`${cluster}/`, '')).join(', '),
      ]),
    },
    ...(left.length > 0
      ? [
          {
            kind: 'Table',
            caption: `Nodes in no wave${index >= 0 ? ` of plan ${index + 1}` : ''}`,
            columns: ['Node', 'Why not', 'Details'].map((title) => ({ title })),
            rows: left,
          } as const,
        ]
      : []),
    ...(warnings.length > 0
      ? [
          { kind: 'Text', text: strong('Warnings') } as const,
          { kind: 'List', items: warnings } as const,
        ]
      : []),
  ];
}
