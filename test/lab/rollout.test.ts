/** Rollouts that need a restart and no drain: started by Temporal's own tools, and gone wrong. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { planDigest } from '../../lab/demo-rollout.ts';
import { fleetFacts } from '../../lab/fleet-facts.ts';
import { Observation } from '../../lab/observation.ts';
import { stateDir, tool } from '../../lab/paths.ts';
import { attempt, run } from '../../lab/run.ts';
import { rolloutWorkflowId } from '../../workflows/contract.ts';
import { BAD, NEW, OLD } from './activity-kit.ts';
import {
  ALL_NODES,
  aroundFleet,
  assertNodes,
  bundleTo,
  CordonWatch,
  installations,
  kubectl,
  rolloutTo,
  startApproved,
} from './rollout-kit.ts';

const fleet = aroundFleet({ batch: true });

const temporal = (...words: string[]) => [tool('temporal'), ...words];

describe('a rollout by Temporal’s own command line', () => {
  const input = 'examples/rollouts/containerd-deb12u3.json';
  const name = 'containerd-deb12u3';
  const id = rolloutWorkflowId(name);
  const target = ['--type', 'rolloutWorkflow', '--task-queue', 'tidegate', '--workflow-id', id];

  it('is started with a file, approved by a signal, and disturbs nothing', async () => {
    const containers = containersOf(await fleetFacts());
    const observation = await Observation.start();
    const cordons = new CordonWatch();
    await run(temporal('workflow', 'start', ...target, '--input-file', input));
    const digest = await planDigest(fleet.client, name);
    const described = await run(temporal('workflow', 'describe', '-w', id));
    assert.match(described, /AwaitingApproval/);
    const listed = await run(
      temporal('workflow', 'list', '--query', 'TidegatePhase="AwaitingApproval"'),
    );
    assert.match(listed, /rollout\/containerd-deb12u3/);
    const shown = await run(temporal('workflow', 'metadata', '-w', id));
    assert.match(shown, /waiting for approval of sha256:/);
    assert.match(shown, /tidegate approve containerd-deb12u3 --digest sha256:/);
    const vote = JSON.stringify({ by: 'sre-lead', digest });
    await run(temporal('workflow', 'signal', '-w', id, '--name', 'approve', '--input', vote));
    const outcome = await fleet.client.waitFor(name);
    await cordons.stop();
    const disturbance = await observation.stop();

    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    await assertNodes(ALL_NODES, NEW);
    for (const entry of outcome.nodes) {
      assert.deepEqual(entry.packages, [
        { name: 'containerd', before: OLD, after: NEW, daemon: NEW },
      ]);
      assert.equal(entry.containersSurvived, entry.containersBefore);
      assert.equal(cordons.timesCordoned(entry.node), 1, `${entry.node} cordoned once`);
    }
    for (const { cordoned } of cordons.samples) {
      assert.ok(cordoned.length <= 2, `never more than two: ${cordoned}`);
    }
    const left = new Set(containersOf(await fleetFacts()).map(({ id }) => id));
    const lost = containers.filter(
      ({ id, namespace, pod }) => !left.has(id) && !observation.jobPodSucceeded(namespace, pod),
    );
    assert.deepEqual(lost, [], 'every container is still there, or came to its own good end');
    assert.deepEqual(disturbance.evicted, []);
    assert.deepEqual(disturbance.jobPodsLost, []);
    assert.deepEqual(disturbance.cron.missed, []);
    assert.equal(disturbance.http.failed, 0, disturbance.http.examples.join('; '));
    assert.ok(disturbance.http.sent > 50);
  });

  it('is refused in the same words as by the command line, with a type of the closed list', async () => {
    const document = JSON.parse(await readFile(input, 'utf8'));
    document.spec.strategy.maxUnavailble = 2;
    const file = join(stateDir, 'bad-rollout.json');
    await writeFile(file, JSON.stringify(document));
    const other = ['--type', 'rolloutWorkflow', '--task-queue', 'tidegate', '-w', 'rollout/bad'];
    const words = temporal('workflow', 'execute', ...other, '--input-file', file);
    const answer = await attempt(words);
    const plan = await attempt(['bin/tidegate', 'plan', file]);
    await rm(file);
    assert.notEqual(answer.code, 0);
    const history = await run(
      temporal('workflow', 'show', '-w', 'rollout/bad', '--output', 'json'),
    );
    assert.match(history, /"type": ?"InvalidDocument"/);
    const sentence = /spec\.strategy\.maxUnavailble: [^\n]*maxUnavailable/;
    assert.match(answer.stdout + answer.stderr, sentence);
    assert.equal(plan.code, 3);
    assert.match(plan.stderr, sentence);
  });

  it('goes back by a new rollout, approved anew', async () => {
    const { started } = await fleet.client.rollback(name, { by: 'platform-oncall' });
    assert.ok(started);
    const digest = await planDigest(fleet.client, started.rollout);
    await fleet.client.approve(started.rollout, { by: 'sre-lead', digest });
    const outcome = await fleet.client.waitFor(started.rollout);
    assert.equal(outcome.outcome, 'Succeeded', outcome.reasons.join('; '));
    await assertNodes(ALL_NODES, OLD);
  });
});

describe('the bad package', () => {
  it('fails at the canary, which goes back by itself; no other node is touched', async () => {
    const before = await Promise.all(ALL_NODES.map((node) => installations(node, BAD)));
    const cordons = new CordonWatch();
    const document = rolloutTo({ name: 'bad-package', bundle: bundleTo(BAD, 'Restart') });
    const outcome = await (await startApproved(fleet.client, document)).outcome;
    await cordons.stop();
    assert.equal(outcome.outcome, 'RolledBack', outcome.reasons.join('; '));
    assert.match(outcome.reasons.join(' '), /VerificationFailed/);
    const canary = outcome.nodes[0]?.node ?? '';
    assert.deepEqual(
      outcome.nodes.map((entry) => entry.outcome),
      ['RolledBack'],
    );
    assert.equal(outcome.untouched.length, 4);
    await assertNodes(ALL_NODES, OLD);
    for (const [index, node] of ALL_NODES.entries()) {
      const times = (await installations(node, BAD)) - (before[index] ?? 0);
      assert.equal(times, node === canary ? 1 : 0, `${node} had it installed ${times} times`);
      assert.equal(cordons.timesCordoned(node), node === canary ? 1 : 0);
    }
    const watch = await attempt(['bin/tidegate', 'watch', 'bad-package']);
    assert.equal(watch.code, 2);
    assert.match(watch.stdout, /RolledBack/);
    assert.match(watch.stdout, /VerificationFailed/);
  });
});

describe('a node that was cordoned by hand', () => {
  it('is still cordoned after success and after failure', async () => {
    await kubectl('cordon', 'east-3');
    const spec = { targets: { nodes: ['east-3'] } };
    for (const [version, kind] of [
      [BAD, 'RolledBack'],
      [NEW, 'Succeeded'],
    ] as const) {
      const bundle = bundleTo(version, 'Restart');
      const document = rolloutTo({ name: 'by-hand', bundle, spec });
      const outcome = await (await startApproved(fleet.client, document)).outcome;
      assert.equal(outcome.outcome, kind, outcome.reasons.join('; '));
      const facts = (await fleetFacts()).find((entry) => entry.node === 'east-3');
      assert.equal(facts?.schedulable, false);
      assert.deepEqual(facts?.annotations, []);
    }
    await kubectl('uncordon', 'east-3');
  });
});

function containersOf(facts: Awaited<ReturnType<typeof fleetFacts>>) {
  return facts.flatMap(({ containers }) => containers);
}
