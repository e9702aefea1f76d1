import type { InFlight } from "../routing/in-flight.ts";
import type { Pool, Target } from "../routing/table.ts";
import type { WorkerState } from "../routing/worker-state.ts";

/**
 * Which instance a request is tried on next. Those of its release first; a request that no canary instance took goes to
 * stable, so does one that the canary failed and the shield covers, and so does one that a table or a brake took away from its release before it was sent.
 */
export class Attempts {
  readonly #state: WorkerState;
  readonly #request: InFlight;
  #targets: readonly Target[];
  #next = 0;
  #refusals = 0;

  constructor(options: { readonly state: WorkerState; readonly request: InFlight; readonly nowMs: number }) {
    this.#state = options.state;
    this.#request = options.request;
    this.#targets = this.#state.targets(this.#request.choice.pool, options.nowMs);
  }

  /** Null when nobody is left to try. */
  next(nowMs: number): Target | null {
    if (!this.#state.maySend(this.#request, nowMs)) this.#leaveRelease(nowMs);
    else if (this.#isOnCanary && this.#next >= this.#targets.length) this.#fallBack(nowMs);
    const target = this.#targets[this.#next] ?? null;
    this.#next += 1;
    if (target !== null) this.#state.exchangeTried(this.#request, target.instance);
    return target;
  }

  /** Nobody took the request, so nothing of it was sent: everybody may be asked again, at the addresses of the present table. */
  startOver(nowMs: number): void {
    const request = this.#request;
    this.#begin(
      this.#state.maySend(request, nowMs) ? this.#state.presentPool(request) : this.#state.exchangeWithdrawn(request),
      nowMs,
    );
  }

  /** The canary failed the request before an answer's head. True when it goes to stable now. */
  replay({ hasAnswered, nowMs }: { readonly hasAnswered: boolean; readonly nowMs: number }): boolean {
    const pool = this.#state.exchangeFailed(this.#request, { hasAnswered, nowMs });
    if (pool !== null) this.#begin(pool, nowMs);
    return pool !== null;
  }

  /** Whether the request may be sent to the instance that was last tried, now that it has been reached. */
  mayStart(nowMs: number): boolean {
    return this.#state.maySend(this.#request, nowMs);
  }

  /** Whether it is stable that was last tried. */
  get isOnStable(): boolean {
    return !this.#isOnCanary;
  }

  /** Another instance of the pool that would be tried next; it stays the next one. */
  get spare(): Target | null {
    return this.#targets[this.#next] ?? null;
  }

  refused({ instance }: Target, nowMs: number): void {
    this.#refusals += 1;
    this.#state.targetUnreachable(this.#request.choice, instance, nowMs);
  }

  get #isOnCanary(): boolean {
    return this.#request.choice.fallback !== null && !this.#request.hasFallenBack;
  }

  #leaveRelease(nowMs: number): void {
    // The refusal that trips the brake is the canary's failure like those before it.
    if (this.#isOnCanary && this.#refusals > 0) this.#fallBack(nowMs);
    else this.#begin(this.#state.exchangeWithdrawn(this.#request), nowMs);
  }

  #fallBack(nowMs: number): void {
    const pool = this.#state.exchangeFellBack(this.#request, nowMs);
    if (pool !== null) this.#begin(pool, nowMs);
  }

  #begin(pool: Pool, nowMs: number): void {
    this.#targets = this.#state.targets(pool, nowMs);
    this.#next = 0;
  }
}
