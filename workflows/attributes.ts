/** Search attributes that more than one workflow writes. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from './contract.ts';

/** Longest value that is written; the whole text stands in the details. */
const MAX_LENGTH = 200;

export const keyword = (name: string) =>
  defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

const ROLLOUT = keyword(SEARCH_ATTRIBUTES.rollout);
const WAITING_FOR = keyword(SEARCH_ATTRIBUTES.waitingFor);
const ACTOR = defineSearchAttributeKey(SEARCH_ATTRIBUTES.actor, SearchAttributeType.KEYWORD_LIST);
/** Where the policy names no role, or asks for none. */
const ANYBODY = 'anybody';

/** Returns the attribute that names the rollout. */
export const ofRollout = (name: string) => ({ key: ROLLOUT, value: name.slice(0, MAX_LENGTH) });

/** Returns the attribute that says what is waited for; nothing where the text is empty. */
export const waitsFor = (text: string) => ({
  key: WAITING_FOR,
  value: text.slice(0, MAX_LENGTH) || 'nothing',
});

/** Returns the attribute that names the roles of those who have to act; it is absent while nobody has to. */
export const actedOnBy = (people: readonly string[] | undefined) => ({
  key: ACTOR,
  value: people ? (people.length > 0 ? [...people] : [ANYBODY]) : null,
});
