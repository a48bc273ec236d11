/** Picks the nodes that a fault is struck on: as the lab starts them, and with what the fault needs. */
import { kubectl } from '../../lab/control-plane.ts';
import { resetNodes } from '../../lab/reset-nodes.ts';
import { run } from '../../lab/run.ts';
import { type LabNode, nodes } from '../../lab/settings.ts';
import { ensureWorkload } from '../../lab/workload.ts';
import type { Fault } from './fault.ts';
import type { CaseRow } from './table.ts';

/** Ends after which a node is what it was. */
const AS_BEFORE: readonly CaseRow['outcome'][] = [
  'RolledBack',
  'Skipped',
  'Deferred',
  'Untouched',
  'TakenBack',
];

export class NodePicker {
  /** Nodes that run what the lab starts with, in the order in which they take turns. */
  private fresh: LabNode[] = [...nodes];
  private broken = false;

  /** Returns the node to strike, and another one of another zone where two are in work. */
  async pick(fault: Fault): Promise<readonly LabNode[]> {
    // Taken back all at once: it takes no longer than one.
    if (this.broken || this.fresh.length < fault.nodes) await this.reset();
    // New, so that its pods outlast the case.
    if (fault.jobs === 'Kept')
      await run(kubectl('-n', 'shop', 'delete', 'job', 'batch', '--wait', '--ignore-not-found'));
    await ensureWorkload();
    let found = await this.find(fault);
    if (!found) {
      await this.reset();
      found = await this.find(fault);
    }
    if (!found) throw new Error(`no node of the lab has what ${fault.id} needs`);
    return found;
  }

  /** Remembers what became of nodes. */
  used(names: readonly string[], row: CaseRow): void {
    const asBefore = AS_BEFORE.includes(row.outcome) && names.length === 1;
    const again = this.fresh.filter(({ name }) => asBefore && names.includes(name));
    this.fresh = [...this.fresh.filter(({ name }) => !names.includes(name)), ...again];
    this.broken = row.violations.length > 0 || row.outcome === 'NeedsAttention';
  }

  private async find(fault: Fault): Promise<readonly LabNode[] | undefined> {
    const app = fault.jobs === 'Kept' ? 'batch' : fault.prepare === 'ExhaustBudget' ? 'web' : '';
    const fit = app === '' ? undefined : await nodesWith(app);
    for (const node of this.fresh) {
      if (fit && !fit.has(node.name)) continue;
      if (fault.nodes === 1) return [node];
      const other = this.fresh.find(({ zone }) => zone !== node.zone);
      if (other) return [node, other];
    }
    return undefined;
  }

  private async reset(): Promise<void> {
    await resetNodes();
    this.fresh = [...nodes];
    this.broken = false;
  }
}

/** Names of the nodes on which pods of an app of the workload run. */
async function nodesWith(app: string): Promise<ReadonlySet<string>> {
  const path = 'jsonpath={.items[*].spec.nodeName}';
  const running = '--field-selector=status.phase=Running';
  const list = kubectl('-n', 'shop', 'get', 'pods', '-l', `app=${app}`, running, '-o', path);
  return new Set((await run(list)).split(' '));
}
