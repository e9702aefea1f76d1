/**
 * The conformance suite asks any reverse proxy the same questions over HTTP/1.1 and HTTP/2. What it needs to know of one is this: it can
 * be started in front of an upstream, and it passes on requests for `shop.test`.
 */
export interface Engine {
  readonly name: string;
  /** Starts it in front of an upstream on 127.0.0.1. Resolves once it takes connections. */
  start(upstreamPort: number, options?: EngineOptions): Promise<RunningEngine>;
}

export interface EngineOptions {
  /** Whether it speaks HTTP/2 too, over TLS. */
  readonly withTls?: boolean;
}

export interface RunningEngine {
  /** On 127.0.0.1. */
  readonly port: number;
  /** 0 when it does not speak TLS. */
  readonly tlsPort: number;
  stop(): Promise<void>;
}
