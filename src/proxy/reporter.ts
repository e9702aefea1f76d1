import type { Clock } from "../ports/clock.ts";
import type { FrontCounts } from "../routing/front-counts.ts";
import { isComparing } from "../routing/table.ts";
import type { FromWorker } from "../routing/wire.ts";
import type { WorkerState } from "../routing/worker-state.ts";

const idleReportMs = 1_000;
/** An error is weighed when every worker has told what it knows of the requests before it. */
const comparingReportMs = 100;
/** A canary that fails a thousand times a second is reported every other millisecond, not for each failure. */
const urgentGapMs = 2;

export interface ReporterOptions {
  readonly state: WorkerState;
  readonly counts: FrontCounts;
  readonly clock: Clock;
  readonly link: { readonly isReady: boolean; send(message: FromWorker): void };
  /** Ends what is past its deadline, so that a report's settled time holds. */
  readonly enforceDeadlines: () => void;
}

/** Decides when the control plane hears what happened: at once for a canary's failure, every 50 ms for news, else each second, or a tenth of it while sides are compared. */
export class Reporter {
  readonly #options: ReporterOptions;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isUrgentPlanned = false;
  #brakes = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Something was judged. What is urgent leaves as soon as the present work is done. */
  judged(): void {
    if (this.#isUrgentPlanned || !this.#options.state.hasUrgentNews) return;
    if (this.#options.clock.monotonicMs() - this.#lastMs < urgentGapMs) return;
    this.#isUrgentPlanned = true;
    queueMicrotask(() => {
      this.#isUrgentPlanned = false;
      this.send();
    });
  }

  /** Called every 50 ms. */
  tick(): void {
    const { state, counts, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const brakes = state.brakes(nowMs).length;
    const gapMs = isComparing(state.table) ? comparingReportMs : idleReportMs;
    const isDue = state.hasNews || counts.hasChanged || brakes !== this.#brakes || nowMs - this.#lastMs >= gapMs;
    this.#brakes = brakes;
    if (isDue) this.send();
  }

  /** On a new link: what nobody has kept, then everything there is. */
  relinked(): void {
    const { state, clock, link } = this.#options;
    for (const report of state.reportsAfterReconnect(clock.monotonicMs())) link.send(report);
    this.send();
  }

  /** Sends a report now, if the link takes one. */
  send(): void {
    const { state, counts, clock, link, enforceDeadlines } = this.#options;
    if (!link.isReady) return;
    enforceDeadlines();
    this.#lastMs = clock.monotonicMs();
    link.send({ ...state.report(this.#lastMs), front: counts.report() });
  }
}
