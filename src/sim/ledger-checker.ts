import { isDeepStrictEqual } from "node:util";
import { Deployments } from "../control/deployments.ts";
import { parseEntry } from "../ledger/upcast.ts";
import { desired, desiredWeight } from "../rollout/desired.ts";
import type { Entry } from "../rollout/entry.ts";
import { isEnded, type ReleaseId, type Rollout, type RolloutId } from "../rollout/rollout.ts";
import type { Service } from "../rollout/service.ts";
import { PromotionChecker } from "./promotion-checker.ts";
import type { Behaviour } from "./releases.ts";
import { SupervisionChecker } from "./supervision-checker.ts";
import type { Complain } from "./violation.ts";

export interface Row {
  readonly text: string;
}

interface WeightSince {
  readonly position: number;
  readonly weight: number;
}

/** Reads what is on the disk, as nobody else does, and holds the ledger's own promises against it. */
export class LedgerChecker {
  readonly #complain: Complain;
  readonly #onEntry: (entry: Entry, service: Service | undefined) => void;
  readonly #promotions: PromotionChecker;
  readonly #supervision: SupervisionChecker;
  readonly #deployments: Deployments;
  #position = 0;
  readonly #weights = new Map<RolloutId, WeightSince[]>();
  readonly #spared = new Set<ReleaseId>();

  constructor(options: {
    complain: Complain;
    behaviourOf: (release: ReleaseId) => Behaviour | undefined;
    onEntry?: (entry: Entry, service: Service | undefined) => void;
    deployments?: Deployments;
  }) {
    this.#deployments = options.deployments ?? new Deployments();
    this.#complain = options.complain;
    this.#onEntry = options.onEntry ?? (() => {});
    this.#promotions = new PromotionChecker(options);
    this.#supervision = new SupervisionChecker(options.complain);
  }

  get position(): number {
    return this.#position;
  }

  get services(): readonly Service[] {
    return this.#deployments.all();
  }

  rollout(id: RolloutId): Rollout | undefined {
    return this.#deployments.rollout(id);
  }

  catchUp(rows: readonly Row[]): void {
    for (let row = rows[this.#position]; row !== undefined; row = rows[this.#position]) {
      this.#apply(parseEntry(row.text, this.#position + 1));
    }
  }

  /** Weight of a rollout's canary as the ledger had it up to `position`; 0 when it says nothing. */
  weightAt(rollout: RolloutId, position: number): number {
    return this.#weights.get(rollout)?.findLast((since) => since.position <= position)?.weight ?? 0;
  }

  /** Given up, and every proxy has acknowledged that: nothing is sent to it any more. */
  isSpared(release: ReleaseId): boolean {
    return this.#spared.has(release);
  }

  /** The state of a control plane that has read as far. */
  compare(live: Deployments): void {
    if (isDeepStrictEqual(live.all(), this.#deployments.all())) return;
    this.#complain("replay-equals-live", `the control plane's services differ from the ledger's at entry ${this.#position}`);
  }

  /** Reads everything anew, and must come to the same state. */
  replay(rows: readonly Row[]): void {
    const again = new Deployments();
    rows.forEach((row, index) => {
      again.apply(parseEntry(row.text, index + 1));
    });
    this.compare(again);
  }

  #apply(entry: Entry): void {
    this.#position = entry.position;
    if (entry.service === "") {
      this.#onEntry(entry, undefined);
      return;
    }
    const before = this.#deployments.find(entry.environment, entry.service);
    this.#deployments.apply(entry);
    const after = this.#deployments.find(entry.environment, entry.service);
    if (after === undefined) return;
    this.#checkEnds(entry, before?.rollout ?? null, after.rollout);
    this.#noteRouting(entry, before?.rollout ?? null, after);
    this.#promotions.apply(entry, before?.rollout ?? null, after.rollout);
    this.#supervision.apply(entry, before?.rollout?.id === entry.rollout ? before.rollout : null);
    this.#onEntry(entry, after);
  }

  #checkEnds(entry: Entry, before: Rollout | null, after: Rollout | null): void {
    if (before === null || after === null) return;
    if (!isEnded(before)) {
      if (before.id !== after.id) this.#complain("one-rollout", `${after.id} began while ${before.id} was ${before.phase.name}`);
      return;
    }
    if (before.id === after.id && !isDeepStrictEqual(before.phase, after.phase)) {
      const words = `${before.id} was ${before.phase.name} and became ${after.phase.name} by entry ${entry.position}`;
      this.#complain("terminal-phase", words);
    }
  }

  #noteRouting({ position }: Entry, before: Rollout | null, service: Service): void {
    const { routing } = desired(service);
    const { rollout } = service;
    if (rollout !== null) {
      const isExposed = routing?.exposure?.rollout === rollout.id;
      const weight = isExposed ? desiredWeight(rollout) : 0;
      const history = this.#weights.getOrInsertComputed(rollout.id, () => []);
      if (history.at(-1)?.weight !== weight) history.push({ position, weight });
    }
    if (before?.phase.name === "aborting" && rollout?.id === before.id && rollout.phase.name === "aborted") {
      if (rollout.candidate !== null) this.#spared.add(rollout.candidate);
    }
    if (routing === null) return;
    this.#spared.delete(routing.stable);
    if (routing.exposure !== null) this.#spared.delete(routing.exposure.canary);
  }
}
