/** What one worker allows its clients, so that no number of them takes the memory or the turns of the others. */
export interface Limits {
  readonly connectionsMax: number;
  /** Of one IPv4 address, or one /64 of IPv6. */
  readonly connectionsPerAddressMax: number;
  /** Networks of which `connectionsPerAddressMax` does not hold, beside trusted proxies. */
  readonly unboundedNetworks: readonly string[];
  /** Requests and tunnels on their way. */
  readonly requestsMax: number;
  /** Requests on one connection of HTTP/1.1 that are not answered yet. */
  readonly pipelinedMax: number;
  readonly headBytesMax: number;
  /** How long a head may take to come. */
  readonly headMs: number;
  /** How fast a body must come while an instance waits for it, how long it may be slower from the start, and how long at most after it was faster. */
  readonly uploadBytesPerSecondMin: number;
  readonly uploadGraceMs: number;
  readonly uploadCreditMsMax: number;
  /** An answer of which the client takes nothing for so long is broken off. */
  readonly readerStallMs: number;
  /** How long a request waits for an instance, and how many do at once. */
  readonly holdMs: number;
  readonly heldMax: number;
  readonly heldBytesMax: number;
  /** How long a worker that ends lets its clients finish. */
  readonly drainMs: number;
}

export const defaultLimits: Limits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 1_000,
  unboundedNetworks: ["127.0.0.0/8", "::1"],
  requestsMax: 10_000,
  pipelinedMax: 64,
  headBytesMax: 16 * 1024,
  headMs: 10_000,
  uploadBytesPerSecondMin: 240,
  uploadGraceMs: 10_000,
  uploadCreditMsMax: 30_000,
  readerStallMs: 120_000,
  holdMs: 30_000,
  heldMax: 1_000,
  heldBytesMax: 16 * 1024 * 1024,
  drainMs: 10_000,
};
