import type { Exchange } from "./browser.ts";

const failuresKeptMax = 1000;

/** What visitors met, over some time. Assets count as requests, too. */
export interface VisitorReport {
  readonly seconds: number;
  /** New visitors that came. */
  readonly visitors: number;
  readonly requests: number;
  /** Answers 5xx, connections that broke, answers cut short. */
  readonly failed: number;
  /** Visitors with at least one failed request. */
  readonly harmedVisitors: number;
  /** Logged-in members who were asked to log in again. */
  readonly loggedOut: number;
  readonly missedAssets: number;
  /** Any other answer that a visitor of a working shop does not get. */
  readonly unexpected: number;
  /** Most changes of release by one visitor, counted from the answer that set its `belay_uid`. */
  readonly sideChangesMax: number;
  /** By the `belay-release` header; "" is no header or no answer. */
  readonly byRelease: Readonly<Record<string, ReleaseTally>>;
  /** The first thousand failures. */
  readonly failures: readonly Failure[];
}

export interface ReleaseTally {
  readonly requests: number;
  readonly failed: number;
  /** When the first and the last request that it answered were sent, on this process's `performance.now()`. */
  readonly firstStartedAtMs: number;
  readonly lastStartedAtMs: number;
}

export type Failure = Omit<Exchange, "body">;

export type Surprise = "loggedOut" | "missedAssets" | "unexpected";

export function isFailed(exchange: Exchange): boolean {
  return exchange.status === null || exchange.status >= 500;
}

/** Counts for one lap: what was asked in it, also when it is answered later. */
export class Tally {
  readonly #startedAtMs = performance.now();
  readonly #byRelease = new Map<
    string,
    { requests: number; failed: number; firstStartedAtMs: number; lastStartedAtMs: number }
  >();
  readonly #harmed = new Set<number>();
  readonly #sideChanges = new Map<number, number>();
  readonly #failures: Failure[] = [];
  readonly #surprises: Record<Surprise, number> = { loggedOut: 0, missedAssets: 0, unexpected: 0 };
  #visitors = 0;
  #requests = 0;
  #failed = 0;
  #open = 0;
  #onSettled: () => void = () => {};

  countVisitor(): void {
    this.#visitors += 1;
  }

  /** A request is sent. */
  begin(): void {
    this.#open += 1;
  }

  /** Resolves when everything that has begun was counted. Ask once, when nothing begins any more. */
  settled(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  /** What has begun has come to its end. */
  countExchange(visitor: number, exchange: Exchange): void {
    this.#open -= 1;
    if (this.#open === 0) this.#onSettled();
    this.#requests += 1;
    const release = this.#byRelease.get(exchange.release) ?? {
      requests: 0,
      failed: 0,
      firstStartedAtMs: exchange.startedAtMs,
      lastStartedAtMs: 0,
    };
    this.#byRelease.set(exchange.release, release);
    release.requests += 1;
    release.firstStartedAtMs = Math.min(release.firstStartedAtMs, exchange.startedAtMs);
    release.lastStartedAtMs = Math.max(release.lastStartedAtMs, exchange.startedAtMs);
    if (!isFailed(exchange)) return;
    this.#failed += 1;
    release.failed += 1;
    this.#harmed.add(visitor);
    const { body: _, ...failure } = exchange;
    if (this.#failures.length < failuresKeptMax) this.#failures.push(failure);
  }

  countSurprise(surprise: Surprise): void {
    this.#surprises[surprise] += 1;
  }

  countSideChange(visitor: number): void {
    this.#sideChanges.set(visitor, (this.#sideChanges.get(visitor) ?? 0) + 1);
  }

  report(): VisitorReport {
    return {
      seconds: (performance.now() - this.#startedAtMs) / 1000,
      visitors: this.#visitors,
      requests: this.#requests,
      failed: this.#failed,
      harmedVisitors: this.#harmed.size,
      ...this.#surprises,
      sideChangesMax: Math.max(0, ...this.#sideChanges.values()),
      byRelease: Object.fromEntries([...this.#byRelease].map(([name, release]) => [name, { ...release }])),
      failures: [...this.#failures],
    };
  }
}
