/** Names that no visitor and no other request has: a request that is a unit of its own gets a fresh toss by one. */
export class RequestNames {
  readonly #boot: string;
  #count = 0;

  /** `boot` tells this worker's requests from those of others. */
  constructor(boot: string) {
    this.#boot = boot;
  }

  next(): string {
    this.#count += 1;
    return `request ${this.#boot} ${this.#count}`;
  }
}
