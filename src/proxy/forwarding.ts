import { BlockList, isIP } from "node:net";
import type { RequestHead } from "./request-head.ts";

/** Whom a worker believes what it says of the client before it. */
export interface TrustedProxies {
  includes(address: string): boolean;
}

/** Nobody stands in front of Belay. */
export const noTrustedProxies: TrustedProxies = { includes: () => false };

export interface Arrival {
  /** Of the socket. */
  readonly peerAddress: string;
  /** How the request came to this machine. */
  readonly scheme: "http" | "https";
  readonly requestId: string;
  readonly trustedProxies: TrustedProxies;
}

/** A proxy of its own is named, so that a loop can be seen by whoever reads the header. */
const viaName = "belay";

/** Addresses and networks, such as `10.0.0.0/8` or `fd00::1`. What is neither is ignored: the manifest has refused it. */
export function trustedProxiesFrom(networks: readonly string[]): TrustedProxies {
  if (networks.length === 0) return noTrustedProxies;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address);
    if (family === 0) continue;
    const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
    list.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
  }
  return {
    includes: (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
  };
}

/**
 * Headers as the instance gets them: those of the request, and what Belay knows of where it came from. What a client says of
 * itself is replaced; only of a trusted proxy is the client's address taken over, and whether the visitor came by TLS.
 */
export function headersForInstance(head: RequestHead, arrival: Arrival): string[] {
  const { hostHeader, claims, headers, via, httpVersion } = head;
  const peer = plainAddress(arrival.peerAddress);
  const isTrusted = arrival.trustedProxies.includes(peer);
  const hop = `${httpVersion} ${viaName}`;
  const all = [
    ...headers,
    "X-Forwarded-For",
    (isTrusted ? [...soundAddresses(claims.forwardedFor), peer] : [peer]).join(", "),
    "X-Forwarded-Proto",
    isTrusted && isScheme(claims.forwardedProto) ? claims.forwardedProto : arrival.scheme,
    "X-Request-Id",
    arrival.requestId,
    "Via",
    via === "" ? hop : `${via}, ${hop}`,
  ];
  if (hostHeader !== "") all.push("X-Forwarded-Host", hostHeader);
  if (isTrusted && /^\d{1,5}$/.test(claims.forwardedPort)) all.push("X-Forwarded-Port", claims.forwardedPort);
  return all;
}

/** What follows an unreadable entry is kept: the trusted proxy has added it. What stands before it could be anybody's. */
function soundAddresses(chain: readonly string[]): string[] {
  const plain = chain.map(plainAddress);
  return plain.slice(plain.findLastIndex((address) => isIP(address) === 0) + 1);
}

/** Without what IPv6 sockets and some proxies add: `::ffff:` before, brackets around, a port behind an address of version 4. */
function plainAddress(address: string): string {
  const bare = address.replace(/^::ffff:(?=[\d.]+$)/i, "").replace(/^\[([^\]]*)\](?::\d+)?$/, "$1");
  return isIP(bare) === 0 ? bare.replace(/^([\d.]+):\d+$/, "$1") : bare;
}

function isScheme(value: string): value is "http" | "https" {
  return value === "http" || value === "https";
}
