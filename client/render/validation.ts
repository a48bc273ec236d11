/** Shows what a validation found: each indicator idle and at peak, before and after. */
import type { ValidationOutcome } from '../../workflows/contract.ts';
import type { IndicatorVerdict } from '../../workflows/domain/analysis-types.ts';
import { indent, type Look, paint, type Row, table, toneOf } from './look.ts';

const HEADER = ['LOAD', 'INDICATOR', 'BEFORE', 'AFTER', 'CONTROL', 'WORSE BY', 'VERDICT'];

/** Returns the verdict, a table of what was measured, and the findings. */
export function renderValidation(outcome: ValidationOutcome, look: Look): string {
  const { name, bundle, cluster, node, verdict, judgements, findings } = outcome;
  const word = paint(verdict, toneOf(verdict), look);
  const rows = judgements.flatMap(({ wave, indicators }) =>
    indicators.map((found) => indicatorRow(wave, found)),
  );
  const striking = judgements.flatMap(({ wave, indicators }) =>
    indicators
      .filter((found) => found.verdict !== 'Pass')
      .map(({ sentence }) => `${wave}: ${sentence}`),
  );
  return [
    `Validation ${name} of ${bundle} on ${cluster}/${node}: ${word}`,
    ...(rows.length > 0 ? [table(HEADER, rows, look)] : []),
    [...findings, ...striking].map((line) => indent(line)).join('\n'),
  ].join('\n\n');
}

function indicatorRow(load: string, found: IndicatorVerdict): Row {
  const { indicator, unit, baseline, patched, control, shift, verdict } = found;
  const told = (value: number | undefined) =>
    value === undefined ? '-' : `${Number(value.toPrecision(3))}${unit ? ` ${unit}` : ''}`;
  return [
    ...[load, indicator, told(baseline), told(patched), told(control), told(shift)],
    { text: verdict, tone: toneOf(verdict) },
  ];
}
