import { nodeStates } from './cluster.ts';
import { readMachineRecord } from './machine.ts';
import { stateDir } from './paths.ts';
import { portsOfPart } from './ports.ts';
import { partPid } from './processes.ts';
import { nodes } from './settings.ts';
import { heading, say } from './tasks.ts';
import { partNames } from './up.ts';

/** Prints what runs of the lab and returns whether all of it does. */
export async function status(): Promise<boolean> {
  const record = await readMachineRecord();
  if (!record) {
    say('No lab on this machine: `make lab` brings it up.');
    return false;
  }
  if (record.stateDir !== stateDir) say(`The lab on this machine is that of ${record.stateDir}.`);
  const states = new Map((await nodeStates()).map((state) => [state.name, state]));
  let complete = true;
  heading('Tidegate lab');
  for (const name of partNames) {
    const pid = await partPid(name);
    const node = nodes.find((candidate) => candidate.name === name);
    const state = states.get(name);
    const words = [pid ? `process ${pid}` : 'down'];
    if (node) {
      words.push(node.address, node.zone, state?.ready ? 'Ready' : 'NotReady');
      if (state?.cordoned) words.push('cordoned');
    } else if (portsOfPart(name).length > 0) {
      words.push(`port ${portsOfPart(name).join(' ')}`);
    }
    complete &&= pid !== undefined && (!node || state?.ready === true);
    say(`  ${name.padEnd(24)} ${words.join('  ')}`);
  }
  return complete;
}
