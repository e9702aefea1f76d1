import { isIP } from "node:net";
import type { ServiceRoute } from "../routing/table.ts";
import { TrustedProxies } from "../routing/trusted-proxies.ts";
import type { RequestHead } from "./request-head.ts";

export interface Arrival {
  /** Of the socket. */
  readonly peerAddress: string;
  /** How the request came to this machine. */
  readonly scheme: "http" | "https";
  readonly requestId: string;
  /** Whose word about the client counts. */
  readonly proxies: TrustedProxies;
  /** What the application calls the visitor in its events; the same header of a client is never passed on. */
  readonly visitor?: string | null;
}

/** The trusted proxies of each service, read once for each table. */
export class ProxiesInFront {
  #byService = new WeakMap<ServiceRoute, TrustedProxies>();

  of(service: ServiceRoute): TrustedProxies {
    const known = this.#byService.get(service);
    if (known !== undefined) return known;
    const proxies = new TrustedProxies(service.trustedProxies ?? []);
    this.#byService.set(service, proxies);
    return proxies;
  }
}

/**
 * Headers as the instance gets them: those of the request, and what Belay knows of where it came from. What a client says of
 * itself is replaced; a trusted proxy is believed who its client is, and whether it came by TLS.
 */
export function headersForInstance(head: RequestHead, arrival: Arrival): string[] {
  const { hostHeader, claims, headers, via, httpVersion } = head;
  const peer = withoutMapping(arrival.peerAddress);
  const isTrusted = arrival.proxies.trusts(peer);
  const hop = `${httpVersion} belay`;
  const all = [
    ...headers,
    "X-Forwarded-For",
    chainTo(peer, claims.forwardedFor, arrival.proxies).join(", "),
    "X-Forwarded-Proto",
    isTrusted && isScheme(claims.forwardedProto) ? claims.forwardedProto : arrival.scheme,
    "X-Request-Id",
    arrival.requestId,
    "Via",
    via === "" ? hop : `${via}, ${hop}`,
  ];
  if (hostHeader !== "") all.push("X-Forwarded-Host", hostHeader);
  if (typeof arrival.visitor === "string") all.push("Belay-Visitor", arrival.visitor);
  if (isTrusted && /^\d{1,5}$/.test(claims.forwardedPort)) all.push("X-Forwarded-Port", claims.forwardedPort);
  return all;
}

/** Whether a trusted proxy says that it has ended the client's TLS. */
export function cameByTls({ claims }: RequestHead, { peerAddress, proxies }: Pick<Arrival, "peerAddress" | "proxies">): boolean {
  return claims.forwardedProto === "https" && proxies.trusts(withoutMapping(peerAddress));
}

/** Whether a trusted proxy does not say for whom it asks. Then it is taken for the client itself. */
export function isWithoutClient(
  { claims }: RequestHead,
  { peerAddress, proxies }: Pick<Arrival, "peerAddress" | "proxies">,
): boolean {
  return claims.forwardedFor.length === 0 && proxies.trusts(withoutMapping(peerAddress));
}

/** From the client on, hop by hop. What stands before the client, it has written itself, and nobody gets to read it. */
function chainTo(peer: string, said: readonly string[], proxies: TrustedProxies): readonly string[] {
  const chain = [peer];
  for (const before of said.toReversed()) {
    const address = withoutPort(before);
    if (isIP(address) === 0 || !proxies.trusts(chain[0] ?? "")) break;
    chain.unshift(address);
  }
  return chain;
}

/** A socket for both families writes addresses of version 4 as `::ffff:10.0.0.1`. */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, "");
}

function withoutPort(text: string): string {
  return withoutMapping(/^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text);
}

function isScheme(value: string): value is "http" | "https" {
  return value === "http" || value === "https";
}
