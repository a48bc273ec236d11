/** Updates of Temporal Schedules that do not overwrite what somebody else changed meanwhile. */
import { type Client, ScheduleClient } from '@temporalio/client';

/**
 * The SDK reads a Schedule and writes it back without the token by which Temporal would notice a
 * change in between, so a pause could get lost. This one sends the token of the last description;
 * Temporal then drops an update that comes too late, without a word: look again whether it took.
 */
export class CarefulSchedules extends ScheduleClient {
  private readonly tokens = new Map<string, Uint8Array>();

  constructor({ connection, options }: Client) {
    const { namespace, identity, dataConverter } = options;
    super({ connection, namespace, identity, ...(dataConverter ? { dataConverter } : {}) });
  }

  protected override async _describeSchedule(id: string) {
    const described = await super._describeSchedule(id);
    if (described.conflictToken) this.tokens.set(id, described.conflictToken);
    return described;
  }

  override get workflowService(): ScheduleClient['workflowService'] {
    const service = super.workflowService;
    const value = (request: { readonly scheduleId: string }) => {
      const conflictToken = this.tokens.get(request.scheduleId);
      return service.updateSchedule({ ...request, ...(conflictToken ? { conflictToken } : {}) });
    };
    return Object.create(service, { updateSchedule: { value } });
  }
}
