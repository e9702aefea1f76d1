import type { NewEntry } from "../rollout/entry.ts";
import { rollbackPlan } from "../rollout/fold.ts";
import type { OutcomeBy, Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { loopActor } from "./journal.ts";
import { rolloutId } from "./rollout-id.ts";
import type { RolloutWatch } from "./rollout-watch.ts";
import type { World } from "./world.ts";

/** A promoted release without one ready instance for this long falls back to the warm one. */
const downBeforeRollbackMs = 5_000;

interface Fall {
  readonly by: OutcomeBy;
  readonly reason: string;
}

/** A service whose last rollout has ended. */
export interface SightAfterPromotion {
  readonly service: Service;
  /** The rollout whose release is watched, with its evidence; null when none is. */
  readonly promotion: Rollout | null;
  readonly watch: RolloutWatch | null;
  readonly stableDownForMs: number;
  /** Why the workers of stable do not run well, or null. */
  readonly stableCrashLoop: string | null;
}

/** The time after 100 %: while the old release is warm, a fall goes back to it; then it is retired. */
export class AfterPromotion {
  #world: Pick<World, "clock" | "random">;
  /** When the time of the present warm release of a service ends, on the monotonic clock. */
  #warmUntil = new Map<string, { readonly warm: string; readonly ms: number }>();

  constructor(world: Pick<World, "clock" | "random">) {
    this.#world = world;
  }

  entriesFor(sight: SightAfterPromotion): readonly NewEntry[] {
    const { service, promotion } = sight;
    const { warm } = service;
    if (warm === null) return [];
    const fall = promotion === null ? null : fallOf(sight);
    if (promotion !== null && fall !== null) return [this.#rollback(service, promotion, fall)];
    return this.#isWarmOver(service) ? [this.#entry(service, "", { kind: "warm-retired", release: warm.release })] : [];
  }

  /** Counted on the monotonic clock; after a restart the rest is taken from the wall clock, and a clock that was stepped can only shorten or keep it. */
  #isWarmOver(service: Service): boolean {
    const { warm } = service;
    if (warm === null) return false;
    const nowMs = this.#world.clock.monotonicMs();
    const [place, present] = [`${service.environment}/${service.name}`, `${warm.release} ${warm.since}`];
    const known = this.#warmUntil.get(place);
    if (known?.warm === present) return nowMs >= known.ms;
    const sinceMs = this.#world.clock.now().epochMilliseconds - Temporal.Instant.from(warm.since).epochMilliseconds;
    const untilMs = nowMs + warm.keepMs - Math.min(Math.max(sinceMs, 0), warm.keepMs);
    this.#warmUntil.set(place, { warm: present, ms: untilMs });
    return nowMs >= untilMs;
  }

  #rollback(service: Service, rollout: Rollout, { by, reason }: Fall): NewEntry {
    const target = service.warm?.release ?? "";
    const id = rolloutId(service.name, this.#world);
    return this.#entry(service, id, {
      kind: "rollout-requested",
      rolloutKind: "rollback",
      target,
      plan: rollbackPlan(rollout.plan),
      by,
      reason,
    });
  }

  #entry(service: Service, rollout: string, fact: NewEntry["fact"]): NewEntry {
    return { environment: service.environment, service: service.name, rollout, actor: loopActor, fact };
  }
}

function fallOf({ service, watch, stableDownForMs, stableCrashLoop }: SightAfterPromotion): Fall | null {
  const verdict = watch?.verdict({ kind: "bake" });
  if (verdict?.kind === "fail") return { by: "verdict", reason: `after its promotion, ${verdict.reason}` };
  const isWarmReady = Object.values(service.instances).some(
    ({ release, isReady }) => release === service.warm?.release && isReady,
  );
  if (!isWarmReady) return null;
  if (stableDownForMs >= downBeforeRollbackMs) return { by: "health", reason: "no instance of it has been ready for 5 s" };
  return stableCrashLoop === null ? null : { by: "health", reason: `after its promotion, ${stableCrashLoop}` };
}
