import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { EventPlace, EventsTaken } from "../control/kpi-events.ts";
import { BelayError } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import { answerError } from "./api-error.ts";

const bodyBytesMax = 64 * 1024;
const eventsMax = 100;

export interface EventsInside {
  readonly log: Log;
  /** Whether the token is the one that instances of this service were given. */
  isTokenOf(place: EventPlace, token: string): boolean;
  take(place: EventPlace, posted: readonly unknown[]): EventsTaken;
}

/** Where instances post the outcomes of their visitors: one event, or a list of at most a hundred. It has nothing else. */
export function createEventsApp({ log, isTokenOf, take }: EventsInside): Pick<Hono, "fetch" | "request"> {
  const app = new Hono();
  app.onError((error, context) => answerError(error, context, log));
  app.notFound(() => {
    throw new BelayError({
      code: "BELAY_API_NOT_FOUND",
      message: "this listener takes events and nothing else",
      next: "Post to the address in BELAY_EVENTS_URL.",
    });
  });
  app.use("*", bodyLimit({ maxSize: bodyBytesMax, onError: () => Promise.reject(tooLarge()) }));
  app.post("/events/:environment/:service", async (context) => {
    const place = { environment: context.req.param("environment"), service: context.req.param("service") };
    const [, token = ""] = /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "") ?? [];
    if (!isTokenOf(place, token)) throw unauthenticated();
    const taken = take(place, parseEvents(await context.req.text()));
    const isAllTooMany = taken.accepted === 0 && taken.refused.some(({ why }) => why === "too-many");
    return context.json(taken, isAllTooMany ? 429 : 202, isAllTooMany ? { "retry-after": "1" } : {});
  });
  return app;
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
