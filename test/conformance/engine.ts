/**
 * The conformance suite asks any reverse proxy for HTTP/1.1 the same questions. What it needs to know of one is this: it can be
 * started in front of an upstream, and it passes on requests for `shop.test`.
 */
export interface Engine {
  readonly name: string;
  /** Starts it in front of an upstream on 127.0.0.1. Resolves once it takes connections. */
  start(upstreamPort: number): Promise<RunningEngine>;
}

export interface RunningEngine {
  /** On 127.0.0.1. */
  readonly port: number;
  stop(): Promise<void>;
}
