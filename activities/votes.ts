/** Checks the signatures of votes. A bad one is an answer, never a failure: the vote is refused. */
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PeopleActivities, VoteCheck } from '../workflows/contract.ts';
import { samePerson } from '../workflows/domain/approval.ts';
import { VOTE_NAMESPACE } from '../workflows/domain/vote-statement.ts';
import { checkSignature, type SignatureAnswer } from './adapters/ssh-signature.ts';
import type { ActivityDeps } from './deps.ts';
import { messageOf } from './failure.ts';

type VoteQuestion = Parameters<PeopleActivities['verifyVote']>[0];

/** The largest keys and certificates make a few kilobytes. */
const MAX_SIGNATURE_LENGTH = 16 * 1024;
const ARMOR = '-----BEGIN SSH SIGNATURE-----';

/** Returns whose key has signed a vote, or why the vote is refused. */
export async function verifyVote(deps: ActivityDeps, input: VoteQuestion): Promise<VoteCheck> {
  const { statement, by, proof, approval } = input;
  const signer = signerOf(by, proof, approval.bridges ?? []);
  if (signer.kind === 'Refused') return signer;
  const signature = signatureIn(proof);
  if (signature === undefined) {
    return refusal(
      `"proof.signature" is not what "ssh-keygen -Y sign" prints, which begins with "${ARMOR}": sign the vote again`,
    );
  }
  if (approval.signersFile === undefined) {
    return refusal(
      "the policy's approval.signersFile is not set, so no signature can be checked: name an allowed_signers file there",
    );
  }
  const signersFile = resolve(deps.configFolder, approval.signersFile);
  const { principal } = signer;
  const { signal } = deps.context();
  try {
    await access(signersFile, constants.R_OK);
    const answer = await checkSignature({
      ...{ text: statement, signature, namespace: VOTE_NAMESPACE },
      ...{ principal, signersFile, signal },
    });
    return judge(answer, principal, signersFile);
  } catch (error) {
    signal.throwIfAborted();
    return refusal(
      `the worker could not check the signature with ${signersFile} (approval.signersFile): ${messageOf(error)}. See to it there, and vote again`,
    );
  }
}

type Signer = { readonly kind: 'Signer'; readonly principal: string };

/** The voter's own name, or a bridge that vouches for the voter. */
function signerOf(
  by: string,
  proof: VoteQuestion['proof'] | null,
  bridges: readonly string[],
): Signer | Extract<VoteCheck, { kind: 'Refused' }> {
  const bridge = bridges.find((known) => samePerson(known, by));
  if (bridge !== undefined) {
    return refusal(
      `"${by}" is one of the policy's approval.bridges: it vouches for people, and does not vote itself`,
    );
  }
  const given: unknown = proof?.signer;
  const principal = given === undefined ? by : given;
  if (typeof principal !== 'string' || principal === '' || /\p{Cc}/u.test(principal)) {
    return refusal('who has signed must be a name without control characters');
  }
  if (/[*?]/.test(principal)) {
    return refusal(`"${principal}" is a pattern, as allowed_signers has them, and nobody's name`);
  }
  if (principal === by || bridges.includes(principal)) return { kind: 'Signer', principal };
  const known = bridges.length > 0 ? bridges.join(', ') : 'none';
  return refusal(
    `"${principal}" may not vouch for ${by}: the policy's approval.bridges are ${known}. Sign with your own key, or have the bridge listed there`,
  );
}

/** What people paste has spaces around it and, from some systems, other ends of lines. */
function signatureIn(proof: VoteQuestion['proof'] | null): string | undefined {
  const given: unknown = proof?.signature;
  if (typeof given !== 'string' || given.length > MAX_SIGNATURE_LENGTH) return undefined;
  const text = given.replaceAll('\r\n', '\n').trim();
  return text.startsWith(ARMOR) ? `${text}\n` : undefined;
}

function judge(answer: SignatureAnswer, principal: string, signersFile: string): VoteCheck {
  switch (answer.kind) {
    case 'Good':
      return good(answer, principal, signersFile);
    case 'OtherSigner':
      return refusal(otherSigner(answer, principal, signersFile));
    case 'Bad':
      return refusal(
        `the signature is not over this vote (${answer.said}): name, decision, gate, digest, run and reason must be what was signed. Sign what "tidegate vote-statement" prints, with -n ${VOTE_NAMESPACE}`,
      );
    case 'NotChecked':
      return refusal(
        answer.why === 'NoTool'
          ? 'the worker has no ssh-keygen to check signatures with: install openssh-client there, and vote again'
          : 'the worker was too slow to check the signature: vote again',
      );
  }
}

/** A key with two names would be two people: it could make up a quorum, or approve what it requested. */
function good(
  { key, alsoFor }: Extract<SignatureAnswer, { kind: 'Good' }>,
  principal: string,
  signersFile: string,
): VoteCheck {
  const others = alsoFor.filter((name) => !samePerson(name, principal));
  if (others.length === 0) return { kind: 'Attested', signedBy: `${principal} (${key})` };
  return refusal(
    `the worker's ${signersFile} lets ${key} sign as ${others.join(', ')} as well as "${principal}", and one key is one person: have it listed for one name there, for the namespace ${VOTE_NAMESPACE}`,
  );
}

function otherSigner(
  answer: Extract<SignatureAnswer, { kind: 'OtherSigner' }>,
  principal: string,
  signersFile: string,
): string {
  const { key, listedFor, said } = answer;
  const signed = `the vote is signed with ${key}`;
  const reasons = said
    .split('; ')
    .filter((part) => part.startsWith(`${signersFile}:`))
    .join('; ');
  if (reasons !== '') {
    return `${signed}, which the worker's ${signersFile} does not let sign as "${principal}" now (${reasons}): use another key, or have its line changed there`;
  }
  if (listedFor.length === 0) {
    return `${signed}, which is not in the worker's ${signersFile}: have a line for "${principal}" with this key added there, or sign with the key that is there`;
  }
  return `${signed}, which is in the worker's ${signersFile} for ${listedFor.join(', ')}, not for "${principal}" (capitals count): vote under that name, or sign with the key of "${principal}"`;
}

function refusal(reason: string): Extract<VoteCheck, { kind: 'Refused' }> {
  return { kind: 'Refused', reason };
}
