/** The dashboards as files, and their queries as Grafana would send them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '..', '..', 'deploy', 'monitoring', 'dashboards');

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
  readonly links: readonly { readonly url: string }[];
  readonly panels: readonly Panel[];
}

/** Returns the dashboards by their file's name. */
export async function readDashboards(): Promise<ReadonlyMap<string, Dashboard>> {
  const dashboards = new Map<string, Dashboard>();
  for (const name of (await readdir(FOLDER)).sort()) {
    dashboards.set(name, JSON.parse(await readFile(join(FOLDER, name), 'utf8')) as Dashboard);
  }
  return dashboards;
}

/** Returns a query with Grafana's variables filled in: all clusters, and the time that is shown. */
export function filledIn(expr: string, rangeSeconds: number): string {
  return expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', `${rangeSeconds}s`)
    .replaceAll('$cluster', '.*');
}

/** Returns the names of metrics in a PromQL expression. */
export function metricsIn(expr: string): readonly string[] {
  const bare = expr.replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, ' ');
  return [...new Set(bare.match(/\b(?:tidegate|temporal)_\w+|\bup\b/g) ?? [])];
}

/** Returns the family of a series' name: a histogram has three of them. */
export const familyOf = (name: string) => name.replace(/_(?:bucket|sum|count)$/, '');
