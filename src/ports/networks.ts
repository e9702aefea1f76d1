import { BlockList, isIP } from "node:net";

/** Whether the text is an address, or a network in CIDR notation: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  const { address, family, prefix } = split(text);
  if (family === 0 || address.includes("%")) return false;
  return prefix === null || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bitsOf(family));
}

/** A set of networks. What is no network or no address is in none. */
export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      if (!isNetwork(network)) continue;
      const { address, family, prefix } = split(network);
      this.#list.addSubnet(address, prefix === null ? bitsOf(family) : Number(prefix), nameOf(family));
    }
  }

  /** An IPv4 address may come in its IPv6 form, as a socket that listens for both tells it. */
  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, nameOf(family));
  }
}

function split(text: string): { readonly address: string; readonly family: number; readonly prefix: string | null } {
  const [address = "", prefix = null, ...rest] = text.split("/");
  return { address, family: rest.length > 0 ? 0 : isIP(address), prefix };
}

function bitsOf(family: number): number {
  return family === 4 ? 32 : 128;
}

function nameOf(family: number): "ipv4" | "ipv6" {
  return family === 4 ? "ipv4" : "ipv6";
}
