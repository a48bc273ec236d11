/** The order in which faults are struck. */
import type { Fault } from './fault.ts';

/**
 * Returns the faults with those that take the API server away spread among the others. Clients of
 * it, kubelets and controllers too, ask again later and later after each death, and forget that
 * only after two good minutes: several deaths in a row would harm pods by themselves.
 */
export function spread(faults: readonly Fault[]): readonly Fault[] {
  const deaths = faults.filter(takesApiAway);
  const others = faults.filter((fault) => !takesApiAway(fault));
  const gap = others.length / Math.max(1, deaths.length);
  const after = (index: number) => Math.round((index + 0.5) * gap);
  const ordered: Fault[] = [];
  for (const [index, fault] of others.entries()) {
    ordered.push(...deaths.filter((_, death) => after(death) === index), fault);
  }
  return [...ordered, ...deaths.filter((_, death) => after(death) >= others.length)];
}

/** Tells whether a fault kills the API server or what it keeps its objects in. */
export function takesApiAway({ does }: Pick<Fault, 'does'>): boolean {
  return /apiserver|etcd/.test(does);
}
