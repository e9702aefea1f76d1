import type { AnyRecord, FromWorker } from "./wire.ts";

export type Report = Extract<FromWorker, { kind: "report" }>;

/** What a report says of the present, whichever records it carries. */
export type ReportState = Pick<Report, "sentAtMs" | "brakes" | "newVisitors" | "previewRefusals" | "inFlight">;

const recordsMax = 50_000;

interface Unkept {
  readonly sequence: number;
  readonly records: readonly AnyRecord[];
  readonly settledUntilMs: number;
}

/**
 * Records on their way to the control plane. They are held until it says that they are kept, at most 50,000 of them;
 * what comes on top is dropped and counted, and whoever sees the count holds every promotion.
 */
export class ReportQueue {
  #waiting: AnyRecord[] = [];
  #unkept: Unkept[] = [];
  #unkeptRecords = 0;
  #sequence = 0;
  #lostRecords = 0;

  add(record: AnyRecord): void {
    if (this.#waiting.length + this.#unkeptRecords >= recordsMax) this.#lostRecords += 1;
    else this.#waiting.push(record);
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The next report, with every record that was waiting. */
  next(
    state: ReportState,
    known: Pick<Report, "settledUntilMs" | "openOnStable">,
    changed: Pick<Report, "counters" | "tallies" | "shadows" | "paths">,
  ): Report {
    this.#sequence += 1;
    const records = this.#waiting;
    this.#waiting = [];
    if (records.length > 0) {
      this.#unkept.push({ sequence: this.#sequence, records, settledUntilMs: known.settledUntilMs });
      this.#unkeptRecords += records.length;
    }
    return {
      kind: "report",
      ...state,
      sequence: this.#sequence,
      records,
      ...known,
      ...changed,
      lostRecords: this.#lostRecords,
    };
  }

  /** The reports that nobody has kept yet, to be sent again on a new link. Their counters follow in the next report. */
  unkept(state: ReportState): readonly Report[] {
    return this.#unkept.map((report) => ({ kind: "report", ...state, ...report, counters: [], lostRecords: this.#lostRecords }));
  }

  kept(sequence: number): void {
    const first = this.#unkept.findIndex((report) => report.sequence > sequence);
    const kept = this.#unkept.splice(0, first === -1 ? this.#unkept.length : first);
    for (const { records } of kept) this.#unkeptRecords -= records.length;
  }
}
