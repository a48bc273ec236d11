/** What was measured, and what it was judged to mean. */
import type {
  IndicatorVerdict,
  RecordedJudgement,
  Verdict,
} from '../../workflows/domain/analysis-types.ts';
import type { Report, ReportTone } from '../../workflows/domain/report-types.ts';
import { counted } from '../../workflows/domain/report-words.ts';
import { type Block, badge, type Rich, type Section, strong, time } from './document.ts';
import { number, signed } from './numbers.ts';

export const VERDICT_TONES: Readonly<Record<Verdict, ReportTone>> = {
  Pass: 'Good',
  Fail: 'Bad',
  Inconclusive: 'Careful',
  Error: 'Careful',
};

/** Returns verdicts with their numbers, and charts of every indicator. */
export function evidence(report: Report): Section[] {
  const { verdicts, charts, moments, soaks } = report;
  const judged: Section = {
    id: 'verdicts',
    title: 'Verdicts',
    blocks:
      verdicts.length > 0
        ? verdicts.flatMap(judgementBlocks)
        : [{ kind: 'Text', text: 'Nothing was judged by measurements.' }],
  };
  const several = new Set(charts.map(({ cluster }) => cluster)).size > 1;
  const drawn: Section = {
    id: 'measurements',
    title: 'Measurements',
    blocks: [
      {
        kind: 'Text',
        text: 'Each chart shows nodes that run the update beside nodes that do not, over the same minutes: the line is the median, the band goes from the lowest to the highest node. A node changes sides when its update ends. Numbers above a chart are the moments of this list; shaded times are soaks. Times are in UTC.',
      },
      { kind: 'Moments', moments },
      ...charts.flatMap((chart): Block[] => [
        {
          kind: 'Heading',
          text: several ? `${chart.indicator} in ${chart.cluster}` : chart.indicator,
        },
        { kind: 'Chart', chart, moments, soaks },
      ]),
    ],
  };
  return charts.length > 0 ? [judged, drawn] : [judged];
}

function judgementBlocks(judgement: RecordedJudgement): Block[] {
  const { wave, verdict, reason, method, comparison, indicators, at, extensions } = judgement;
  const extended = extensions > 0 ? `, after ${counted(extensions, 'extension')} of its soak` : '';
  const title = `After ${wave}${extended}`;
  const facts: [string, Rich][] = [
    ['Verdict', [badge(verdict, VERDICT_TONES[verdict]), ` ${reason}`]],
    ['When', time(at)],
    ['Compared', sides(comparison)],
    ['Method', method],
  ];
  return [
    { kind: 'Heading', text: title },
    { kind: 'Facts', items: facts },
    ...(indicators.length > 0 ? [numbers(title, indicators)] : []),
    {
      kind: 'List',
      items: indicators.map(({ indicator, sentence }) => [
        ...(sentence.includes(indicator) ? [] : [strong(`${indicator}:`), ' ']),
        sentence,
      ]),
    },
  ];
}

function sides({ patched, control }: RecordedJudgement['comparison']): string {
  const against =
    control.length > 0
      ? `${control.join(', ')} over the same minutes`
      : 'their own past, since no node was left without the update';
  return `${patched.join(', ') || 'no node'} against ${against}`;
}

function numbers(title: string, indicators: readonly IndicatorVerdict[]): Block {
  const columns = ['Before', 'After', 'Control', 'Worse by', 'Allowed', 'p', 'Effect', 'Samples'];
  return {
    kind: 'Table',
    caption: `Indicators ${title[0]?.toLowerCase()}${title.slice(1)} (medians; sums for counters)`,
    columns: [
      ...['Indicator', 'Verdict'].map((name) => ({ title: name })),
      ...columns.map((name) => ({ title: name, numeric: true }) as const),
    ],
    rows: indicators.map((known) => [
      known.unit ? `${known.indicator}, ${known.unit}` : known.indicator,
      badge(known.verdict, VERDICT_TONES[known.verdict]),
      number(known.baseline),
      number(known.patched),
      number(known.control),
      signed(known.shift),
      number(known.tolerance),
      number(known.pValue),
      number(known.effect),
      String(known.samples),
    ]),
  };
}
