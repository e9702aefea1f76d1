import type { PreviewRefusal } from "../rollout/preview.ts";
import { previewCookieName, previewLinkPath } from "../routing/preview-desk.ts";
import type { ServiceRoute } from "../routing/table.ts";
import type { Redemption } from "../routing/wire.ts";
import type { ClientConnection, ClientRequest } from "./client.ts";
import { cameByTls } from "./forwarding.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type Asking, refuse } from "./refuse.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";

const refusalWords: Readonly<Record<PreviewRefusal, string>> = {
  forged: "This preview link is not one of ours",
  expired: "This preview link is too old, or its release is no longer shown; ask for a new one",
  foreign: "This preview link belongs to another service",
  replayed: "This preview link has been used; ask for one of your own",
};

/** Whether the request is about a preview link: those are answered by Belay itself. */
export function isPreviewLink({ url = "" }: Pick<ClientRequest, "url">): boolean {
  return (url.split("?", 1)[0] ?? "").endsWith(previewLinkPath);
}

/** Whether the visitor speaks https, to Belay or to a trusted proxy in front that says so. */
export function isHttps(
  context: Pick<ProxyContext, "proxiesInFront">,
  head: RequestHead,
  { connection, service }: Asked,
): boolean {
  const { scheme, peerAddress } = connection;
  if (scheme === "https") return true;
  return service !== null && cameByTls(head, { peerAddress, proxies: context.proxiesInFront.of(service) });
}

interface Asked {
  readonly connection: Pick<ClientConnection, "scheme" | "peerAddress">;
  readonly service: ServiceRoute | null;
}

/** Exchanges a link for a cookie, and sends its holder on to the service without the link. */
export async function answerPreviewLink(context: ProxyContext, asking: Asking): Promise<void> {
  const { incoming, response, connection } = asking;
  const isLast = context.isDraining();
  const head = readRequestHead(incoming);
  const service = typeof head === "string" ? null : context.state.serviceAt(head.host, head.path);
  if (typeof head === "string" || service === null) {
    refuse(context, asking, { status: 404, reason: "No service answers at this address", isLast });
    return;
  }
  const https = isHttps(context, head, { connection, service });
  const location = https ? null : context.secureLocation(head);
  if (location !== null) {
    refuse(context, asking, { status: 308, reason: "This host is served over HTTPS", location, isLast });
    return;
  }
  // What only looks at a link, as a chat that shows what is behind it may do, does not use it up.
  if (incoming.method !== "GET" || isAhead(incoming)) {
    refuse(context, asking, { status: 405, reason: "A preview link is opened in a browser", allow: "GET", isLast });
    return;
  }
  const redemption = await redeem(context, service, head);
  if (response.destroyed) return;
  switch (redemption.kind) {
    case "refused":
      refuse(context, asking, { status: 403, reason: refusalWords[redemption.why], isLast });
      return;
    case "unavailable":
      refuse(context, asking, {
        status: 503,
        reason: "Preview links cannot be used at this moment; try again",
        retryAfterSeconds: 5,
        isLast,
      });
      return;
    case "accepted":
      sendOn(context, asking, {
        cookie: cookieOf(service, redemption, https),
        // One slash: two, or a backslash, would lead to another host.
        location: `/${head.path.slice(0, -previewLinkPath.length).replace(/^[/\\]+/, "")}`,
        isLast,
      });
  }
}

/** Whether a browser fetches the page in case somebody wants it; the older of them say so in words of their own. */
function isAhead({ headers }: ClientRequest): boolean {
  return ["sec-purpose", "purpose", "x-purpose", "x-moz"].some((name) => headers[name] !== undefined);
}

/** The worker sees by itself what is forged, foreign or too old, so that nobody can busy the control plane with it. */
async function redeem(
  { state, clock, redeem: ask }: ProxyContext,
  service: ServiceRoute,
  head: RequestHead,
): Promise<Redemption> {
  const link = new URLSearchParams(head.target.slice(head.path.length + 1)).get("link") ?? "";
  const checked = state.previews.readLink(service, link, clock.now().epochMilliseconds / 1000);
  if (checked.kind === "refused") return checked;
  const redemption = await ask(link);
  if (redemption.kind === "refused") state.previews.refused(service, redemption.why);
  return redemption;
}

function cookieOf(service: ServiceRoute, { cookie, lastsSeconds }: Redemption & { kind: "accepted" }, https: boolean): string {
  const secure = https ? "; Secure" : "";
  return `${previewCookieName(service, https)}=${cookie}; Path=/; Max-Age=${lastsSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

function sendOn(
  { unread, clock }: ProxyContext,
  { response, connection }: Asking,
  { cookie, location, isLast }: { readonly cookie: string; readonly location: string; readonly isLast: boolean },
): void {
  const headers = ["Location", location, "Set-Cookie", cookie, "Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];
  response.writeHead(303, [...headers, "Content-Length", "0", ...(isLast ? ["Connection", "close"] : [])]);
  response.end();
  unread.add(response, connection, clock.monotonicMs());
}
