import { BoundedUnits } from "./bounded-units.ts";

const visitorsMax = 65_536;

/** Whose request is looked at: the number of the one that is scored, and how many have come. */
interface Turn {
  readonly scored: number;
  readonly came: number;
}

export interface OnePerVisitorState {
  readonly requests: number;
  readonly visitors: number;
  readonly halvings: number;
  /** `visitor:scored:came`, joined by commas. */
  readonly turns: string;
}

/**
 * Which request of a visitor a gate scores, where each request is drawn for itself: one, by its number, chosen before anything
 * is known of it. A gate that took all of them would count a visitor whom the release never fails again and again (measured:
 * 14 % of releases at the margin passed in place of 5). The number is drawn evenly up to the mean that visitors have asked so
 * far, so that pages behind the first weigh as much, and clients that keep no cookies, each of whom asks once, are all scored.
 */
export class OnePerVisitor {
  readonly #turns: BoundedUnits<Turn>;
  #requests: number;
  #visitors: number;

  constructor(state: OnePerVisitorState = { requests: 0, visitors: 0, halvings: 0, turns: "" }) {
    this.#requests = state.requests;
    this.#visitors = state.visitors;
    this.#turns = new BoundedUnits(visitorsMax, state.halvings);
    for (const item of state.turns === "" ? [] : state.turns.split(",")) {
      const [visitor = "", scored = "", came = ""] = item.split(":");
      this.#turns.set(visitor, { scored: Number(scored), came: Number(came) });
    }
  }

  /** A new request of the visitor, 16 hex digits. True when it is the one that is scored. */
  asks(visitor: string): boolean {
    const known = this.#turns.get(visitor);
    if (known === undefined && !this.#turns.accepts(visitor)) return false;
    const turn = known ?? { scored: this.#drawn(visitor), came: 0 };
    const came = turn.came + 1;
    this.#turns.set(visitor, { ...turn, came });
    if (known === undefined) this.#visitors += 1;
    this.#requests += 1;
    return came === turn.scored;
  }

  state(): OnePerVisitorState {
    const turns = Array.from(this.#turns.entries(), ([visitor, { scored, came }]) => `${visitor}:${scored}:${came}`);
    return { requests: this.#requests, visitors: this.#visitors, halvings: this.#turns.halvings, turns: turns.join(",") };
  }

  #drawn(visitor: string): number {
    const mean = Math.max(1, Math.round(this.#requests / Math.max(1, this.#visitors)));
    return 1 + (Number.parseInt(visitor.slice(-4), 16) % mean);
  }
}
