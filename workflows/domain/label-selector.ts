/** Kubernetes label selectors: structured as in objects, or text as in documents. */

/** A label selector in its structured form. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Requirement[];
}
/** A condition on one label or field. */
export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/** Returns whether a selector selects labels; an empty one selects all, an unknown operator too, to be safe. */
export function selects(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const equal = Object.entries(selector.matchLabels ?? {});
  if (!equal.every(([key, value]) => labels[key] === value)) return false;
  return (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels));
}

/** Returns whether labels meet one condition; an operator that is not known is met. */
export function holds(
  { key, operator, values = [] }: Requirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return true;
  }
}

const NAME = '[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?';
const KEY = `(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?${NAME}`;
const VALUE = `(?:${NAME})?`;
const TERMS = {
  exists: new RegExp(`^(!?)\\s*(${KEY})$`),
  equals: new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`),
  among: new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(\\s*(${VALUE}(?:\\s*,\\s*${VALUE})*)\\s*\\)$`),
};

/** Returns the selector of a text such as "app in (db, queue), tier!=web, !legacy"; undefined if it is none. */
export function parseSelector(text: string): LabelSelector | undefined {
  const terms = text.split(/,(?![^(]*\))/).map((term) => requirementOf(term.trim()));
  const known = terms.filter((term) => term !== undefined);
  return known.length === terms.length ? { matchExpressions: known } : undefined;
}

function requirementOf(term: string): Requirement | undefined {
  const among = TERMS.among.exec(term);
  if (among) {
    const [, key = '', word, list = ''] = among;
    const values = list.split(',').map((value) => value.trim());
    return { key, operator: word === 'in' ? 'In' : 'NotIn', values };
  }
  const equals = TERMS.equals.exec(term);
  if (equals) {
    const [, key = '', sign, value = ''] = equals;
    return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] };
  }
  const exists = TERMS.exists.exec(term);
  if (!exists) return undefined;
  const [, not, key = ''] = exists;
  return { key, operator: not ? 'DoesNotExist' : 'Exists' };
}
