import { BelayError } from "../errors.ts";
import { requireCommand } from "../rollout/commands.ts";
import type { NewEntry, RolloutFact } from "../rollout/entry.ts";
import type { Judgement } from "../rollout/judgement.ts";
import { type Actor, isEnded, type Rollout, type RolloutId } from "../rollout/rollout.ts";
import { entryOf } from "./control-loop.ts";
import type { Deployments } from "./deployments.ts";
import type { PlannedDeploy } from "./planned-deploy.ts";
import type { DeployRequest } from "./requests.ts";
import { stagedBefore } from "./staging.ts";

interface DeployToBegin {
  /** With the digest of its bundle, where one was sent. */
  readonly request: DeployRequest & { readonly digest?: string };
  readonly planned: PlannedDeploy;
  /** The same deploy as planned for `planned.after`; null when nothing comes before, or it has passed there. */
  readonly before: PlannedDeploy | null;
  readonly deployments: Deployments;
  readonly actor: Actor;
  newId(service: string): RolloutId;
}

interface Begun {
  readonly rollout: RolloutId;
  readonly service: string;
  readonly forecast: string;
  readonly judgement: Judgement | null;
}

interface BegunDeploy extends Omit<Begun, "service"> {
  /** None when the rollout is there already. */
  readonly entries: readonly NewEntry[];
}

/** What the same question has begun before; null when it is asked for the first time, or without a key. */
export function begunBefore({ environment, requestKey }: DeployRequest, deployments: Deployments): Begun | null {
  const found = requestKey === undefined ? undefined : deployments.askedFor(environment, requestKey);
  if (found === undefined) return null;
  return { rollout: found.id, service: found.service, forecast: found.forecast, judgement: found.judgement ?? null };
}

/**
 * The entries with which a deploy begins: its own rollout, the one in the environment before unless that one has the same already,
 * and the ends of those in their way. Looks and decides in one go: nothing may happen before the entries are handed over.
 * Throws `BELAY_ROLLOUT_RUNNING`.
 */
export function beginDeploy(options: DeployToBegin): BegunDeploy {
  const { request, planned, before, deployments } = options;
  // It may have been asked twice while it was planned.
  const asked = begunBefore(request, deployments);
  if (asked !== null) return { ...asked, entries: [] };
  const own = deployments.find(request.environment, planned.service);
  const there = planned.fact.attests === true ? stagedBefore(own, request, deployments) : null;
  const hasItsConfig = there !== null && there.config === planned.fact.config;
  if (hasItsConfig && (!isEnded(there) || there.candidate === own?.stable)) {
    const forecast = `${request.environment} has it already: ${there.id} is the one to follow`;
    return { rollout: there.id, forecast, judgement: null, entries: [] };
  }
  const { after, fact, forecast } = planned;
  const judgement = fact.judgement ?? null;
  if (after === null) return { ...begin(options, request.environment, fact), forecast, judgement };
  const staged = stagedBefore(deployments.find(after, planned.service), request, deployments);
  const first = staged === null ? begin(options, after, requirePlan(before, after).fact) : { rollout: staged.id, entries: [] };
  const second = begin(options, request.environment, { ...fact, staging: { environment: after, rollout: first.rollout } });
  return { rollout: second.rollout, forecast, judgement, entries: [...first.entries, ...second.entries] };
}

function requirePlan(before: PlannedDeploy | null, after: string): PlannedDeploy {
  if (before === null) throw new Error(`nothing is planned for ${after}, and nothing has passed there`);
  return before;
}

function begin(
  { request, planned: { service }, deployments, actor, newId }: DeployToBegin,
  environment: string,
  fact: RolloutFact,
) {
  const running = deployments.find(environment, service)?.rollout ?? null;
  const rollout = newId(service);
  const { requestKey } = request;
  const keyed = requestKey === undefined ? fact : { ...fact, requestKey };
  const entries = [entryOf({ environment, service, id: rollout }, actor, keyed)];
  if (running === null || isEnded(running)) return { rollout, entries };
  if (!request.supersede) throw alreadyRunning(running);
  requireCommand(running, "supersede");
  return { rollout, entries: [entryOf(running, actor, { kind: "superseded", by: rollout }), ...entries] };
}

function alreadyRunning(rollout: Rollout): BelayError {
  return new BelayError({
    code: "BELAY_ROLLOUT_RUNNING",
    message: `${rollout.id} of ${rollout.service} in ${rollout.environment} is running (${rollout.phase.name})`,
    next: "Wait for its end, or run `belay deploy --supersede` to replace it.",
  });
}
