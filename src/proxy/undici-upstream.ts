import type { Target } from "../routing/table.ts";
import { TargetPool } from "./connection-pool.ts";
import type { ExchangeObserver, Upstream, UpstreamExchange, UpstreamRequest } from "./exchange.ts";
import { UndiciExchange } from "./undici-exchange.ts";

/** Exchanges over undici clients, which are kept per instance. */
export class UndiciUpstream implements Upstream {
  #pools = new Map<string, TargetPool>();

  start(target: Target, request: UpstreamRequest, observer: ExchangeObserver): UpstreamExchange {
    const pool = this.#pools.getOrInsertComputed(addressOf(target), () => new TargetPool(target));
    return new UndiciExchange({ pool, request, observer });
  }

  retain(targets: readonly Target[]): void {
    const wanted = new Set(targets.map(addressOf));
    for (const [address, pool] of this.#pools) {
      if (wanted.has(address)) continue;
      this.#pools.delete(address);
      void pool.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
    this.#pools.clear();
  }
}

function addressOf({ host, port }: Target): string {
  return `${host} ${port}`;
}
