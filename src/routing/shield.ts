import type { Route } from "../rollout/rollout.ts";
import { ShieldBudget } from "./shield-budget.ts";

/** What the owner of a route says of repeating its requests. */
export type RepeatRules = Pick<Route, "idempotent" | "shield">;

/** What of a request bears on whether it may be sent twice. */
export interface Asked {
  readonly method: string;
  readonly hasIdempotencyKey: boolean;
  /** As the client announced it; 0 when there is no body or its length is not known. */
  readonly bodyBytes: number;
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

/** The budgets of all services with a canary, each new with its exposure. */
export class ShieldBudgets {
  #byService = new Map<string, Budgeted>();

  of({ service, environment, exposureEpoch }: BudgetOwner, nowMs: number): ShieldBudget {
    const key = `${environment}/${service}`;
    const known = this.#byService.get(key);
    if (known !== undefined && known.exposureEpoch >= exposureEpoch) return known.budget;
    const budget = new ShieldBudget(nowMs);
    this.#byService.set(key, { exposureEpoch, budget });
    return budget;
  }

  retain(services: readonly { readonly service: string; readonly environment: string }[]): void {
    const named = new Set(services.map(({ service, environment }) => `${environment}/${service}`));
    for (const key of this.#byService.keys()) if (!named.has(key)) this.#byService.delete(key);
  }
}

export interface BudgetOwner {
  readonly service: string;
  readonly environment: string;
  readonly exposureEpoch: number;
}
