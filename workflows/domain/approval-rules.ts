/** What a policy says of people and approvals must be possible; each problem names the field and what to say. */
import { samePerson } from './approval.ts';
import type { RuleProblem } from './document-rules.ts';

interface Person {
  readonly name: string;
  readonly roles: readonly string[];
  readonly chat: readonly string[];
}

interface Rules {
  readonly quorum?: number | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly identity?: string | undefined;
}

interface Gate extends Rules {
  readonly at: string;
  readonly waves?: readonly string[] | undefined;
}

export interface ApprovalFields {
  readonly people: readonly Person[];
  readonly approval: Rules & {
    readonly quorum: number;
    readonly roles: readonly string[];
    readonly signersFile?: string | undefined;
    readonly bridges: readonly string[];
    readonly gates: readonly Gate[];
    readonly urgent?: (Rules & { readonly quorum: number }) | undefined;
  };
}

type Path = RuleProblem['path'];
const APPROVAL = ['approval'];

/** Returns what in a policy's people, approvals and gates contradicts itself, or can never be. */
export function approvalProblems(spec: ApprovalFields): RuleProblem[] {
  const { approval, people } = spec;
  return [
    ...peopleProblems(people),
    ...identityProblems(approval),
    ...bridgeProblems(approval, people),
    ...approval.gates.flatMap((gate, index) => gateProblems(gate, index, approval.gates)),
    ...roleProblems(spec),
    ...quorumProblems(spec),
  ];
}

function peopleProblems(people: readonly Person[]): RuleProblem[] {
  return people.flatMap((person, index) => {
    const before = people.slice(0, index);
    const same = before.find(({ name }) => samePerson(name, person.name));
    const accounts = person.chat.flatMap((account, number): RuleProblem[] => {
      const other = before.find(({ chat }) => chat.includes(account));
      if (!other) return [];
      const message = `"${account}" is ${other.name}'s as well, and whoever uses it would be two people: leave it to one of them`;
      return [{ path: ['people', index, 'chat', number], message }];
    });
    // The schema has told of the very same name.
    if (!same || same.name === person.name) return accounts;
    const message = `"${person.name}" is "${same.name}": neither a space nor a capital makes another person; take one away`;
    return [{ path: ['people', index, 'name'], message }, ...accounts];
  });
}

function identityProblems(approval: ApprovalFields['approval']): RuleProblem[] {
  if (approval.signersFile !== undefined) return [];
  const places: [Path, Rules][] = [
    [APPROVAL, approval],
    ...approval.gates.map((gate, index): [Path, Rules] => [[...APPROVAL, 'gates', index], gate]),
  ];
  return places
    .filter(([, { identity }]) => identity === 'Attested')
    .map(([path]) => ({
      path: [...path, 'identity'],
      message:
        'Attested needs spec.approval.signersFile, which lists whose signatures count; name the file there, or say Asserted',
    }));
}

function bridgeProblems(
  { bridges, signersFile }: ApprovalFields['approval'],
  people: readonly Person[],
): RuleProblem[] {
  if (bridges.length > 0 && signersFile === undefined) {
    const message =
      'no bridge can vouch for anybody without spec.approval.signersFile, which lists its key; name the file there, or no bridges';
    return [{ path: ['approval', 'bridges'], message }];
  }
  return bridges.flatMap((bridge, index) => {
    const person = people.find(({ name }) => samePerson(name, bridge));
    if (!person) return [];
    const message = `"${bridge}" is one of spec.people, and a bridge does not vote itself; give the bridge a name of its own`;
    return [{ path: ['approval', 'bridges', index], message }];
  });
}

/** The first gate that fits decides, so a gate after one that fits always is never asked. */
function gateProblems(gate: Gate, index: number, gates: readonly Gate[]): RuleProblem[] {
  const path = ['approval', 'gates', index];
  if (gate.waves && gate.at !== 'BeforeWave') {
    const message = `only BeforeWave is about certain waves; leave them out for ${gate.at}`;
    return [{ path: [...path, 'waves'], message }];
  }
  const before = gates.slice(0, index).filter(({ at }) => at === gate.at);
  const always = before.find(({ waves }) => !waves);
  if (always) {
    const message = `spec.approval.gates[${gates.indexOf(always)}] is for ${gate.at} already, and the first one that fits decides; make one of them, or put the one with waves first`;
    return [{ path, message }];
  }
  return (gate.waves ?? []).flatMap((wave, number) => {
    const other = before.find(({ waves }) => waves?.includes(wave));
    if (!other) return [];
    const message = `spec.approval.gates[${gates.indexOf(other)}] is for "${wave}" already, and the first one that fits decides; take it out of one of them`;
    return [{ path: [...path, 'waves', number], message }];
  });
}

function roleProblems({ approval, people }: ApprovalFields): RuleProblem[] {
  const held = new Set(people.flatMap(({ roles }) => roles));
  const places: [Path, readonly string[] | undefined][] = [
    [[...APPROVAL, 'roles'], approval.roles],
    ...approval.gates.map(({ roles }, index): [Path, typeof roles] => [
      [...APPROVAL, 'gates', index, 'roles'],
      roles,
    ]),
    [[...APPROVAL, 'urgent', 'roles'], approval.urgent?.roles],
  ];
  return places.flatMap(([path, roles = []]) =>
    roles.flatMap((role, index) =>
      held.has(role)
        ? []
        : [
            {
              path: [...path, index],
              message: `nobody in spec.people has the role "${role}"; give it to somebody there, or ask for another one`,
            },
          ],
    ),
  );
}

function quorumProblems({ approval, people }: ApprovalFields): RuleProblem[] {
  const { quorum, roles, urgent } = approval;
  const places: [Path, Rules][] = [
    [APPROVAL, approval],
    ...approval.gates.map((gate, index): [Path, Rules] => [
      [...APPROVAL, 'gates', index],
      { quorum: gate.quorum ?? quorum, roles: gate.roles ?? roles },
    ]),
    ...(urgent ? [[[...APPROVAL, 'urgent'], urgent] satisfies [Path, Rules]] : []),
  ];
  return places.flatMap(([path, { quorum: asked = 1, roles: needed = [] }]) => {
    const able = people.filter((person) => person.roles.some((role) => needed.includes(role)));
    // Where nobody has a role at all, that is said of the role.
    if (needed.length === 0 || able.length === 0 || able.length >= asked) return [];
    const message = `${asked} are more than the ${able.length} of spec.people who have one of the roles ${needed.join(', ')} (${able.map(({ name }) => name).join(', ')}); ask for fewer, or give a role to more`;
    return [{ path: [...path, 'quorum'], message }];
  });
}
