import type { FrontCounts } from "../routing/front-counts.ts";
import type { InFlight } from "../routing/in-flight.ts";
import type { ServiceRoute, Target } from "../routing/table.ts";

const perRequest = 0.05;
const burst = 10;
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Which requests may be asked of a second instance, and how many: one in twenty of those on routes that declare it. None while visitors are
 * compared: a hedge hides slowness, which is what a comparison looks for.
 */
export class Hedges {
  readonly #counts: FrontCounts;
  /** By service. */
  #budgets = new Map<string, number>();

  constructor(counts: FrontCounts) {
    this.#counts = counts;
  }

  /** After how long; null when the request is not to be hedged. */
  delayOf({ choice }: InFlight, { method, hasBody }: { readonly method: string; readonly hasBody: boolean }): number | null {
    const { hedgeMs } = choice.rules;
    if (hedgeMs === undefined || hasBody || !safeMethods.has(method)) return null;
    if (choice.arm !== "stable" || choice.fallback !== null || choice.unit !== null) return null;
    const key = keyOf(choice.service);
    this.#budgets.set(key, Math.min(burst, (this.#budgets.get(key) ?? burst) + perRequest));
    return hedgeMs;
  }

  /** Whom to ask as well; null when there is nobody, or nothing left to do it with. */
  take(service: ServiceRoute, spare: Target | null): Target | null {
    if (spare === null) return null;
    const key = keyOf(service);
    const left = this.#budgets.get(key) ?? 0;
    if (left < 1) {
      this.#counts.hedged(service, "withheld");
      return null;
    }
    this.#budgets.set(key, left - 1);
    this.#counts.hedged(service, "sent");
    return spare;
  }

  won(service: ServiceRoute): void {
    this.#counts.hedged(service, "won");
  }
}

function keyOf({ environment, service }: ServiceRoute): string {
  return `${environment}/${service}`;
}
