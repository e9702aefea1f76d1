import type { ScoredRequest } from "./unit-records.ts";
import type { OpenOnStable, OpenRequest } from "./wire.ts";

/** So many are told of one rollout, the oldest; of what began after them nothing is known then. */
const toldMax = 64;

interface Open {
  readonly request: ScoredRequest;
  readonly deadlineMs: number;
}

/**
 * The requests of stable that are compared and have not ended, by rollout, in the order of their start. Whoever compares errors
 * has to reckon with the failure of each, or to wait for it. `Key` is whatever stands for a request.
 */
export class OpenRequests<Key> {
  readonly #byRollout = new Map<string, Map<Key, Open>>();

  /** Requests come in the order of their start. `deadlineMs`: how long it is waited for at most. */
  started(key: Key, request: ScoredRequest, deadlineMs: number): void {
    const { rollout, arm, weight } = request;
    if (arm !== "stable" || weight <= 0 || weight >= 10_000) return;
    this.#byRollout.getOrInsertComputed(rollout, () => new Map()).set(key, { request, deadlineMs });
  }

  /** It was judged, is compared no more, or was none of these requests. */
  ended(key: Key): void {
    for (const [rollout, open] of this.#byRollout) if (open.delete(key) && open.size === 0) this.#byRollout.delete(rollout);
  }

  /** Of each rollout that has an open request. A rollout that is not named has none. */
  told(nowMs: number): readonly OpenOnStable[] {
    const told = Array.from(this.#byRollout, ([rollout, open]) => this.#toldOf(rollout, open, nowMs));
    return told.filter(({ requests }) => requests.length > 0);
  }

  #toldOf(rollout: string, open: ReadonlyMap<Key, Open>, nowMs: number): OpenOnStable {
    const requests: OpenRequest[] = [];
    for (const [key, { request, deadlineMs }] of open) {
      const { unit, weight, startMs } = request;
      if (nowMs - startMs > deadlineMs) this.ended(key);
      else if (requests.length < toldMax) requests.push({ unit, weight, atMs: startMs });
      else return { rollout, requests, knownUntilMs: startMs };
    }
    return { rollout, requests, knownUntilMs: nowMs };
  }
}
