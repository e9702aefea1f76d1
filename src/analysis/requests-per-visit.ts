/** As much as so many visits of one request each is believed before anything was seen. */
const presumedVisits = 100;

export interface RequestsPerVisitState {
  readonly visits: number;
  readonly requestsBefore: number;
}

/**
 * How many requests a visitor of stable makes in a minute, in the mean: what a promise about requests is worth for visitors. From
 * stable alone, because a canary that fails makes its visitors try again.
 */
export class RequestsPerVisit {
  #visits: number;
  /** Of before visits were counted. */
  readonly #requestsBefore: number;

  constructor({ visits, requestsBefore }: RequestsPerVisitState = { visits: 0, requestsBefore: 0 }) {
    this.#visits = visits;
    this.#requestsBefore = requestsBefore;
  }

  /** A visitor had a good answer or its first failure in this minute. */
  visited(): void {
    this.#visits += 1;
  }

  /** At least 1. `requests`: of stable's visitors who are compared, since the rollout began. */
  mean(requests: number): number {
    const counted = Math.max(0, requests - this.#requestsBefore);
    return Math.max(1, (counted + presumedVisits) / (this.#visits + presumedVisits));
  }

  state(): RequestsPerVisitState {
    return { visits: this.#visits, requestsBefore: this.#requestsBefore };
  }
}
