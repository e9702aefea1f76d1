import type { Clock } from "../ports/clock.ts";
import type { Target } from "../routing/table.ts";
import type { ExchangeObserver, UpstreamEnd, UpstreamExchange } from "./exchange.ts";

export interface HedgeOptions {
  readonly clock: Clock;
  readonly first: Target;
  /** Whom to ask as well once `afterMs` are over; null when nobody may be. */
  readonly second: () => Target | null;
  readonly afterMs: number;
  readonly start: (target: Target, observer: ExchangeObserver) => UpstreamExchange;
  readonly observer: ExchangeObserver;
  /** The second one answers in the first one's place. */
  readonly onSecondWon: (target: Target) => void;
  /** A leg whose end the observer does not hear of. None of one that came second and is let go: it had less time than the first. */
  readonly onLost: (target: Target, how: LostLeg) => void;
}

/** Why a leg's answer is not taken: it refused, broke, failed, or let the other one be first. */
export type LostLeg = "refused" | "reset" | "failed" | "beaten";

interface Leg {
  readonly target: Target;
  exchange: UpstreamExchange | null;
  end: UpstreamEnd | null;
}

/**
 * One exchange that two instances are asked for, the second when the first keeps its answer's head back for too long. The first head
 * is taken and the other leg ended; a failing one of the second leg is not taken while the first may still answer.
 */
export class HedgedExchange implements UpstreamExchange {
  readonly #options: HedgeOptions;
  readonly #first: Leg;
  #second: Leg | null = null;
  #winner: Leg | null = null;
  readonly #over = new AbortController();

  constructor(options: HedgeOptions) {
    this.#options = options;
    this.#first = this.#begin(options.first);
    const { signal } = this.#over;
    if (signal.aborted) return;
    options.clock.sleep(options.afterMs, signal).then(
      () => this.#hedge(),
      (cause: unknown) => {
        if (!signal.aborted) throw cause;
      },
    );
  }

  resume(): void {
    this.#winner?.exchange?.resume();
  }

  abort(): void {
    this.#over.abort();
    for (const leg of [this.#first, this.#second]) if (leg?.end === null) leg.exchange?.abort();
  }

  #hedge(): void {
    if (this.#over.signal.aborted) return;
    const target = this.#options.second();
    if (target !== null) this.#second = this.#begin(target);
  }

  #begin(target: Target): Leg {
    const leg: Leg = { target, exchange: null, end: null };
    const { observer, start } = this.#options;
    leg.exchange = start(target, {
      mayStart: () => (this.#winner === null || this.#winner === leg) && observer.mayStart(),
      // Hints of one are none of the other, which may be the one that answers.
      informationArrived: (head) => void (this.#second === null && observer.informationArrived(head)),
      headArrived: (head) => this.#headArrived(leg, head),
      dataArrived: (chunk) => this.#winner !== leg || observer.dataArrived(chunk),
      trailersArrived: (trailers) => void (this.#winner === leg && observer.trailersArrived(trailers)),
      ended: (end) => this.#ended(leg, end),
    });
    return leg;
  }

  #headArrived(leg: Leg, head: Parameters<ExchangeObserver["headArrived"]>[0]): void {
    if (this.#winner !== null) return;
    const isSecond = leg === this.#second;
    if (isSecond && head.status >= 500 && this.#first.end === null) {
      this.#drop(leg);
      this.#options.onLost(leg.target, "failed");
      return;
    }
    this.#winner = leg;
    this.#over.abort();
    const other = isSecond ? this.#first : this.#second;
    if (isSecond) this.#firstLost();
    if (other !== null) this.#drop(other);
    if (isSecond) this.#options.onSecondWon(leg.target);
    this.#options.observer.headArrived(head);
  }

  #ended(leg: Leg, end: UpstreamEnd): void {
    if (leg.end !== null) return;
    leg.end = end;
    if (this.#winner !== null) {
      if (this.#winner === leg) this.#options.observer.ended(end);
      return;
    }
    // Of the first one the observer hears, unless the second one answers after all.
    if (leg === this.#second && (end === "refused" || end === "reset")) this.#options.onLost(leg.target, end);
    if (leg === this.#second ? this.#first.end === null : this.#second?.end === null) return;
    this.#over.abort();
    this.#options.observer.ended(leg === this.#second ? (this.#first.end ?? end) : end);
  }

  #firstLost(): void {
    const { target, end } = this.#first;
    if (end === null) this.#options.onLost(target, "beaten");
    else if (end === "refused" || end === "reset") this.#options.onLost(target, end);
  }

  #drop(leg: Leg): void {
    if (leg.end !== null) return;
    leg.end = "withdrawn";
    leg.exchange?.abort();
  }
}
