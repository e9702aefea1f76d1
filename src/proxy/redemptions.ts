import type { Redemption } from "../routing/wire.ts";

/** How long a person waits for the control plane before she is told to try again. */
const patienceMs = 10_000;

/** Links that were handed to the control plane, until it says what becomes of them. */
export class Redemptions {
  readonly #ask: (request: number, link: string) => boolean;
  readonly #sleep: (durationMs: number) => Promise<void>;
  #waiting = new Map<number, (redemption: Redemption) => void>();
  #count = 0;

  /** `ask` is false when nobody can be asked now. */
  constructor(options: { ask(request: number, link: string): boolean; sleep(durationMs: number): Promise<void> }) {
    this.#ask = options.ask;
    this.#sleep = options.sleep;
  }

  async redeem(link: string): Promise<Redemption> {
    this.#count += 1;
    const request = this.#count;
    if (!this.#ask(request, link)) return { kind: "unavailable" };
    const { promise, resolve } = Promise.withResolvers<Redemption>();
    this.#waiting.set(request, resolve);
    const late = this.#sleep(patienceMs).then((): Redemption => ({ kind: "unavailable" }));
    const redemption = await Promise.race([promise, late]);
    this.#waiting.delete(request);
    return redemption;
  }

  answered(request: number, redemption: Redemption): void {
    this.#waiting.get(request)?.(redemption);
  }
}
