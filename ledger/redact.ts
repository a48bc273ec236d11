/** Takes secrets out of what is about to be kept for good. Twice is as good as once. */

const MARK = '[redacted]';
const MAX_PASSES = 5;
const NAMES =
  'pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|credentials?';
/** What is marked already comes first, so that what follows it is not taken for a part of it. */
const VALUE = String.raw`\[redacted\]|\\"(?:(?!\\").)*\\"|"[^"]*"|'[^']*'|[^\s,;&"'\\]+`;

/** What a secret looks like, and what stays of it. None of them looks back further than a few characters. */
const PATTERNS: readonly (readonly [pattern: RegExp, kept: string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, MARK],
  [
    /(\b(?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?)((?:bearer|basic|token|negotiate|digest)\s+)?[^\s"',\\]+/gi,
    `$1$2${MARK}`,
  ],
  [/(\b(?:set-)?cookie\s*:\s*)[^\r\n"']+/gi, `$1${MARK}`],
  [/(\bbearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}/gi, `$1${MARK}`],
  // Names and passwords in URLs; a user without a password only where it is as long as a token.
  [/(:\/\/[^\s/:@"']{0,100}:)[^\s/@"']+(?=@)/g, `$1${MARK}`],
  [/(:\/\/)[^\s/:@"'[\]]{20,}(?=@)/g, `$1${MARK}`],
  [/(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]+/g, `$1${MARK}`],
  [
    /([?&](?:x-amz-(?:signature|credential|security-token)|x-goog-signature|sig|signature|code|key)=)[^&\s"']+/gi,
    `$1${MARK}`,
  ],
  // name=value, name: value, "name": "value", --name value
  [new RegExp(`((?:${NAMES})\\\\?["']?\\s{0,4}[=:]\\s{0,4})(?:${VALUE})`, 'gi'), `$1${MARK}`],
  [new RegExp(`(--[\\w-]{0,30}(?:${NAMES})\\s+)(?!-)(?:${VALUE})`, 'gi'), `$1${MARK}`],
  [
    /(\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user|--proxy-user)[\s=]+["']?[^\s:"']{1,100}:)[^\s"']+/g,
    `$1${MARK}`,
  ],
  [/(\bsshpass\s+-p\s*)(?:"[^"]*"|'[^']*'|\S+)/g, `$1${MARK}`],
  // Tokens that are known by their form.
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g, MARK],
  [/\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g, MARK],
  [
    /\b(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{30,}|dckr_pat_[\w-]{20,})/g,
    MARK,
  ],
  [/\bx(?:ox[a-z]|app)(?:\.[a-z]+)?-[\w-]{10,}/g, MARK],
  [/\bAIza[\w-]{30,}/g, MARK],
  [/\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g, MARK],
  [/\bAGE-SECRET-KEY-1[A-Z0-9]{20,}/g, MARK],
  [/\bhv[sb]\.[\w-]{20,}/g, MARK],
];

/** Keys of objects whose text is a secret whatever it looks like; a file's name is none. */
const SECRET_KEY = new RegExp(`(?:^|[_-]|[a-z])(?:${NAMES}|authorization|cookie)$`, 'i');

/** Returns the text without the secrets that are in it. */
export function redactText(text: string): string {
  let left = text;
  // What one pattern takes out can lay bare what another one looks for.
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const before = left;
    left = PATTERNS.reduce((rest, [pattern, kept]) => rest.replace(pattern, kept), before);
    if (left === before) break;
  }
  return left;
}

/** Returns a copy of a JSON value in which no string, at whatever depth, holds a secret. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [redactText(key), redactMember(key, member)]),
  );
}

function redactMember(key: string, member: unknown): unknown {
  if (typeof member === 'string' && member !== '' && SECRET_KEY.test(key)) return MARK;
  return redact(member);
}
