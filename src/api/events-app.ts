import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { EventPlace, EventSender, EventsTaken } from "../control/kpi-events.ts";
import { BelayError } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import { answerError } from "./api-error.ts";
import type { ListenerBounds } from "./serve-api.ts";

const bodyBytesMax = 64 * 1024;
const eventsMax = 100;

/** What the listener allows whoever connects: every process of the machine can. */
export const eventsBounds: ListenerBounds = { connectionsMax: 1_000, requestWithinMs: 10_000 };

export interface EventsInside {
  readonly log: Log;
  /** Which instances of this service were given the token; null when none were. */
  senderOf(place: EventPlace, token: string): EventSender | null;
  take(from: EventPlace & { readonly sender: EventSender }, posted: readonly unknown[]): EventsTaken;
}

/** Where instances post the outcomes of their visitors: one event, or a list of at most a hundred. It has nothing else. */
export function createEventsApp({ log, senderOf, take }: EventsInside): Pick<Hono, "fetch" | "request"> {
  const app = new Hono<KnownSender>();
  app.onError((error, context) => answerError(error, context, log));
  app.notFound(() => {
    throw new BelayError({
      code: "BELAY_API_NOT_FOUND",
      message: "this listener takes events and nothing else",
      next: "Post to the address in BELAY_EVENTS_URL.",
    });
  });
  app.post("/events/:environment/:service", requireToken(senderOf), limitBody, async (context) => {
    const taken = take({ ...placeOf(context), sender: context.var.sender }, parseEvents(await bodyOf(context)));
    const isAllTooMany = taken.accepted === 0 && taken.refused.some(({ why }) => why === "too-many");
    return context.json(taken, isAllTooMany ? 429 : 202, isAllTooMany ? { "retry-after": "1" } : {});
  });
  return app;
}

type KnownSender = { readonly Variables: { readonly sender: EventSender } };
type Asked = Context<KnownSender, "/events/:environment/:service">;

/** Before anything of the body is read: who has no token makes nobody wait for it. */
function requireToken(senderOf: EventsInside["senderOf"]): MiddlewareHandler<KnownSender, "/events/:environment/:service"> {
  return async (context, next) => {
    const [, token = ""] = /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "") ?? [];
    const sender = senderOf(placeOf(context), token);
    if (sender === null) throw unauthenticated();
    context.set("sender", sender);
    await next();
  };
}

const limitBody = bodyLimit({ maxSize: bodyBytesMax, onError: () => Promise.reject(tooLarge()) });

function placeOf({ req }: Asked): EventPlace {
  return { environment: req.param("environment"), service: req.param("service") };
}

async function bodyOf({ req }: Asked): Promise<string> {
  try {
    return await req.text();
  } catch (cause) {
    // The sender has left, or was too slow: nobody reads the answer, and it is no bug of ours.
    if (cause instanceof Error && "code" in cause && cause.code === "ECONNRESET") throw malformed(cause);
    throw cause;
  }
}

function parseEvents(text: string): readonly unknown[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause);
  }
  const events = Array.isArray(content) ? content : [content];
  if (events.length > eventsMax) throw malformed(`more than ${eventsMax} events`);
  return events;
}

function malformed(cause: unknown): BelayError {
  return new BelayError({
    code: "BELAY_API_BAD_REQUEST",
    message: "the body is neither an event nor a list of at most 100",
    next: 'Post JSON such as {"event":"order-paid","visitor":"<the value of the Belay-Visitor header>"}.',
    cause,
  });
}

function tooLarge(): BelayError {
  return new BelayError({
    code: "BELAY_API_BODY_TOO_LARGE",
    message: `the request's body is larger than ${bodyBytesMax} bytes`,
    next: "Post fewer events at a time.",
  });
}

function unauthenticated(): BelayError {
  return new BelayError({
    code: "BELAY_API_UNAUTHENTICATED",
    message: "the events come without the token of their service",
    next: "Send Authorization: Bearer with the value of BELAY_EVENTS_TOKEN, which each instance has in its environment.",
  });
}
