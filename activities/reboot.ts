/** The activity that reboots a node and waits until it is back. */
import type { NodeActivities } from '../workflows/contract.ts';
import { LEASE_ANNOTATION } from '../workflows/domain/inventory.ts';
import type { V1Node } from './adapters/kube-adapter.ts';
import { withHeartbeats } from './context.ts';
import { type ActivityDeps, withHost } from './deps.ts';
import { fail, failureType, messageOf } from './failure.ts';
import { conditionText, hasCondition } from './node-facts.ts';
import { annotate, updateNode } from './node-patch.ts';
import { fieldsOf, runRecords } from './records.ts';
import { REBOOT_SCRIPT } from './scripts/reboot.ts';

type RebootInput = Parameters<NodeActivities['reboot']>[0];
type RebootResult = Awaited<ReturnType<NodeActivities['reboot']>>;

/** Between two looks at the node. */
const POLL_MS = 1000;
/** A host that goes down in the midst of an answer may leave the connection open. */
const LOOK_TIMEOUT_MS = 15_000;

/** What the Node object was before the reboot, as far as somebody may need it after. */
interface NodeBefore {
  readonly uid: string;
  readonly cordoned: boolean;
  readonly lease?: string;
}

/** What the last heartbeat holds, so that a later attempt goes on from there. */
interface Progress {
  readonly phase: 'Rebooting' | 'Down' | 'Booting' | 'Joining';
  readonly startedAtMs: number;
  /** How often the host was asked for the reboot, as far as it told. */
  readonly asked: number;
  readonly before?: NodeBefore;
  /** How far it has come, in words. */
  readonly said: string;
}

/** What the host tells at one look. */
interface HostLook {
  readonly bootId: string;
  /** As "systemctl is-system-running" says. */
  readonly system: string;
  readonly askedSecondsAgo: number;
  /** Why it would not be rebooted; empty if it did not say. */
  readonly refused: string;
  /** Jobs that systemd waits for, or units that failed. */
  readonly units: string;
}

/** Returns the activity `reboot`. */
export function rebootActivities(deps: ActivityDeps): Pick<NodeActivities, 'reboot'> {
  return {
    /**
     * *Effect*: the host runs another boot, its systemd has come up, and its kubelet says Ready by
     * that boot's id. A Node object that has joined anew is cordoned and leased as the old one was.
     * *Idempotent because*: a host with another boot id is not asked; one that was asked within the
     * last 30 s is not asked again.
     * *Heartbeats*: progress every 2 s; a later attempt keeps the start of the first.
     * *Fails with*: NodeNotBack; VerificationFailed where the host is back and its kubelet is not,
     * so that the change can be undone; HostKeyMismatch, HostAuthRefused before the reboot, Kubernetes….
     */
    async reboot(input) {
      const reboot = new Reboot(deps, input);
      return await withHeartbeats(
        deps.context(),
        () => reboot.progress(),
        () => reboot.run(),
      );
    },
  };
}

class Reboot {
  private readonly deps: ActivityDeps;
  private readonly input: RebootInput;
  private readonly startedAtMs: number;
  private phase: Progress['phase'] = 'Rebooting';
  private asked: number;
  private before: NodeBefore | undefined;
  private said: string;

  constructor(deps: ActivityDeps, input: RebootInput) {
    this.deps = deps;
    this.input = input;
    const previous = deps.context().previous as Partial<Progress> | undefined;
    this.startedAtMs = previous?.startedAtMs ?? deps.clock.now();
    this.asked = previous?.asked ?? 0;
    this.before = previous?.before;
    this.said = previous?.said ?? 'it was not asked yet';
  }

  progress(): Progress {
    const { phase, startedAtMs, asked, before, said } = this;
    return { phase, startedAtMs, asked, ...(before ? { before } : {}), said };
  }

  async run(): Promise<RebootResult> {
    const { deps, input } = this;
    const deadline = this.startedAtMs + input.timeoutSeconds * 1000;
    for (;;) {
      const back = await this.look();
      if (back) return back;
      if (deps.clock.now() >= deadline) this.giveUp();
      await deps.clock.sleep(POLL_MS, deps.context().signal);
    }
  }

  /** A host that answers can be put back by whoever called; one that does not needs a person. */
  private giveUp(): never {
    const { node, timeoutSeconds } = this.input;
    const after = `in ${timeoutSeconds} s: ${this.said}.`;
    if (this.phase === 'Joining') {
      fail('VerificationFailed', `${node} rebooted, but its kubelet did not come back ${after}`);
    }
    fail(
      'NodeNotBack',
      `${node} did not come back from its reboot ${after} Look at its console; it stays cordoned.`,
    );
  }

  /** One look at host and Node object; a look that fails is a state, not an error. */
  private async look(): Promise<RebootResult | undefined> {
    try {
      // Before anything is asked for: afterwards it may be another object.
      this.before ??= nodeBefore(await this.nodeObject());
      const host = await this.lookAtHost();
      if (host.bootId === this.input.bootId) return this.stay('Rebooting', this.stillUp(host));
      this.stay(isUp(host) ? 'Joining' : 'Booting', `it runs boot ${host.bootId}`);
      return await this.lookAtNode(host);
    } catch (error) {
      const type = failureType(error);
      const inReboot = this.asked > 0 || this.phase !== 'Rebooting';
      switch (type) {
        case 'KubernetesUnreachable':
        case 'HostCommandFailed':
          return this.stay(this.phase, messageOf(error));
        case 'HostUnreachable':
          return this.stay(inReboot ? 'Down' : 'Rebooting', this.unreachable(error));
        case 'HostAuthRefused':
          // A host on its way down or up refuses everybody but root.
          if (inReboot) return this.stay('Booting', messageOf(error));
          throw error;
        default:
          throw error;
      }
    }
  }

