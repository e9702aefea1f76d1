import { Networks } from "../ports/networks.ts";

/**
 * Proxies in front of Belay whose word about a client counts, by the address of their connections: `trustedProxies` of the
 * environment in belay.yml. From everybody else X-Forwarded-* is what the client made up.
 */
export class TrustedProxies {
  readonly #networks: Networks;
  readonly #isEmpty: boolean;

  constructor(networks: readonly string[]) {
    this.#networks = new Networks(networks);
    this.#isEmpty = networks.length === 0;
  }

  /** Whether what the owner of this connection says of its client counts. */
  trusts(peerAddress: string): boolean {
    return !this.#isEmpty && this.#networks.has(peerAddress);
  }

  /**
   * Who the client is: the last address that no trusted proxy vouches for, read from the connection backwards through the
   * values of X-Forwarded-For. What is in front of it was written by somebody who is not trusted.
   */
  clientAddress(peerAddress: string, forwardedFor: readonly string[]): string {
    let client = peerAddress;
    const said = forwardedFor.length === 0 ? [] : forwardedFor.join(",").split(",");
    while (said.length > 0 && this.trusts(client)) {
      const next = withoutPort((said.pop() ?? "").trim());
      if (next === "") break;
      client = next;
    }
    return client;
  }
}

/** Some proxies write the port as well: `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
