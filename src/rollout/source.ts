/** Where figures come from that Belay does not count itself. */

/** Two counters of the application that Prometheus keeps by release: how many ended at all, and how many of these badly. */
export interface CounterSource {
  readonly name: string;
  /** Base URL of the Prometheus, without user, query and fragment. */
  readonly prometheus: string;
  /** Expressions with `{{release}}`, and perhaps `{{service}}` and `{{environment}}`. */
  readonly bad: string;
  readonly of: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Name of the secret that is sent as a bearer token. */
  readonly token?: string | undefined;
  /** No step by weight and no bake ends while this source says nothing. */
  readonly isRequired: boolean;
}

/** One series as it stands in one answer. A process is what counts from 0 when it is started anew. */
export interface CounterSample {
  readonly arm: "canary" | "stable";
  readonly what: "of" | "bad";
  readonly process: string;
  /** The same for the same series in every answer. */
  readonly series: string;
  readonly value: number;
}

/** What came of asking once. `broken` is never a verdict: it is shown in words, without a full stop. */
export type SourceReading =
  | { readonly kind: "read"; readonly samples: readonly CounterSample[] }
  | { readonly kind: "broken"; readonly reason: string };

/** What a source is at, for people. */
export interface SourceSummary {
  readonly name: string;
  readonly state: "heard" | "waiting" | "broken";
  /** Why it is waiting or broken; empty when it is heard. */
  readonly words: string;
  readonly batches: number;
  readonly canary: { readonly of: number; readonly bad: number };
  readonly stable: { readonly of: number; readonly bad: number };
}

export interface SourceQuestion {
  readonly source: CounterSource;
  readonly service: string;
  readonly environment: string;
  /** Release ids. */
  readonly canary: string;
  readonly stable: string;
  readonly signal: AbortSignal;
}

/** Asks a source once. Resolves within its timeout; what goes wrong outside of Belay is a reading, never a rejection. */
export type ReadSource = (question: SourceQuestion) => Promise<SourceReading>;
