import { controlPlane } from './control-plane.ts';
import { ledgerPart } from './ledger.ts';
import { monitoring } from './monitoring.ts';
import { labProcesses, partPid, signal } from './processes.ts';
import { registryPart } from './registry.ts';
import { repositoryPart } from './repository.ts';
import { attempt, sleep } from './run.ts';
import { host } from './settings.ts';
import { temporalPart } from './temporal.ts';
import { trafficPart } from './traffic.ts';

const portsOf: Readonly<Record<string, readonly number[]>> = {
  [controlPlane.etcd]: [host.etcdPort, host.etcdPeerPort],
  [controlPlane.apiserver]: [host.apiserverPort],
  [controlPlane.controllerManager]: [10257],
  [controlPlane.scheduler]: [10259],
  [repositoryPart]: [host.repositoryPort],
  [temporalPart]: [host.temporalPort, host.temporalUiPort],
  [registryPart]: [host.registryPort],
  [ledgerPart]: [host.ledgerPort],
  [monitoring.prometheus]: [host.prometheusPort],
  [monitoring.alertmanager]: [host.alertmanagerPort],
  [trafficPart]: [host.trafficPort],
};

/** Returns the addresses at which a part listens, for people. */
export function portsOfPart(name: string): readonly number[] {
  return portsOf[name] ?? [];
}

/**
 * Ends strays of a lab that hold a port which a part needs; throws if somebody else holds it.
 * Where `ss` is missing it does nothing: the part itself then fails to listen.
 */
export async function freePorts(): Promise<void> {
  const { code, stdout: listeners } = await attempt(['ss', '-H', '-l', '-t', '-n', '-p']);
  if (code !== 0) return;
  for (const [part, ports] of Object.entries(portsOf)) {
    if (await partPid(part)) continue;
    for (const port of ports) {
      const line = listeners.split('\n').find((text) => holds(text, port));
      if (line) await free(part, port, line);
    }
  }
}

function holds(line: string, port: number): boolean {
  const local = line.trim().split(/\s+/)[3] ?? '';
  if (!local.endsWith(`:${port}`)) return false;
  const address = local.slice(0, -`:${port}`.length);
  return ['127.0.0.1', '0.0.0.0', '*', '[::]', '[::ffff:127.0.0.1]', host.address].includes(
    address,
  );
}

async function free(part: string, port: number, line: string): Promise<void> {
  const id = /pid=(\d+)/.exec(line)?.[1] ?? '';
  if (id !== '' && (await labProcesses()).has(Number(id))) {
    signal(Number(id), 'SIGKILL');
    await sleep(200);
    return;
  }
  const command = await attempt(['ps', '-o', 'args=', '-p', id]);
  const who = id === '' ? 'another process' : `process ${id} (${command.stdout.trim()})`;
  throw new Error(`port ${port}, which the lab's ${part} needs, is held by ${who}: end it first`);
}
