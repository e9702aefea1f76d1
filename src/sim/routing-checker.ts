import { isShadow } from "../rollout/shadow.ts";
import { bucketOf } from "../routing/assignment.ts";
import type { Choice } from "../routing/in-flight.ts";
import type { WorkerState } from "../routing/worker-state.ts";
import type { SimInstance } from "./instance.ts";
import type { LedgerChecker } from "./ledger-checker.ts";
import type { Complain } from "./violation.ts";

/** What the checkers look at of a worker. */
export interface CheckedWorker {
  readonly name: string;
  readonly boot: string;
  readonly state: Pick<WorkerState, "table" | "brakes">;
  readonly grantedAtMs: number | null;
}

interface Side {
  arm: "stable" | "canary";
  weight: number;
  changes: number;
}

interface Drawn {
  readonly weight: number;
  visitors: number;
  onCanary: number;
}

/** Without a control plane, the canary may have traffic for the lease and this long. */
const leaseSlackMs = 1_000;
/** A share this many standard deviations above the weight is not chance. */
const sigmas = 6;

/** Who may get which request, held against each request that is sent. */
export class RoutingChecker {
  readonly #complain: Complain;
  readonly #ledger: Pick<LedgerChecker, "weightAt" | "isSpared" | "position">;
  readonly #epochs = new Map<string, number>();
  readonly #sides = new Map<string, Side>();
  readonly #drawn = new Map<string, Drawn>();
  /** When the control plane died; null while it lives. */
  controlGoneAtMs: number | null = null;
  /** Since when nothing can be written anywhere and every worker hears that; null when all is well. */
  unwritableSinceMs: number | null = null;
  /** With a fault about, workers may serve different tables for longer than a visitor's thought. */
  mayDiffer = false;

  constructor(options: { complain: Complain; ledger: Pick<LedgerChecker, "weightAt" | "isSpared" | "position"> }) {
    this.#complain = options.complain;
    this.#ledger = options.ledger;
  }

