import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Plan } from "../rollout/rollout.ts";
import type { SourceReading } from "../rollout/source.ts";
import type { Counter, UnitRecord } from "../routing/wire.ts";
import type { WorkerReport } from "../routing/worker-view.ts";
import { RolloutWatch, type WatchSnapshot } from "./rollout-watch.ts";
import { TrafficCounts, type TrafficSnapshot } from "./traffic-counts.ts";

/** Where the evidence outlives the control plane. `save` throws when it cannot be made durable. */
export interface EvidenceStore {
  load(): unknown;
  save(snapshot: EvidenceSnapshot): void;
}

/** A point on the monotonic clock, and the life of the machine in which it means something. */
export interface Moment {
  readonly nowMs: number;
  readonly machineBoot: string;
  /** Wall clock. How long the machine was off is read from it, and nothing else. */
  readonly wallMs: number;
}

export function momentOf({ clock, machineBoot }: { readonly clock: Clock; readonly machineBoot: string }): Moment {
  return { nowMs: clock.monotonicMs(), machineBoot, wallMs: clock.now().epochMilliseconds };
}

interface WorkerPosition {
  readonly worker: string;
  readonly boot: string;
  readonly sequence: number;
  readonly lostRecords: number;
}

export interface EvidenceSnapshot {
  readonly format: 1;
  /** When and in which life of the machine this was written: how long the control plane was away is read from it. */
  readonly savedAtMs: number;
  readonly machineBoot: string;
  readonly workers: readonly WorkerPosition[];
  /** Absent in snapshots from before boots were forgotten. */
  readonly lostByForgotten?: number;
  readonly traffic: TrafficSnapshot;
  readonly watches: readonly (readonly [string, WatchSnapshot])[];
}

const bootsKept = 4;

/** Of whom counts are still asked for. */
export interface Wanted {
  /** A rollout whose totals are shown. */
  readonly isShown: (rollout: string) => boolean;
  /** A release that serves or could at once: stable, warm, a candidate, or any other of which instances are there. */
  readonly isServed: (release: Pick<Counter, "environment" | "service" | "release">) => boolean;
}

/**
 * The evidence of all rollouts, and up to which report of which worker it goes. Workers keep their reports until a
 * checkpoint holds them, so that each is absorbed exactly once, also over a crash of the control plane.
 */
export class EvidenceBook {
  readonly traffic: TrafficCounts = new TrafficCounts();
  /** How long nobody had saved when this book was restored: for so long at most no lease was renewed. Infinite over a restart of the machine. */
  awayMs: number = Number.POSITIVE_INFINITY;
  #watches = new Map<string, RolloutWatch>();
  #workers = new Map<string, WorkerPosition>();
  /** Records that forgotten boots had lost: the sum must never fall. */
  #lostByForgotten = 0;
  #isChanged = false;

  /**
   * What was saved, or an empty book. So is one that cannot be read, whatever the reason: without a control plane nobody could
   * mend it, and because its `awayMs` is infinite too, what was exposed is paused before anything is judged by an empty book.
   */
  static restore(snapshot: unknown, moment: Moment, log: Log): EvidenceBook {
    if (snapshot === null || snapshot === undefined) return new EvidenceBook();
    try {
      if (isSnapshot(snapshot)) return EvidenceBook.#read(snapshot, moment);
      log.error("the kept evidence has a form that this program does not know, and begins anew");
    } catch (cause) {
      log.error("the kept evidence cannot be read, and begins anew", { cause: String(cause) });
    }
    return new EvidenceBook();
  }

