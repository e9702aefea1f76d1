import { BelayError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../ports/clock.ts";
import type { Fact, NewEntry } from "../rollout/entry.ts";
import type { Actor } from "../rollout/rollout.ts";
import { Deployments } from "./deployments.ts";

export const loopActor: Actor = { kind: "system", name: "control loop", via: "loop" };

const readAtOnce = 1000;

/** The ledger together with what it says. Nothing changes in memory that is not on disk first. */
export class Journal {
  readonly deployments: Deployments = new Deployments();
  #ledger: Ledger;
  #clock: Clock;
  #position = 0;
  #trouble: { readonly sinceMs: number; readonly cause: string } | null = null;

  constructor({ ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock }) {
    this.#ledger = ledger;
    this.#clock = clock;
    for (;;) {
      const page = ledger.read({ afterPosition: this.#position, limit: readAtOnce });
      for (const { entry } of page) {
        this.deployments.apply(entry);
        this.#position = entry.position;
      }
      if (page.length < readAtOnce) break;
    }
  }

  get position(): number {
    return this.#position;
  }

  /** Why nothing can be written down at present, or null. */
  get trouble(): string | null {
    return this.#trouble?.cause ?? null;
  }

  /**
   * Records facts and applies them, all or none. Returns false when the ledger cannot be written: then `trouble` says why
   * and the caller takes every weight back.
   */
  append(entries: readonly NewEntry[]): boolean {
    try {
      const written = this.#ledger.append({ afterPosition: this.#position, entries });
      for (const entry of written) {
        this.deployments.apply(entry);
        this.#position = entry.position;
      }
      return true;
    } catch (cause) {
      if (!(cause instanceof BelayError) || cause.code !== "BELAY_LEDGER_UNWRITABLE") throw cause;
      this.reportTrouble(cause.message);
      return false;
    }
  }

  /** As `append`, for a person's command: throws what the ledger said instead of returning false. */
  appendOrThrow(entries: readonly NewEntry[]): void {
    if (this.append(entries)) return;
    throw new BelayError({
      code: "BELAY_LEDGER_UNWRITABLE",
      message: `nothing was done, because it could not be written down: ${this.trouble}`,
      next: "Free space in the data folder; Belay goes on by itself as soon as it can write.",
    });
  }

  /** Something durable beside the ledger could not be written; the same rule holds as for the ledger itself. */
  reportTrouble(cause: string): void {
    this.#trouble ??= { sinceMs: this.#clock.monotonicMs(), cause };
  }

  /** Tries to write again by writing down that it could not. True when it can. */
  tryRecover(): boolean {
    const trouble = this.#trouble;
    if (trouble === null) return true;
    const unwritableMs = Math.round(this.#clock.monotonicMs() - trouble.sinceMs);
    if (!this.append([systemEntry({ kind: "ledger-recovered", unwritableMs, cause: trouble.cause })])) return false;
    this.#trouble = null;
    return true;
  }
}

/** A fact about the control plane itself. */
export function systemEntry(fact: Fact): NewEntry {
  return { environment: "", service: "", rollout: "", actor: loopActor, fact };
}
