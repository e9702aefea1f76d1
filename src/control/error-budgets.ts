import * as z from "zod";
import { type BudgetCell, type BudgetCounts, ErrorBudget } from "../analysis/error-budget.ts";
import type { Log } from "../ports/log.ts";
import type { Counter } from "../routing/wire.ts";

/** Where hours that are over are kept. `save` throws when it cannot be made durable. */
export interface BudgetStore {
  load(): unknown;
  save(filed: FiledBudgets): void;
}

type ByService = readonly (readonly [service: string, cells: readonly BudgetCell[]])[];

/** Hours that are over, of all services. Written once an hour. */
export interface FiledBudgets {
  readonly format: 1;
  readonly services: ByService;
}

/** What is kept with the evidence, each second. */
export interface BudgetsSnapshot {
  /** Added to the machine's monotonic clock it gives this clock, also after the machine was started anew. */
  readonly offsetMs: number;
  readonly wallMs: number;
  readonly services: ByService;
}

export interface BudgetMoment {
  /** Monotonic. */
  readonly nowMs: number;
  readonly wallMs: number;
}

const hourMs = 3_600_000;
/** A machine whose clock was not set yet when it started may claim to have been off for years. */
const offMsMax = 7 * 86_400_000;

const cell = z.tuple([z.number(), z.string(), z.number(), z.number(), z.number(), z.number(), z.number()]);
const filed: z.ZodType<FiledBudgets> = z.object({
  format: z.literal(1),
  services: z.array(z.tuple([z.string(), z.array(cell)])),
});

/**
 * The error budgets of all services. They live by a clock of their own, which goes on with the monotonic one, so that a step of the
 * wall clock moves nothing; only how long the machine was off is read from the wall clock. The hour that runs is kept with the
 * evidence, and so counted once over a crash; what is over lies in a file of its own, which is written once an hour.
 */
export class ErrorBudgets {
  #budgets = new Map<string, ErrorBudget>();
  #offsetMs = 0;

  /** This clock, of which the windows are. */
  timeAt(nowMs: number): number {
    return nowMs + this.#offsetMs;
  }

  of(environment: string, service: string): ErrorBudget {
    return this.#budgets.getOrInsertComputed(`${environment}/${service}`, () => new ErrorBudget());
  }

  /** `added` more requests as the counter tells them. What a preview's owner met costs nothing. */
  count(counter: Counter, added: number, nowMs: number): void {
    if (counter.outcome === "excluded" || counter.arm === "preview") return;
    const counts = costOf(counter, added);
    this.of(counter.environment, counter.service).add(counter.release, counts, this.timeAt(nowMs));
  }

  snapshot({ wallMs }: Pick<BudgetMoment, "wallMs">): BudgetsSnapshot {
    const services = Array.from(this.#budgets, ([service, budget]) => [service, budget.unfiled()] as const);
    return { offsetMs: this.#offsetMs, wallMs, services: services.filter(([, cells]) => cells.length > 0) };
  }

  /** Goes on where the snapshot was taken; `savedMs` is its monotonic time. */
  resume(snapshot: BudgetsSnapshot, moment: BudgetMoment & { readonly savedMs: number; readonly isSameBoot: boolean }): void {
    const { nowMs, wallMs, savedMs, isSameBoot } = moment;
    const offMs = Math.min(offMsMax, Math.max(0, wallMs - snapshot.wallMs));
    this.#offsetMs = isSameBoot ? snapshot.offsetMs : savedMs + snapshot.offsetMs + offMs - nowMs;
    for (const [service, cells] of snapshot.services) this.#budgets.set(service, ErrorBudget.restore([], cells));
  }

  /** Adds what was filed. What cannot be read is told and begins anew: without a control plane nobody could mend it. */
  load(store: BudgetStore, nowMs: number, log: Log): void {
    const kept = store.load();
    if (kept === undefined || kept === null) return;
    const parsed = filed.safeParse(kept);
    if (!parsed.success) {
      log.error("the kept error budgets have a form that this program does not know, and begin anew");
      return;
    }
    const { services } = parsed.data;
    // Where the evidence was lost, so was this clock: it goes on behind what was filed, never before it.
    const behind = Math.max(0, ...services.flatMap(([, cells]) => cells.map(([hour]) => (hour + 1) * hourMs)));
    this.#offsetMs = Math.max(this.#offsetMs, behind - nowMs);
    for (const [service, cells] of services)
      this.#budgets.set(service, ErrorBudget.restore(cells, this.#budgets.get(service)?.unfiled() ?? []));
  }

  /** Files hours that are over, if there are new ones. What could not be written stays with the evidence, and is tried again. */
  file(store: BudgetStore, nowMs: number, log: Log): void {
    const time = this.timeAt(nowMs);
    if (!this.#budgets.values().some((budget) => budget.hasToFile(time))) return;
    try {
      store.save({
        format: 1,
        services: Array.from(this.#budgets, ([service, budget]) => [service, budget.over(time)] as const),
      });
    } catch (cause) {
      log.error("the error budgets could not be written, and are kept with the evidence for now", { cause: String(cause) });
      return;
    }
    for (const budget of this.#budgets.values()) budget.filed(time);
  }
}

/** A failure that its visitor met. */
export function isSeen({ arm, outcome, isHarm, shield }: Counter): boolean {
  if (outcome !== "failed") return false;
  // Of a cohort's failures the proxies do not tell which reached them; those that stable was asked to answer did not, mostly.
  return arm === "cohort" ? shield !== "replayed" : arm !== "canary" || isHarm;
}

function costOf(counter: Counter, added: number): BudgetCounts {
  const { arm, weight, outcome, isSlow } = counter;
  // At full weight it is everyone's: a promoted release that is watched while the one before is warm.
  const isTried = arm === "cohort" || (arm === "canary" && weight < 10_000);
  const hasReached = isSeen(counter);
  return {
    requests: added,
    failed: hasReached ? added : 0,
    harmed: hasReached && isTried ? added : 0,
    shielded: outcome === "failed" && !hasReached ? added : 0,
    slow: isSlow === true ? added : 0,
  };
}
