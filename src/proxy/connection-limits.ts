import { isIPv6, type Socket } from "node:net";
import type { TurnedAwayBy } from "../routing/front-counts.ts";
import type { RoutingTable } from "../routing/table.ts";
import { TrustedProxies } from "../routing/trusted-proxies.ts";
import type { Limits } from "./limits.ts";

/** Counts the sockets of a worker, by address too, from their acceptance on, and says which are too many. */
export class ConnectionLimits {
  readonly #limits: Limits;
  readonly #unbounded: TrustedProxies;
  readonly #table: () => RoutingTable;
  #byAddress = new Map<string, number>();
  #total = 0;
  /** Of the table that was looked at last. */
  #proxies: { readonly table: RoutingTable; readonly inFront: TrustedProxies } | null = null;

  constructor(limits: Limits, table: () => RoutingTable) {
    this.#limits = limits;
    this.#unbounded = new TrustedProxies(limits.unboundedNetworks);
    this.#table = table;
  }

  get total(): number {
    return this.#total;
  }

  /** Null when the socket may stay; it is counted until it closes. */
  refusalOf(socket: Pick<Socket, "remoteAddress" | "once">): TurnedAwayBy | null {
    const { connectionsMax, connectionsPerAddressMax } = this.#limits;
    if (this.#total >= connectionsMax) return "connections";
    const address = socket.remoteAddress ?? "";
    const key = networkOf(address);
    const known = this.#byAddress.get(key) ?? 0;
    if (known >= connectionsPerAddressMax && !this.#isUnbounded(address)) return "address";
    this.#total += 1;
    this.#byAddress.set(key, known + 1);
    socket.once("close", () => this.#closed(key));
    return null;
  }

  #closed(key: string): void {
    this.#total -= 1;
    const left = (this.#byAddress.get(key) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, left);
  }

  /** The many clients of a proxy in front share its address. */
  #isUnbounded(address: string): boolean {
    if (this.#unbounded.trusts(address)) return true;
    const table = this.#table();
    if (this.#proxies?.table !== table) {
      const networks = table.services.flatMap(({ trustedProxies = [] }) => trustedProxies);
      this.#proxies = { table, inFront: new TrustedProxies(networks) };
    }
    return this.#proxies.inFront.trusts(address);
  }
}

/** One customer of a provider has a whole /64 of IPv6 to choose from. */
function networkOf(address: string): string {
  // Also one of IPv4 in its IPv6 form.
  if (!isIPv6(address) || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - last.length;
  return [...groups, ...new Array<string>(Math.max(0, zeros)).fill("0"), ...last].slice(0, 4).join(":");
}
