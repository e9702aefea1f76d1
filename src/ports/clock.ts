/** Time as a port. Nothing outside `ports/` and `main.ts` may read the clock or set a timer. */
export interface Clock {
  /** Wall clock. For records that people read; it may step backwards. */
  now(): Temporal.Instant;
  /** Milliseconds that no clock step changes and that all processes of this machine share. Leases, holds and deadlines are counted on it. */
  monotonicMs(): number;
  /** Resolves once `durationMs` have passed; rejects with the signal's reason as soon as `signal` aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** Runs `action` every `periodMs` until the returned function is called. Does not keep the process alive by itself. */
  every(periodMs: number, action: () => void): () => void;
}
