/** Alertmanager's API, version 2: the silences, and nothing else. */
import { readFile } from 'node:fs/promises';
import type { Alerts } from '../../workflows/domain/analysis-spec.ts';

export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

/** A silence as it is asked for. Times are RFC 3339. */
export interface WantedSilence {
  readonly matchers: readonly Matcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
}

export interface Silence extends WantedSilence {
  readonly id: string;
  readonly status: { readonly state: string };
}

export interface Alertmanager {
  /** Returns the silences that have a matcher of this label and value; those that ended as well. */
  silencesOf(label: string, value: string): Promise<readonly Silence[]>;
  /** Makes a silence, or changes that of the id; one that only ends at another time keeps its id. */
  putSilence(silence: WantedSilence & { readonly id?: string }): Promise<void>;
  /** Ends a silence now. */
  endSilence(id: string): Promise<void>;
}

/** For one request: nothing waits for alerts. */
const DEADLINE_MS = 4000;
const LONGEST_ANSWER = 200;

/** Returns the Alertmanager of a policy. Each call is bounded, and throws what to read in one line. */
export function alertmanagerAt(alerts: Alerts, signal: AbortSignal): Alertmanager {
  const base = `${alerts.alertmanager.replace(/\/+$/, '')}/api/v2`;
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { 'Content-Type': 'application/json', ...(await authorisation(alerts)) };
    const limits = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const answer = await fetch(`${base}${path}`, { ...init, headers, signal: limits });
    if (answer.ok) return answer;
    const said = (await answer.text()).trim().slice(0, LONGEST_ANSWER);
    throw new Error(`${base}${path.split('?')[0]} answered ${answer.status}: ${said || 'nothing'}`);
  };
  return {
    silencesOf: async (label, value) => {
      const filter = encodeURIComponent(`${label}=${JSON.stringify(value)}`);
      return (await (await ask(`/silences?filter=${filter}`)).json()) as readonly Silence[];
    },
    putSilence: async (silence) => {
      await ask('/silences', { method: 'POST', body: JSON.stringify(silence) });
    },
    endSilence: async (id) => {
      await ask(`/silence/${encodeURIComponent(id)}`, { method: 'DELETE' });
    },
  };
}

async function authorisation({ tokenFile }: Alerts): Promise<Record<string, string>> {
  if (tokenFile === undefined) return {};
  return { Authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}` };
}