  static #read(snapshot: EvidenceSnapshot, { nowMs, machineBoot, wallMs }: Moment): EvidenceBook {
    const book = new EvidenceBook();
    const isSameBoot = snapshot.machineBoot === machineBoot;
    book.awayMs = isSameBoot ? nowMs - snapshot.savedAtMs : Number.POSITIVE_INFINITY;
    for (const position of snapshot.workers) book.#workers.set(`${position.worker}/${position.boot}`, position);
    book.#lostByForgotten = snapshot.lostByForgotten ?? 0;
    const { counters, burn, shadows, budgets } = snapshot.traffic;
    book.traffic.restore({ counters, shadows, burn: isSameBoot || budgets !== undefined ? burn : [] });
    if (budgets !== undefined) book.traffic.budgets.resume(budgets, { nowMs, wallMs, savedMs: snapshot.savedAtMs, isSameBoot });
    for (const [rollout, watch] of snapshot.watches) book.#watches.set(rollout, RolloutWatch.restore(watch, nowMs));
    return book;
  }

  /** On a new link a worker tells all its counters again. Those that are not wanted any more were counted in their time. */
  absorb(report: WorkerReport, nowMs: number, { isShown, isServed }: Wanted): void {
    const key = `${report.worker}/${report.boot}`;
    const before = this.#workers.get(key);
    if (before !== undefined && report.sequence <= before.sequence) return;
    const { worker, boot, sequence, lostRecords } = report;
    this.#workers.set(key, { worker, boot, sequence, lostRecords });
    const counters = report.counters.filter((counter) =>
      counter.rollout === "" ? isServed(counter) || this.traffic.hasCounted(report, counter) : isShown(counter.rollout),
    );
    const shadows = report.shadows?.filter(({ rollout }) => isShown(rollout));
    this.traffic.absorb({ ...report, counters, shadows }, nowMs);
    for (const record of report.records) this.#watches.get(record.rollout)?.absorb(record);
    this.#isChanged = true;
  }

  /** What came of asking a source; nothing when nobody watches the rollout any more. */
  absorbReading(rollout: string, name: string, answer: { readonly reading: SourceReading; readonly askedAtMs: number }): void {
    this.#watches.get(rollout)?.absorbReading(name, answer);
    this.#isChanged = true;
  }

  /** An outcome that the application posted. Unlike a worker's report it comes once, so what came since the last checkpoint is lost in a crash. */
  absorbEvent(record: UnitRecord): void {
    this.#watches.get(record.rollout)?.absorb(record);
    this.#isChanged = true;
  }

  /** The rollout's watch, begun when there is none yet. */
  watch(rollout: string, plan: Plan, nowMs: number): RolloutWatch {
    return this.#watches.getOrInsertComputed(rollout, () => RolloutWatch.begin(plan, nowMs, this.lostRecords()));
  }

  find(rollout: string): RolloutWatch | undefined {
    return this.#watches.get(rollout);
  }

  lostRecords(): number {
    let lost = this.#lostByForgotten;
    for (const position of this.#workers.values()) lost += position.lostRecords;
    return lost;
  }

  /** Forgets the evidence of rollouts that nobody watches any more, and the counts of what is not wanted any more. */
  prune(isWatched: (rollout: string) => boolean, { isShown, isServed }: Wanted, nowMs: number): void {
    for (const rollout of this.#watches.keys()) {
      if (isWatched(rollout)) continue;
      this.#watches.delete(rollout);
      this.#isChanged = true;
    }
    this.traffic.forgetRollouts(isShown);
    this.traffic.forgetReleases(isServed, nowMs);
    this.#forgetBoots();
  }

  /** A worker that ends again and again must not fill the book. Of each the last boots are kept, and those with a part in what is shown. */
  #forgetBoots(): void {
    for (const boots of Map.groupBy(this.#workers.values(), ({ worker }) => worker).values()) {
      for (const { worker, boot, lostRecords } of boots.slice(0, -bootsKept)) {
        if (!this.traffic.forgetBoot(worker, boot)) continue;
        this.#workers.delete(`${worker}/${boot}`);
        this.#lostByForgotten += lostRecords;
        this.#isChanged = true;
      }
    }
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Makes everything absorbed so far durable; returns the positions that the workers may forget. */
  saveTo(store: EvidenceStore, { nowMs, machineBoot, wallMs }: Moment): readonly WorkerPosition[] {
    store.save({
      format: 1,
      savedAtMs: nowMs,
      machineBoot,
      workers: [...this.#workers.values()],
      lostByForgotten: this.#lostByForgotten,
      traffic: this.traffic.snapshot({ wallMs }),
      watches: [...this.#watches].map(([rollout, watch]) => [rollout, watch.snapshot(nowMs)] as const),
    });
    this.#isChanged = false;
    return [...this.#workers.values()];
  }
}

function isSnapshot(value: unknown): value is EvidenceSnapshot {
  return typeof value === "object" && value !== null && "format" in value && value.format === 1;
}
