import type { Context, MiddlewareHandler, Next } from "hono";
import type { PrincipalDesk } from "../control/principals.ts";
import { BelayError } from "../errors.ts";
import { type ApiEnv, everywhere, type Grant } from "./access.ts";
import { type ApiToken, matchesToken } from "./token.ts";

/** Who may ask, and how they are known. One per listener. */
export type ApiAuth =
  /** The socket's file mode is the guard; the name of the user is what the client claims. */
  | { readonly kind: "socket" }
  /** `hosts` are the `host:port` under which the listener may be addressed; a page of another name that resolves here is refused by it. */
  | { readonly kind: "token"; readonly token: ApiToken; readonly hosts: readonly string[] };

/** Refuses what a browser on another site could send, then asks who it is. Runs before any body is read. */
export function guard(auth: ApiAuth, principals: Pick<PrincipalDesk, "find">): MiddlewareHandler<ApiEnv> {
  return async (context: Context<ApiEnv>, next: Next) => {
    if (auth.kind === "token") {
      checkHost(context, auth.hosts);
      checkOrigin(context);
    }
    checkContentType(context);
    if (!isOpen(context)) {
      const { grant, via } = identify(context, auth, principals);
      context.set("actor", { kind: "person", name: grant.name, via });
      context.set("grant", grant);
    }
    await next();
  };
}

/** The names of a listener: its own address, and localhost when it listens on loopback or on every address. */
export function allowedHosts({ host, port }: { readonly host: string; readonly port: number }): readonly string[] {
  const own = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const isReachableLocally = ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"].includes(host);
  const local = isReachableLocally ? [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`] : [];
  return [...new Set([own, ...local])];
}

/** Liveness says nothing about the system, so that a load balancer or systemd may ask without a token. */
function isOpen(context: Context): boolean {
  return context.req.path === "/api/v1/health";
}

function checkHost(context: Context, hosts: readonly string[]): void {
  const host = (context.req.header("host") ?? "").toLowerCase();
  if (hosts.includes(host)) return;
  throw new BelayError({
    code: "BELAY_API_HOST_REFUSED",
    message: "the request names a host that this listener does not serve",
    next: `Address the API as ${hosts.join(" or ")}.`,
  });
}

function checkOrigin(context: Context): void {
  const origin = context.req.header("origin");
  const site = context.req.header("sec-fetch-site");
  const isOwn = origin === undefined || origin.toLowerCase() === `http://${(context.req.header("host") ?? "").toLowerCase()}`;
  if (isOwn && (site === undefined || site === "same-origin" || site === "none")) return;
  throw new BelayError({
    code: "BELAY_API_ORIGIN_REFUSED",
    message: "the request comes from a page of another origin",
    next: "Send it from a command line or a server; pages of other origins are never served.",
  });
}

/** The routes whose body is a stream of bytes; each bounds it by itself. */
export function takesBytes(path: string): boolean {
  return path === "/api/v1/repository/packs" || path === "/api/v1/bundles";
}

/** A form or a plain text body is all that a page of another origin may send unasked; neither is accepted. */
function checkContentType(context: Context): void {
  if (["GET", "HEAD", "OPTIONS"].includes(context.req.method)) return;
  const wanted = takesBytes(context.req.path) ? "application/octet-stream" : "application/json";
  const [sent = ""] = (context.req.header("content-type") ?? "").split(";");
  if (sent.trim().toLowerCase() === wanted) return;
  throw new BelayError({
    code: "BELAY_API_CONTENT_TYPE",
    message: "the request has another content type than the one accepted here",
    next: `Send the header content-type: ${wanted}.`,
  });
}

function claimedName(context: Context): string {
  const name = context.req.header("belay-actor") ?? "unknown";
  if (/^[\w.@+-]{1,100}$/.test(name)) return name;
  throw new BelayError({
    code: "BELAY_API_BAD_REQUEST",
    message: "the header belay-actor is not a user name",
    next: "Send a name of letters, digits and . _ @ + -, at most 100 long.",
  });
}

interface Identity {
  readonly grant: Grant;
  readonly via: "socket" | "token";
}

/**
 * Who has the socket has the machine, so that there a name is believed, and a token of another Belay that happens to be set is
 * passed over. A token of this one names its principal and limits what they may on every listener.
 */
function identify(context: Context, auth: ApiAuth, principals: Pick<PrincipalDesk, "find">): Identity {
  const header = context.req.header("authorization");
  const [, candidate] = /^Bearer ([\w.~+/=-]{1,500})$/i.exec(header ?? "") ?? [];
  const found = candidate === undefined ? ({ kind: "unknown" } as const) : principals.find(candidate);
  if (found.kind === "token") return { grant: found.token, via: "token" };
  if (found.kind === "expired") throw expired(found.token.name, found.token.until ?? "");
  if (auth.kind === "socket") return { grant: { name: claimedName(context), role: "admin", scope: everywhere }, via: "socket" };
  if (candidate !== undefined && matchesToken(candidate, auth.token))
    return { grant: { name: auth.token.name, role: "deployer", scope: everywhere }, via: "token" };
  throw new BelayError({
    code: "BELAY_API_UNAUTHENTICATED",
    message: "the request carries no valid token",
    next: "Set BELAY_TOKEN to your token, or to the one that `belay up` showed, or send the header authorization: Bearer <token>.",
  });
}

function expired(name: string, until: string): BelayError {
  return new BelayError({
    code: "BELAY_API_TOKEN_EXPIRED",
    message: `the token of ${name} has expired (${until})`,
    next: "Ask whoever runs this Belay for a new one: `belay token create`.",
  });
}