  acceptedTable({ name, boot, state: { table } }: CheckedWorker): void {
    const before = this.#epochs.get(boot) ?? 0;
    if (table.epoch < before) this.#complain("epoch-goes-back", `${name} went from table ${before} to ${table.epoch}`);
    this.#epochs.set(boot, table.epoch);
    if (table.epoch > this.#ledger.position) {
      this.#complain(
        "recorded-before-acted",
        `${name} serves table ${table.epoch}, but the ledger ends at ${this.#ledger.position}`,
      );
    }
    for (const { exposure } of table.services) {
      if (exposure === null || exposure.weight === 0) continue;
      const recorded = this.#ledger.weightAt(exposure.rollout, table.epoch);
      if (exposure.weight <= recorded) continue;
      this.#complain(
        "recorded-before-acted",
        `${name} serves ${exposure.rollout} at ${exposure.weight}, the ledger says ${recorded}`,
      );
    }
  }

  /** A connection to an instance was tried. */
  tried(worker: CheckedWorker, instance: SimInstance | undefined): void {
    if (instance === undefined) return;
    if (instance.stopAsked) this.#complain("stopped-instance", `${worker.name} tried ${instance.id}, which Belay had stopped`);
    if (!instance.wasEverReady && !instance.wasLiedAbout) {
      this.#complain("unready-instance", `${worker.name} tried ${instance.id}, which was never ready`);
    }
  }

  /** A worker has chosen where a visitor's request goes. */
  chosen(worker: CheckedWorker, choice: Choice, visitor: string, nowMs: number): void {
    if (choice.unit !== null && choice.weight > 0 && choice.weight < 10_000) this.#noteSide(worker, choice, visitor);
    else if (choice.arm === "stable" && choice.rollout !== "") this.#wentToStable(worker, choice, visitor, nowMs);
  }

  /** A request goes to an instance. `isFallback`: no canary instance took it, and stable does. */
  sent(options: {
    worker: CheckedWorker;
    instance: SimInstance;
    choice: Choice;
    visitor: string;
    isFallback: boolean;
    isWithdrawn: boolean;
    nowMs: number;
  }): void {
    const { worker, instance, choice, visitor, isFallback, isWithdrawn, nowMs } = options;
    const release = instance.release.id;
    if (isShadow(release)) this.#complain("shadow-serves-nobody", `${worker.name} sent a visitor's request to ${instance.id}`);
    if (this.#ledger.isSpared(release)) {
      this.#complain("spared-canary", `${worker.name} sent a request to ${release} after its end was acknowledged`);
    }
    if (choice.arm === "canary" && choice.fallback !== null && !isFallback) this.#onCanary(worker, choice, visitor, nowMs);
    if (isWithdrawn) this.#wentToStable(worker, choice, visitor, nowMs);
  }

  /** The canary's share of the visitors that were drawn at each weight. */
  atEnd(): void {
    for (const [key, { weight, visitors, onCanary }] of this.#drawn) {
      const share = weight / 10_000;
      const allowed = visitors * share + sigmas * Math.sqrt(visitors * share * (1 - share)) + 1;
      if (onCanary > allowed)
        this.#complain("share-of-visitors", `${key}: ${onCanary} of ${visitors} visitors were on the canary`);
    }
  }

  #onCanary(worker: CheckedWorker, choice: Choice, visitor: string, nowMs: number): void {
    const { rollout, weight, exposureEpoch } = choice;
    const recorded = this.#ledger.weightAt(rollout, exposureEpoch);
    if (weight === 0 || weight > recorded || bucketOf(rollout, visitor) >= weight) {
      this.#complain(
        "weight-in-force",
        `${visitor} was sent to the canary of ${rollout} at ${weight}; the ledger says ${recorded}`,
      );
    }
    const ttlMs = choice.service.exposure?.leaseTtlMs ?? 0;
    const ranOut = (sinceMs: number | null): boolean => sinceMs !== null && nowMs - sinceMs > ttlMs + leaseSlackMs;
    if (worker.grantedAtMs === null || ranOut(worker.grantedAtMs)) {
      this.#complain("lease-ran-out", `${worker.name} exposes ${rollout}, and was last granted that at ${worker.grantedAtMs} ms`);
    }
    if (ranOut(this.controlGoneAtMs)) {
      this.#complain(
        "lease-ran-out",
        `${worker.name} exposes ${rollout}, and no control plane has lived since ${this.controlGoneAtMs} ms`,
      );
    }
    if (ranOut(this.unwritableSinceMs)) {
      this.#complain(
        "unwritable-exposes-nobody",
        `${worker.name} exposes ${rollout}, and nothing could be written since ${this.unwritableSinceMs} ms`,
      );
    }
  }

  /** A visitor's side at a weight between nobody and everybody. */
  #noteSide(worker: CheckedWorker, choice: Choice, visitor: string): void {
    const { rollout, arm, weight } = choice;
    // Nobody in the simulated world is in a cohort or has a preview.
    if (arm === "cohort" || arm === "preview") return;
    const key = `${rollout} ${visitor}`;
    const before = this.#sides.get(key);
    this.#noteDraw(choice, visitor);
    if (before === undefined) {
      this.#sides.set(key, { arm, weight, changes: 0 });
      return;
    }
    if (before.arm === "canary" && arm === "stable" && weight >= before.weight) {
      this.#complain(
        "keeps-its-side",
        `${worker.name} took ${visitor} from the canary of ${rollout} at ${weight}, where it was at ${before.weight}`,
      );
    }
    if (before.arm !== arm) before.changes += 1;
    if (before.changes > 1 && !this.mayDiffer)
      this.#complain("keeps-its-side", `${visitor} changed its side of ${rollout} twice`);
    before.arm = arm;
    before.weight = Math.max(before.weight, weight);
  }

  /** Unscored on stable: right only while this worker does not expose the rollout. */
  #wentToStable(worker: CheckedWorker, choice: Choice, visitor: string, nowMs: number): void {
    const side = this.#sides.get(`${choice.rollout} ${visitor}`);
    const { service, environment } = choice.service;
    const present = worker.state.table.services.find((route) => route.service === service && route.environment === environment);
    const exposure = present?.exposure ?? null;
    if (side === undefined || side.arm === "stable" || exposure === null) return;
    if (exposure.rollout !== choice.rollout || exposure.weight < side.weight) return;
    const isBraked = worker.state.brakes(nowMs).some((brake) => brake.rollout === choice.rollout);
    if (isBraked || worker.grantedAtMs === null) return;
    this.#complain(
      "keeps-its-side",
      `${worker.name} sent ${visitor} to stable, and ${choice.rollout} is at ${exposure.weight} there`,
    );
  }

  #noteDraw({ rollout, arm, weight }: Choice, visitor: string): void {
    const drawn = this.#drawn.getOrInsertComputed(`${rollout} at ${weight}`, () => ({ weight, visitors: 0, onCanary: 0 }));
    const key = `${rollout} ${visitor}`;
    if (this.#sides.has(key)) return;
    drawn.visitors += 1;
    if (arm === "canary") drawn.onCanary += 1;
  }
}
