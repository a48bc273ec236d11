/** Where metrics are served, and what happens where somebody else listens there. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { createInstruments } from '../../worker/metrics.ts';
import { DEFAULT_METRICS, installRuntime, metricsAddress } from '../../worker/telemetry.ts';

const warnings: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
const squatter = createServer();
let bindAddress = '';
before(async () => {
  await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
  const address = squatter.address();
  bindAddress = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
after(async () => {
  squatter.close();
  await Runtime.instance().shutdown();
});

describe('TIDEGATE_METRICS', () => {
  it('is this machine alone by default, and can be turned off', () => {
    const standard = { bindAddress: DEFAULT_METRICS, asked: false };
    assert.deepEqual(metricsAddress(undefined), standard);
    assert.deepEqual(metricsAddress(''), standard);
    assert.equal(metricsAddress('off'), undefined);
  });

  it('is an address and a port', () => {
    const at = (text: string) => metricsAddress(text)?.bindAddress;
    assert.equal(at('10.0.0.7:9000'), '10.0.0.7:9000');
    assert.equal(at('localhost:9000'), '127.0.0.1:9000');
    assert.equal(at(':9000'), '0.0.0.0:9000');
    assert.equal(at('[::1]:9000'), '[::1]:9000');
  });

  for (const text of ['9464', 'metrics.example:9464', '127.0.0.1', '127.0.0.1:80808', 'on']) {
    it(`is refused where it is "${text}", with what to write`, () => {
      assert.throws(() => metricsAddress(text), /TIDEGATE_METRICS is ".*Write for example "127/);
    });
  }
});

describe('a port that is taken', () => {
  it('is an error where it was asked for, and a warning where it was not', () => {
    assert.throws(
      () => installRuntime(log, { bindAddress, asked: true }),
      /metrics can't be served at 127.0.0.1:\d+ \(.*in use.*\)\. Set TIDEGATE_METRICS to/,
    );
    assert.deepEqual(warnings, []);
    assert.equal(installRuntime(log, { bindAddress, asked: false }), undefined);
    assert.match(warnings.join(), /can't be served at .*this worker serves none/);
  });

  it('leaves instruments that do nothing', () => {
    const to = createInstruments(Runtime.instance().metricMeter);
    to.add('tidegate_ledger_entries_total', {});
    to.set('tidegate_ledger_pending', {}, 1);
    to.observe('tidegate_node_step_duration_seconds', { step: 'Applying' }, 1);
  });
});
