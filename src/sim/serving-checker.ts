import { isEnded, type ReleaseId, type Rollout } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import type { RoutingTable } from "../routing/table.ts";
import type { SimInstance } from "./instance.ts";
import type { Complain } from "./violation.ts";
import type { Ending } from "./worker.ts";

/** An ending rollout needs no longer than this while nothing is at fault. */
const endingMsMax = 5_000;

export interface Circumstances {
  /** The service has a stable release, and workers can know it. */
  readonly isRouted: boolean;
  /** An instance of the request's release answers. */
  readonly isServing: boolean;
  readonly release: ReleaseId | null;
  /** A request that takes longer than this may be cut when its instance is stopped. */
  readonly drainMs: number;
}

/** What visitors get, and whether what was begun comes to an end. */
export class ServingChecker {
  readonly #complain: Complain;
  /** Since when each rollout has been in its phase while nothing was at fault. */
  readonly #since = new Map<string, { phase: string; sinceMs: number }>();

  constructor(options: { complain: Complain }) {
    this.#complain = options.complain;
  }

  /** Belay asks the runtime to stop an instance. */
  stopAsked(options: {
    instance: SimInstance;
    services: readonly Service[];
    tables: readonly RoutingTable[];
    nowMs: number;
  }): void {
    const { instance, services, tables, nowMs } = options;
    if (!instance.isServing(nowMs)) return;
    const release = instance.release.id;
    if (services.some((service) => service.stable === release)) {
      this.#complain("stable-serves", `${instance.id} serves everyone and was stopped`);
    }
    if (tables.some((table) => isNamed(table, release))) {
      this.#complain("stopped-instance", `${instance.id} was stopped while a worker's table names its release`);
    }
  }

  /** A request failed: by its release, by a fault, or by Belay. Only the last is a violation. */
  ended(ending: Ending, about: Circumstances): void {
    const { end, brokenBy, tried, tookMs } = ending;
    const { isRouted, isServing, release, drainMs } = about;
    if (end === "unrouted" && isRouted)
      this.#complain("nobody-notices", "a request found no route although the service has a stable release");
    if (end === "reset" && brokenBy === "stop" && tookMs < drainMs)
      this.#complain("nobody-notices", `a request to ${release} was broken off by Belay's stop after ${Math.round(tookMs)} ms`);
    if (end !== "refused") return;
    if (tried.length === 0 && isServing) {
      this.#complain(
        "nobody-notices",
        `a request was refused because the table names no instance of ${release}, and there is one`,
      );
    }
    if (tried.length > 0 && tried.every((instance) => instance?.stopAsked === true)) {
      this.#complain(
        "nobody-notices",
        `a request was refused because Belay had stopped ${tried.map((instance) => instance?.id).join(", ")}`,
      );
    }
  }

  /** Called while nothing is at fault; `calmSinceMs` is since when, and `boundMs` how long a rollout may take from there. */
  tick(options: { rollouts: readonly Rollout[]; calmSinceMs: number; nowMs: number; boundMs: number }): void {
    const { rollouts, calmSinceMs, nowMs, boundMs } = options;
    for (const rollout of rollouts) {
      if (isEnded(rollout)) continue;
      const { phase } = rollout;
      const name = phase.name === "progressing" ? `progressing at step ${phase.step}` : phase.name;
      const known = this.#since.get(rollout.id);
      if (known === undefined || known.phase !== name) this.#since.set(rollout.id, { phase: name, sinceMs: nowMs });
      const forMs = nowMs - Math.max(known?.phase === name ? known.sinceMs : nowMs, calmSinceMs);
      if ((name === "aborting" || name === "promoting") && forMs > endingMsMax) {
        this.#complain("aborts-by-itself", `${rollout.id} has been ${name} for ${Math.round(forMs)} ms, and nothing is at fault`);
      }
      if (forMs > boundMs)
        this.#complain("ends-or-waits", `${rollout.id} has been ${name} for ${Math.round(forMs)} ms, and nothing is at fault`);
    }
  }
}

function isNamed(table: RoutingTable, release: ReleaseId): boolean {
  return table.services.some(({ stable, exposure, shadow }) =>
    [stable, exposure?.canary, shadow?.pool].some((pool) => pool?.release === release),
  );
}
