import type { Choice, IncomingRequest, InFlight } from "../routing/in-flight.ts";
import type { Asked } from "../routing/shield.ts";
import { Attempts } from "./attempts.ts";
import type { ClientConnection, ClientRequest } from "./client.ts";
import { cameByTls, headersForInstance, isWithoutClient } from "./forwarding.ts";
import { maintenanceAnswer } from "./maintenance-answer.ts";
import { isHttps } from "./preview-door.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { type RequestHead, readRequestHead } from "./request-head.ts";
import type { OwnAnswer } from "./respond.ts";

/** A request that has a place to go. It is in flight from here on. */
export interface Admission {
  readonly kind: "admitted";
  readonly head: RequestHead;
  readonly request: InFlight;
  readonly attempts: Attempts;
  /** Headers as the instance gets them. */
  readonly headers: string[];
  readonly setCookie: string | null;
}

/** Reads a request's head, knows its visitor, and chooses its release. */
export function admit(
  context: ProxyContext,
  incoming: ClientRequest,
  connection: ClientConnection,
): Admission | { readonly kind: "refused"; readonly answer: OwnAnswer } {
  const head = readRequestHead(incoming);
  if (typeof head === "string")
    return { kind: "refused", answer: { status: 400, reason: `The request has ${head}`, isLast: true } };
  const { state, cookies, clock } = context;
  const nowMs = clock.monotonicMs();
  const visitor = cookies.identify(head.visitorCookies, clock.now().epochMilliseconds / 1000);
  const choice = state.choose({
    host: head.host,
    path: head.path,
    visitor: visitor.id,
    isNewVisitor: visitor.isNew,
    traits: { peerAddress: connection.peerAddress, headers: incoming.rawHeaders, target: head.target },
    ...previewOf(context, connection, head),
    nowMs,
  });
  if (choice === null) return { kind: "refused", answer: { status: 404, reason: "No service answers at this address" } };
  const { peerAddress, scheme } = connection;
  const proxies = context.proxiesInFront.of(choice.service);
  if (isWithoutClient(head, { peerAddress, proxies })) context.front.cameWithoutClient(choice.service);
  const location = scheme === "https" || cameByTls(head, { peerAddress, proxies }) ? null : context.secureLocation(head);
  if (location !== null) return { kind: "refused", answer: { status: 308, reason: "This host is served over HTTPS", location } };
  const { maintenance } = choice.service;
  if (maintenance !== undefined)
    return { kind: "refused", answer: maintenanceAnswer(maintenance.message, incoming.headers.accept) };
  const request = state.exchangeStarted(choice, nowMs, askedFor(incoming, head.path));
  return {
    kind: "admitted",
    head,
    request,
    attempts: new Attempts({ state, request, nowMs }),
    headers: headersForInstance(head, {
      peerAddress,
      scheme,
      requestId: head.requestId ?? context.nextRequestId(),
      proxies,
      visitor: visitorForEvents(choice),
    }),
    setCookie: visitor.setCookie,
  };
}

/** By what the application names this visitor in the events that it posts; null where no KPI asks for any, or nobody is compared. */
function visitorForEvents({ service, unit, rollout, arm }: Choice): string | null {
  if (unit === null || (arm !== "stable" && arm !== "canary")) return null;
  return service.kpis?.some(({ good }) => good === null) === true ? `${rollout}:${unit}` : null;
}

/** A tunnel is never repeated. */
function askedFor({ method = "GET", headers }: ClientRequest, path: string): Asked | undefined {
  if (String(headers["upgrade"] ?? "").toLowerCase() === "websocket") return undefined;
  const bodyBytes = Number(headers["content-length"] ?? 0);
  return { method, hasIdempotencyKey: (headers["idempotency-key"] ?? "") !== "", bodyBytes, path };
}

/** Nothing for the many who have no such cookie. */
function previewOf(context: ProxyContext, connection: ClientConnection, head: RequestHead): Pick<IncomingRequest, "preview"> {
  const { previewCookies: cookies } = head;
  if (cookies.length === 0) return {};
  const nowSeconds = context.clock.now().epochMilliseconds / 1000;
  return {
    preview: {
      cookies,
      isHttps: isHttps(context, head, { connection, service: context.state.serviceAt(head.host, head.path) }),
      nowSeconds,
    },
  };
}

/** The answer comes from a release that does not serve everybody. */
export function isCanary({ choice, release }: InFlight): boolean {
  return choice.fallback !== null && release === choice.pool.release;
}

/** The release to show in `belay-release`: to everyone if the service says so, and to people with a preview. */
export function shownRelease({ choice, release }: InFlight): string | null {
  return choice.service.expose === "all" || choice.arm === "preview" ? release : null;
}
