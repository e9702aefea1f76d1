import type { Route } from "../rollout/rollout.ts";
import type { ExposureGuard } from "./exposure-guard.ts";
import type { Choice } from "./in-flight.ts";
import { ShieldBudget } from "./shield-budget.ts";
import type { ServiceRoute } from "./table.ts";

/** What the owner of a route says of repeating its requests. */
export type RepeatRules = Pick<Route, "idempotent" | "shield" | "effects" | "hedgeMs">;

/** What of a request bears on whether it may be sent twice. */
export interface Asked {
  readonly method: string;
  readonly hasIdempotencyKey: boolean;
  /** As the client announced it; 0 when there is no body or its length is not known. */
  readonly bodyBytes: number;
  /** Without query; absent where nobody asks for it. */
  readonly path?: string;
}

/**
 * What the shield can do for a request of the canary.
 * - `covered`: should the canary fail before its answer's head, stable answers.
 * - `replayed`: it has failed, and stable was asked in its place.
 * - `not-repeatable`: neither safe by its method nor declared idempotent.
 * - `switched-off`: by `shield: off` on its route.
 * - `too-large`: its body does not fit the buffer.
 * - `budget-spent`: it failed when there was nothing left to replay with.
 */
export type ShieldMark = "covered" | "replayed" | "not-repeatable" | "switched-off" | "too-large" | "budget-spent";

/** A larger body is not kept, so that its request is not shielded. */
export const keptBodyBytesMax = 65_536;

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

export function shieldMarkOf({ idempotent, shield }: RepeatRules, asked: Asked | undefined): ShieldMark {
  if (asked === undefined) return "not-repeatable";
  if (shield === "off") return "switched-off";
  const isDeclared = idempotent === true || (idempotent === "key" && asked.hasIdempotencyKey);
  if (!isDeclared && !safeMethods.has(asked.method)) return "not-repeatable";
  return asked.bodyBytes > keptBodyBytesMax ? "too-large" : "covered";
}

interface Budgeted {
  readonly exposureEpoch: number;
  readonly budget: ShieldBudget;
}

/** Which requests of the canaries stable answers in their place, and when there are too many of them. */
export class Shield {
  readonly #guard: ExposureGuard;
  /** By service; each is new with its exposure. */
  #budgets = new Map<string, Budgeted>();

  constructor({ guard }: { readonly guard: ExposureGuard }) {
    this.#guard = guard;
  }

  /** Null where the shield has no part: on stable, and for people who want to see what the release does. */
  begin(choice: Choice, asked: Asked | undefined, nowMs: number): ShieldMark | null {
    if (choice.fallback === null || choice.arm === "preview") return null;
    this.#budgetOf(choice, nowMs).earn(nowMs);
    return shieldMarkOf(choice.rules, asked);
  }

  /**
   * Whether stable may be asked now. While the canary is exposed (`service` is not null) the budget bounds it; at its end the
   * canary's visitors go to stable for good, if stable does better. Once it has no traffic any more, what is still on its way
   * to it is all that there is to replay.
   */
  mayReplay(choice: Choice, service: ServiceRoute | null, nowMs: number): boolean {
    if (service === null || !this.#guard.isOpen(service, nowMs)) return true;
    const budget = this.#budgetOf(choice, nowMs);
    const isCovered = budget.spend(nowMs);
    if (budget.isSpent && budget.isStableBetter) this.#guard.brake(service, "budget");
    return isCovered;
  }

  replayEnded(choice: Choice, hasFailed: boolean, nowMs: number): void {
    this.#budgetOf(choice, nowMs).replayEnded(hasFailed);
  }

  retain(services: readonly ServiceRoute[]): void {
    const named = new Set(services.map(keyOf));
    for (const key of this.#budgets.keys()) if (!named.has(key)) this.#budgets.delete(key);
  }

  #budgetOf({ service, exposureEpoch }: Choice, nowMs: number): ShieldBudget {
    const known = this.#budgets.get(keyOf(service));
    if (known !== undefined && known.exposureEpoch >= exposureEpoch) return known.budget;
    const budget = new ShieldBudget(nowMs);
    this.#budgets.set(keyOf(service), { exposureEpoch, budget });
    return budget;
  }
}

function keyOf({ environment, service }: ServiceRoute): string {
  return `${environment}/${service}`;
}