  private stay(phase: Progress['phase'], said: string): undefined {
    const { node } = this.input;
    if (phase !== this.phase) this.deps.log.info({ node, phase, said }, 'reboot goes on');
    this.phase = phase;
    this.said = said;
  }

  private stillUp({ askedSecondsAgo, refused }: HostLook): string {
    const times = this.asked === 1 ? 'once' : `${this.asked} times`;
    const forced = this.asked > 2 ? ', at last with --force' : '';
    const why = refused ? `; it said: ${refused}` : '';
    return `it was asked for the reboot ${times}${forced}, ${askedSecondsAgo} s ago, and still runs boot ${this.input.bootId}${why}`;
  }

  private unreachable(error: unknown): string {
    return this.asked > 0
      ? `it went down for the reboot, or lost its network, and does not answer: ${messageOf(error)}`
      : `it could not be asked: ${messageOf(error)}`;
  }

  private async lookAtHost(): Promise<HostLook> {
    const { node, bootId } = this.input;
    const records = await withHost(this.deps, this.input, (host) =>
      runRecords(host, node, {
        what: 'asking for a reboot',
        script: REBOOT_SCRIPT,
        args: [bootId],
        options: { timeoutMs: LOOK_TIMEOUT_MS },
      }),
    );
    const field = (kind: string, index = 0) => fieldsOf(records, kind)[0]?.[index]?.trim() ?? '';
    this.asked = Math.max(this.asked, Number(field('asked')));
    return {
      bootId: field('bootId'),
      system: field('system'),
      askedSecondsAgo: Number(field('asked', 1)),
      refused: field('refused'),
      units: field('failed') || field('jobs'),
    };
  }

  private async nodeObject(): Promise<V1Node | undefined> {
    const { access, node } = this.input;
    try {
      return await this.deps.kube(access).getNode(node);
    } catch (error) {
      if (failureType(error) !== 'NodeGone') throw error;
      return undefined;
    }
  }

  /** The host is another boot; a Node object that says Ready may still be the word of the last one. */
  private async lookAtNode(host: HostLook): Promise<RebootResult | undefined> {
    const { bootId, system, units } = host;
    const node = await this.nodeObject();
    const joinedAnew = node !== undefined && node.metadata?.uid !== this.before?.uid;
    if (joinedAnew) await this.restore();
    if (!isUp(host)) {
      const waits = units ? `, waiting for ${units}` : '';
      return this.stay('Booting', `it runs boot ${bootId}, and its systemd is ${system}${waits}`);
    }
    if (!node) {
      return this.stay('Joining', `it runs boot ${bootId}, and its Node object is gone`);
    }
    const told = node.status?.nodeInfo?.bootID;
    if (told !== bootId) {
      return this.stay(
        'Joining',
        `it runs boot ${bootId}, and its Node object still tells of boot ${told}: its kubelet does not report`,
      );
    }
    if (!hasCondition(node, 'Ready')) {
      return this.stay('Joining', `it runs boot ${bootId}, and ${conditionText(node, 'Ready')}`);
    }
    return { bootId, notes: this.notes(host, joinedAnew) };
  }

  /** What was on the Node object is gone with it; until the node is proved it takes no pods. */
  private async restore(): Promise<void> {
    const { cordoned, lease } = this.before ?? { cordoned: false };
    await updateNode(this.deps, this.input, (node) => {
      const known = node.metadata?.annotations?.[LEASE_ANNOTATION];
      const spec = cordoned && !node.spec?.unschedulable ? { spec: { unschedulable: true } } : {};
      const leased = lease && !known ? annotate({ [LEASE_ANNOTATION]: lease }) : {};
      const patch = { ...spec, ...leased };
      return Object.keys(patch).length > 0 ? { patch, done: null } : { done: null };
    });
  }

  private notes(host: HostLook, joinedAnew: boolean): readonly string[] {
    const forced = this.asked > 2 ? ', at last with --force' : '';
    return [
      ...(this.asked > 1 ? [`the reboot was asked for ${this.asked} times${forced}`] : []),
      ...(host.system === 'degraded'
        ? [`systemd is degraded since the reboot: ${host.units || 'it does not say why'}`]
        : []),
      ...(joinedAnew
        ? [
            'the Node object was deleted and joined again during the reboot; labels and taints that others put on it are gone',
          ]
        : []),
    ];
  }
}

/** Whether systemd has come to the end of its boot; failed units are told, and verified like anything. */
function isUp({ system }: HostLook): boolean {
  return system === 'running' || system === 'degraded';
}

function nodeBefore(node: V1Node | undefined): NodeBefore {
  const lease = node?.metadata?.annotations?.[LEASE_ANNOTATION];
  return {
    uid: node?.metadata?.uid ?? '',
    cordoned: node?.spec?.unschedulable === true,
    ...(lease === undefined ? {} : { lease }),
  };
}
