/** Scales and drawings: round ticks, places within the picture, and gaps that are not drawn through. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chartSvg } from '../../client/report/chart.ts';
import { timeScale, timeTick, valueScale, valueTick } from '../../client/report/chart-scale.ts';
import { number, share, signed } from '../../client/report/numbers.ts';
import type { ChartPoint } from '../../workflows/domain/report-types.ts';

const PLACE = { from: 200, to: 20 };

describe('a scale of values', () => {
  const cases: [string, { low: number; high: number; span: number }, string[]][] = [
    ['milliseconds', { low: 410, high: 870, span: 0 }, ['400', '600', '800', '1\u202f000']],
    ['what hardly moves', { low: 438, high: 441, span: 225 }, ['300', '400', '500', '600']],
    ['nothing but zero', { low: 0, high: 0, span: 0 }, ['0.0', '0.5', '1.0']],
    [
      'small parts',
      { low: 0.011, high: 0.019, span: 0 },
      ['0.010', '0.012', '0.014', '0.016', '0.018', '0.020'],
    ],
    ['below zero', { low: -3, high: 3, span: 0 }, ['-4', '-2', '0', '2', '4']],
  ];
  for (const [name, values, ticks] of cases) {
    it(`has round ticks for ${name}`, () => {
      const scale = valueScale({ ...values, ticks: 4, ...PLACE });
      assert.deepEqual(
        scale.ticks.map((tick) => valueTick(tick, scale)),
        ticks,
      );
    });
  }

  it('holds every value, and never goes below zero where values do not', () => {
    const value = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(value, value, value, (a, b, span) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const scale = valueScale({ low, high, span, ticks: 4, ...PLACE });
        assert.ok(scale.low <= low && scale.low >= 0 && scale.high >= high * (1 - 1e-9));
        assert.ok(scale.at(low) <= 200 && scale.at(high) >= 20 - 0.1);
        assert.ok(scale.ticks.length >= 2 && scale.ticks.length <= 12);
      }),
    );
  });
});

describe('a scale of times', () => {
  const at = (text: string) => Date.parse(text);
  const ticksOf = (from: string, to: string) => {
    const scale = timeScale({ fromMs: at(from), toMs: at(to), ticks: 6, from: 0, to: 600 });
    return scale.ticks.map((tick) => timeTick(tick, scale));
  };
  it('has ticks at full minutes, hours and days of UTC', () => {
    assert.deepEqual(ticksOf('2026-11-24T22:04:36Z', '2026-11-24T22:14:00Z'), [
      ...['22:06', '22:08', '22:10', '22:12', '22:14'],
    ]);
    assert.deepEqual(ticksOf('2026-11-24T20:30:00Z', '2026-11-25T08:00:00Z'), [
      ...['22:00', '11-25', '02:00', '04:00', '06:00', '08:00'].map((tick) => tick),
    ]);
    assert.equal(ticksOf('2026-11-24T00:00:00Z', '2026-11-30T00:00:00Z')[1], '11-25');
    assert.equal(ticksOf('2026-11-24T22:00:00Z', '2026-11-24T22:00:30Z')[1], '22:00:05');
  });

  it('has a width even where nothing lasts', () => {
    const scale = timeScale({ fromMs: 5, toMs: 5, ticks: 6, from: 0, to: 600 });
    assert.equal(scale.at(5), 0);
  });
});

describe('a chart', () => {
  const point = (minute: number, patched?: number): ChartPoint => ({
    at: new Date(Date.UTC(2026, 10, 24, 22, minute)).toISOString(),
    control: { low: 400, median: 420, high: 440, count: 3 },
    ...(patched === undefined
      ? {}
      : { patched: { low: patched, median: patched, high: patched, count: 1 } }),
    ...{ noData: 0, errors: 0 },
  });
  const drawn = (points: readonly ChartPoint[]) =>
    chartSvg(
      {
        kind: 'Chart',
        chart: {
          cluster: 'east',
          indicator: 'x',
          unit: 'ms',
          values: 'AsMeasured',
          fleet: false,
          points,
        },
        ...{ moments: [], soaks: [] },
      },
      'wide',
      'c',
    );

  it('has a line for each side, and a band where there are several nodes', () => {
    const svg = drawn([point(0), point(1), point(2, 430), point(3, 431)]);
    assert.equal(svg.match(/<polyline class="line control"/g)?.length, 1);
    assert.equal(svg.match(/<polygon class="band control"/g)?.length, 1);
    assert.equal(svg.match(/<polyline class="line patched"/g)?.length, 1);
    assert.equal(svg.match(/<polygon class="band patched"/g), null);
    assert.equal(svg.match(/<circle class="mark patched"/g)?.length, 2);
  });

  it('is not drawn through where a side was silent for long', () => {
    const minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const svg = drawn(
      minutes.map((minute) => point(minute, minute < 2 || minute > 8 ? 430 : undefined)),
    );
    assert.equal(svg.match(/<polyline class="line patched"/g)?.length, 2);
    assert.equal(svg.match(/<polyline class="line control"/g)?.length, 1);
  });
});

describe('numbers', () => {
  const cases: [number | undefined, string][] = [
    [undefined, '–'],
    [Number.NaN, '–'],
    [0, '0'],
    [441.27, '441'],
    [44.127, '44.1'],
    [4.4127, '4.41'],
    [0.0004, '0.0004'],
    [12_345.6, '12\u202f346'],
  ];
  for (const [value, text] of cases)
    it(`show ${value} as ${text}`, () => assert.equal(number(value), text));

  it('say their direction, and what they are a part of', () => {
    assert.deepEqual([signed(3), signed(-3), signed(0)], ['+3', '-3', '0']);
    assert.equal(share({ count: 0, of: 0 }), '– (of 0)');
    assert.equal(share({ count: 999, of: 1000 }), '999 of 1000 (>99 %)');
    assert.equal(share({ count: 1, of: 1000 }), '1 of 1000 (<1 %)');
    assert.equal(share({ count: 5, of: 7 }), '5 of 7 (71 %)');
  });
});
