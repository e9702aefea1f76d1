import type { NewEntry } from "../rollout/entry.ts";
import { rollbackPlan } from "../rollout/fold.ts";
import { type Actor, isEnded } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { DirectRollback, RoutingTable } from "../routing/table.ts";
import { rolloutId } from "./rollout-id.ts";
import type { World } from "./world.ts";

/**
 * What was done to the proxies while no control plane was there, as entries: a proxy that is closer to stable than the ledger
 * says is a fact to record, not a difference to repair. Nothing for what the ledger says already, so that a control plane
 * that ended between the entries and the next table does not record it twice.
 */
export function recordDirectRollbacks(
  table: RoutingTable,
  findService: (environment: string, name: string) => Service | undefined,
  world: Pick<World, "clock" | "random">,
): readonly NewEntry[] {
  return (table.direct ?? []).flatMap((direct) => {
    const service = findService(direct.environment, direct.service);
    return service === undefined ? [] : entriesFor(direct, service, world);
  });
}

function entriesFor(direct: DirectRollback, service: Service, world: Pick<World, "clock" | "random">): readonly NewEntry[] {
  const { release: target, by, at, reason } = direct;
  const actor: Actor = { kind: "person", name: by, via: "direct" };
  const { rollout } = service;
  const running = rollout !== null && !isEnded(rollout) ? rollout : null;
  if (service.stable === target) {
    if (running === null || running.phase.name === "aborting") return [];
    return [
      entryAbout(service, running.id, actor, {
        kind: "abort-requested",
        reason: `${reason} (done at ${at} without a control plane)`.trim(),
      }),
    ];
  }
  if (rollout === null || service.releases[target] === undefined) return [];
  const id = rolloutId(service.name, world);
  const ends = running === null ? [] : [entryAbout(service, running.id, actor, { kind: "superseded", by: id })];
  const fact = { kind: "rolled-back-directly", target, plan: rollbackPlan(rollout.plan), reason, doneAt: at } as const;
  return [...ends, entryAbout(service, id, actor, fact)];
}

function entryAbout({ environment, name }: Service, rollout: string, actor: Actor, fact: NewEntry["fact"]): NewEntry {
  return { environment, service: name, rollout, actor, fact };
}
