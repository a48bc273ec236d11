/** Whether a policy's gates fit a plan. Called from activities only: may change any day. */
import type { Plan, PlannedWave } from './plan-types.ts';
import type { Policy, Rollout } from './spec.ts';

/** Returns why a rollout can't go through the gates of its policy. */
export function gateReasons(args: {
  readonly rollout: Rollout;
  readonly policy: Policy;
  readonly waves: readonly PlannedWave[];
}): string[] {
  const { rollout, policy, waves } = args;
  return [
    ...urgentReasons(rollout, policy),
    // What goes back is not held up by a policy that was written for the way forward.
    ...(rollout.spec.direction === 'Back' ? [] : waveReasons(policy, waves)),
  ];
}

function urgentReasons({ spec }: Rollout, policy: Policy): string[] {
  if (!spec.urgent || policy.spec.approval.urgent) return [];
  return [
    `spec.urgent: policy ${policy.metadata.name} has no approval.urgent, so nothing is urgent under it: leave spec.urgent out, or have the policy say how urgent rollouts are approved`,
  ];
}

function waveReasons(policy: Policy, waves: readonly PlannedWave[]): string[] {
  return unmet(policy, waves)
    .filter(({ whole, names }) => whole && names.some((name) => !isFurther(name, waves)))
    .map(
      ({ where, names }) =>
        `${where}: ${quoted(names)} would be no gate in this plan. ${gatedWaves(waves)}`,
    );
}

/** Returns what a person should know of gates that this plan does not come to. */
export function gateWarnings({ policy, waves }: Plan): string[] {
  return unmet({ metadata: { name: policy.name }, spec: policy.spec }, waves).map(
    ({ where, names }) => `${where}: nobody is asked before ${quoted(names)}. ${gatedWaves(waves)}`,
  );
}

interface Unmet {
  readonly where: string;
  /** Waves that it names and the plan does not come to by a gate. */
  readonly names: readonly string[];
  /** Whether it has no other waves, so that it is never asked. */
  readonly whole: boolean;
}

function unmet(
  { metadata, spec }: Pick<Policy, 'spec'> & { metadata: { name: string } },
  waves: readonly PlannedWave[],
): Unmet[] {
  // Where everything is done already, there is nothing to ask about.
  if (waves.length === 0) return [];
  const known = laterThanFirst(waves).map((wave) => wave.name);
  return (spec.approval.gates ?? []).flatMap(({ waves: named = [] }, index) => {
    const names = named.filter((name) => !known.includes(name));
    if (names.length === 0) return [];
    const where = `policy ${metadata.name}: spec.approval.gates[${index}].waves`;
    return [{ where, names, whole: names.length === named.length }];
  });
}

/** A rollout of fewer nodes has fewer waves: a name that counts on is no slip. */
function isFurther(name: string, waves: readonly PlannedWave[]): boolean {
  const [, prefix] = /^(.*)wave-[1-9][0-9]*$/.exec(name) ?? [];
  return prefix !== undefined && waves.some((wave) => wave.name === `${prefix}canary`);
}

function gatedWaves(waves: readonly PlannedWave[]): string {
  const later = laterThanFirst(waves).map((wave) => wave.name);
  const first = waves.filter((wave) => wave.canary).slice(0, 1);
  const canary = first.map((wave) => wave.name).join('');
  return `Waves that BeforeWave can be for: ${later.join(', ') || 'none'}; the canary (${canary}) has BeforeCanary and AfterCanary`;
}

/** Every wave but the very first canary, which has a gate of its own. */
function laterThanFirst(waves: readonly PlannedWave[]): readonly PlannedWave[] {
  return waves.filter((wave, index) => index > 0 || !wave.canary);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
