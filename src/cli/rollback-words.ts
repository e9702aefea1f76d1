import type { ServiceView, StatusView } from "../api/views.ts";
import { BelayError } from "../errors.ts";
import type { Client, ServiceName } from "./client.ts";

/**
 * What a rollback is going to do, before it is asked for. Undefined when the control plane does not say: a way back must not
 * wait for words about it.
 */
export async function announceRollback(
  client: Pick<Client, "status">,
  { service, environment }: ServiceName,
  target: string | undefined,
): Promise<string | undefined> {
  let view: StatusView;
  try {
    view = await client.status();
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    return undefined;
  }
  const found = view.services.find((each) => each.service === service && each.environment === environment);
  return found === undefined ? undefined : describeWayBack(found, target);
}

/** A warm switch or a start: minutes matter here, so the reader learns which. */
export function describeWayBack(view: ServiceView, target: string | undefined): string {
  const { service, rollout, stable, warm, instances } = view;
  const isRunning = rollout !== null && (rollout.outcome === null || rollout.outcome === "held");
  if (isRunning && target === undefined)
    return `Rollout ${rollout.rollout} is aborted: everyone goes back to ${stable?.id ?? "nothing"} of ${service}, by routing, in milliseconds.`;
  const ends = isRunning ? `Rollout ${rollout.rollout} ends. ` : "";
  const release = target ?? warm?.id;
  if (release === undefined)
    return `${ends}No release is warm: the one before ${stable?.id ?? "the present one"}, if there is one, is started first, then everyone is switched to it, in seconds.`;
  const isReady = instances.some((instance) => instance.release === release && instance.state === "ready");
  return isReady
    ? `${ends}${release} is warm: everyone is switched to it by routing, in milliseconds.`
    : `${ends}${release} is not running: if ${service} has it, it is started first, then everyone is switched to it, in seconds.`;
}
